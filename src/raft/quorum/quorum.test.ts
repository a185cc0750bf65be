import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MemberId } from '../types.ts';
import { jointCommittedIndex, jointVoteResult } from './joint.ts';
import { committedIndex, voteResult } from './majority.ts';

const seed = 1;
const voters = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 7 });
const someVoters = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 7 });
const matches = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 10, maxLength: 10 });
const votes = fc.array(fc.constantFrom(true, false, undefined), { minLength: 10, maxLength: 10 });

const isMajority = (members: readonly MemberId[], of: readonly MemberId[]): boolean =>
  members.length * 2 > of.length;

test('the committed index is the highest that a majority has reached', () => {
  fc.assert(
    fc.property(someVoters, matches, (members, match) => {
      const index = committedIndex(members, (voter) => match[voter] ?? 0);
      const reached = (wanted: number) => members.filter((voter) => (match[voter] ?? 0) >= wanted);
      assert.ok(isMajority(reached(index), members));
      assert.ok(!isMajority(reached(index + 1), members));
    }),
    { seed, numRuns: 500 },
  );
});

test('a vote is won with a majority, lost once there can be none, and open until then', () => {
  fc.assert(
    fc.property(someVoters, votes, (members, answers) => {
      const result = voteResult(members, (voter) => answers[voter]);
      const granted = members.filter((voter) => answers[voter] === true);
      const possible = members.filter((voter) => answers[voter] !== false);
      const expected = isMajority(granted, members)
        ? 'won'
        : isMajority(possible, members)
          ? 'pending'
          : 'lost';
      assert.equal(result, expected);
    }),
    { seed, numRuns: 500 },
  );
});

test('an even number of voters needs more than half', () => {
  const index = (...match: number[]): number =>
    committedIndex([...match.keys()], (voter) => match[voter] ?? 0);
  assert.equal(index(7, 7, 3, 2), 3);
  assert.equal(index(5, 4), 4);
  assert.equal(index(5), 5);
  assert.equal(
    voteResult([1, 2], (voter) => (voter === 1 ? true : undefined)),
    'pending',
  );
  assert.equal(
    voteResult([1, 2], (voter) => voter === 1),
    'lost',
  );
});

test('no voters agree to everything, so an empty half of a configuration decides nothing', () => {
  const reached = () => 4;
  assert.equal(committedIndex([], reached), Infinity);
  assert.equal(
    voteResult([], () => false),
    'won',
  );
  assert.equal(jointCommittedIndex({ voters: [1, 2, 3], votersOutgoing: [] }, reached), 4);
});

test('§6 a joint configuration needs both majorities, separately', () => {
  fc.assert(
    fc.property(someVoters, voters, matches, votes, (incoming, outgoing, match, answers) => {
      const conf = { voters: incoming, votersOutgoing: outgoing };
      const matchOf = (voter: MemberId) => match[voter] ?? 0;
      assert.equal(
        jointCommittedIndex(conf, matchOf),
        Math.min(committedIndex(incoming, matchOf), committedIndex(outgoing, matchOf)),
      );
      const halves = [incoming, outgoing].map((half) => voteResult(half, (voter) => answers[voter]));
      const expected = halves.includes('lost') ? 'lost' : halves.includes('pending') ? 'pending' : 'won';
      assert.equal(
        jointVoteResult(conf, (voter) => answers[voter]),
        expected,
      );
    }),
    { seed, numRuns: 500 },
  );
});

test('§6 two quorums of one configuration, joint or not, share a voter', () => {
  const members = fc.uniqueArray(fc.integer({ min: 1, max: 9 }));
  fc.assert(
    fc.property(someVoters, voters, members, members, (incoming, outgoing, first, second) => {
      const conf = { voters: incoming, votersOutgoing: outgoing };
      const wins = (side: MemberId[]) => jointVoteResult(conf, (voter) => side.includes(voter)) === 'won';
      fc.pre(wins(first) && wins(second));
      assert.ok([...incoming, ...outgoing].some((voter) => first.includes(voter) && second.includes(voter)));
    }),
    { seed, numRuns: 300 },
  );
});
