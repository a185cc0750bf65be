import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conf } from '../test-messages.ts';
import { Tracker } from './tracker.ts';

const limits = { inflightMessagesMax: 3, inflightBytesMax: 100 };

function trackerOf(...parts: Parameters<typeof conf>): Tracker {
  const tracker = new Tracker(1, limits);
  tracker.reset(conf(...parts), 10);
  return tracker;
}

const membersOf = (tracker: Tracker): number[] => [...tracker.peers].map(({ member }) => member);

test('a new leader tracks every other member, from the end of its log, and has heard nobody', () => {
  const tracker = trackerOf([1, 2], { votersOutgoing: [1, 3], learners: [4] });
  assert.deepEqual(membersOf(tracker), [2, 3, 4]);
  for (const { state, matchIndex, nextIndex, recentActive } of tracker.peers) {
    assert.deepEqual([state, matchIndex, nextIndex, recentActive], ['probe', 0, 11, false]);
  }
  assert.equal(tracker.takeQuorumActive(conf([1, 2])), false);
});

test('a change of the configuration keeps what is known of those who stay', () => {
  const tracker = trackerOf([1, 2, 3]);
  tracker.get(2)?.update(7);
  tracker.follow(conf([1, 2, 5]), 12);
  assert.deepEqual(membersOf(tracker), [2, 5]);
  assert.equal(tracker.get(2)?.matchIndex, 7);
  assert.equal(tracker.get(5)?.nextIndex, 13);
  assert.equal(tracker.takeQuorumActive(conf([1, 2, 5])), true, 'a new member has its time to answer');
  assert.equal(tracker.takeQuorumActive(conf([1, 2, 5])), false, 'but no more than that');
});

test('§5.3 the committed index counts the own log only as far as it is durable, and no learner', () => {
  const members = conf([1, 2, 3], { learners: [4] });
  const tracker = trackerOf(members.voters, members);
  tracker.get(4)?.update(9);
  assert.equal(tracker.committedIndex(members, 9), 0);
  tracker.get(2)?.update(8);
  assert.equal(tracker.committedIndex(members, 9), 8);
  assert.equal(tracker.committedIndex(members, 5), 5);
  tracker.get(3)?.update(9);
  assert.equal(tracker.committedIndex(members, 5), 8, 'the others are enough');
});

test('§6 in a joint configuration the committed index needs both halves', () => {
  const joint = conf([1, 4, 5], { votersOutgoing: [1, 2, 3] });
  const tracker = trackerOf(joint.voters, joint);
  tracker.get(4)?.update(9);
  assert.equal(tracker.committedIndex(joint, 9), 0);
  tracker.get(2)?.update(6);
  assert.equal(tracker.committedIndex(joint, 9), 6);
});

test('a leader that is no member of the configuration does not count itself', () => {
  const tracker = trackerOf([2, 3]);
  tracker.get(2)?.update(9);
  assert.equal(tracker.committedIndex(conf([2, 3]), 9), 0);
  assert.equal(tracker.takeQuorumActive(conf([2])), false);
});

test('check-quorum asks each time who was heard since the last time, and learners do not help', () => {
  const members = conf([1, 2, 3], { learners: [4] });
  const tracker = trackerOf(members.voters, members);
  const heard = (member: number): void => {
    const progress = tracker.get(member);
    if (progress !== undefined) progress.recentActive = true;
  };
  heard(4);
  assert.equal(tracker.takeQuorumActive(members), false);
  heard(3);
  assert.equal(tracker.takeQuorumActive(members), true);
  assert.equal(tracker.takeQuorumActive(members), false);
});
