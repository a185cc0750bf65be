import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeConfEntry } from './confchange/encoding.ts';
import {
  append,
  appended,
  bytes,
  change,
  conf,
  entry,
  heartbeat,
  logOf,
  rejected,
  requestVote,
  vote,
} from './test-messages.ts';
import { lead, ofType, soloOf } from './test-solo.ts';
import type { Solo } from './test-solo.ts';
import type { Entry, Message } from './types.ts';

/** Messages that no correct member sends. They must neither throw nor change anything. */

const three = [1, 2, 3];

/** A follower of 2 in term 3 with two entries, of which the first is committed. */
function follower(): Solo {
  const solo = soloOf(1, three, { terms: [1, 3], term: 3 });
  solo.step(heartbeat(2, 1, 3, { leaderCommit: 1 }));
  return solo;
}

const stateOf = ({ raw }: Solo): unknown[] => [
  raw.term,
  raw.role,
  raw.leaderId,
  raw.commitIndex,
  raw.entries(raw.firstIndex, raw.lastIndex + 1),
];

function ignores(solo: Solo, message: Message): void {
  const before = stateOf(solo);
  assert.deepEqual(solo.step(message), []);
  assert.deepEqual(stateOf(solo), before);
}

const after2 = { prevLogIndex: 2, prevLogTerm: 3 };
const broken: Record<string, readonly Entry[]> = {
  'do not follow the position': [entry(4, 3)],
  'leave a gap': [entry(3, 3), entry(5, 3)],
  'repeat an index': [entry(3, 3), entry(3, 3)],
  'fall in term': [entry(3, 3), entry(4, 2)],
  'start below the term before': [entry(3, 2)],
  'are of a term to come': [entry(3, 4)],
  'hold a change that cannot be read': [{ ...entry(3, 3), type: 'conf-change', data: bytes('{"steps":7}') }],
};
for (const [what, entries] of Object.entries(broken)) {
  test(`an append whose entries ${what} is dropped`, () => {
    ignores(follower(), append(2, 1, 3, { ...after2, entries, leaderCommit: 3 }));
  });
}

test('an append that contradicts what is committed is refused', () => {
  const solo = follower();
  const before = stateOf(solo);
  const entries = logOf([2, 3, 3]);
  const [answer] = ofType(solo.step(append(2, 1, 3, { entries, leaderCommit: 3 })), 'AppendEntriesResponse');
  assert.equal(answer?.success, false);
  assert.deepEqual(stateOf(solo), before);
});

test('a late append that starts below the commit index adds what lies behind it', () => {
  const solo = follower();
  const entries = logOf([1, 3, 3, 3]);
  const [answer] = ofType(solo.step(append(2, 1, 3, { entries, leaderCommit: 3 })), 'AppendEntriesResponse');
  assert.deepEqual([answer?.success, answer?.index], [true, 4]);
  assert.deepEqual([solo.raw.lastIndex, solo.raw.commitIndex], [4, 3]);
});

test('§5.2 a second leader in the term of the first is none', () => {
  const entries = [entry(3, 3)];
  ignores(follower(), append(3, 1, 3, { ...after2, entries }));
  ignores(follower(), heartbeat(3, 1, 3, { leaderCommit: 2 }));
});

test('messages for somebody else, and from oneself, are dropped', () => {
  ignores(follower(), heartbeat(2, 3, 9));
  ignores(follower(), heartbeat(1, 1, 9));
});

test('a term that leaves no room for another is not taken', () => {
  for (const term of [2 ** 52 + 1, Number.MAX_SAFE_INTEGER]) {
    ignores(follower(), heartbeat(2, 1, term));
    ignores(follower(), requestVote(2, 1, term, { transfer: true, lastLogIndex: 9, lastLogTerm: 9 }));
  }
  const solo = follower();
  solo.step(heartbeat(2, 1, 2 ** 52));
  assert.equal(solo.raw.term, 2 ** 52);
});

test('a leader drops what it cannot have been sent', () => {
  const solo = soloOf(1, three);
  lead(solo);
  for (const message of [
    appended(2, 1, 1, 99),
    rejected(2, 1, 1, 99, 98, 1),
    rejected(2, 1, 1, 0, 0, 0),
    appended(9, 1, 1, 1),
    append(2, 1, 1, { entries: logOf([1]) }),
    heartbeat(2, 1, 1),
    vote(9, 1, 1),
  ]) {
    ignores(solo, message);
  }
  assert.equal(solo.raw.progress()[1]?.matchIndex, 0);
});

test('a change that others could not read is refused, and never gets into the log', () => {
  const solo = soloOf(1, [1]);
  lead(solo);
  const { lastIndex } = solo.raw;
  const steps = [{ type: 'add-voter' as const, member: 1.5 }];
  assert.equal(
    solo.node.call((raw) => raw.proposeConfChange({ steps, context: bytes('') }, 0)),
    'invalid',
  );
  assert.equal(solo.raw.lastIndex, lastIndex);
});

test('a change in an append is taken with the configuration that it carries', () => {
  const solo = follower();
  const data = encodeConfEntry({ change: change('+4'), conf: conf([1, 2, 3, 4]) });
  const entries: Entry[] = [{ ...entry(3, 3), type: 'conf-change', data }];
  solo.step(append(2, 1, 3, { ...after2, entries }));
  assert.deepEqual(solo.raw.confState(), conf([1, 2, 3, 4]));
});
