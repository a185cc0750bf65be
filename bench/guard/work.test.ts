// The guard against regressions that need no clock to be seen: the work that fixed patterns of requests cause, with a
// bound a little above what it is. Who makes it less lowers the bound.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sabotage } from './guard-cluster.ts';
import { workOf, type Pattern, type Work } from './patterns.ts';
import { oneAtATime, readTwice, syncTwice, writeTwice } from './sabotage.test-support.ts';

interface Guard {
  readonly name: string;
  readonly pattern: Pattern;
  readonly requests: number;
  readonly bounds: Partial<Work>;
}

const noWork = { entries: 0, leaderWrites: 0, leaderSyncs: 0, followerSyncs: 0, leaderLogBytes: 0 };

const writesOfOne: Guard = {
  name: 'writes of one connection',
  pattern: { work: 'write', connections: 1, depth: 1 },
  requests: 200,
  bounds: {
    ...{ entries: 1, leaderWrites: 1, leaderSyncs: 1, followerSyncs: 2 },
    // Two messages to each follower and two back, at most: the entry, and word of its commit.
    ...{ leaderLogBytes: 1.57, messages: 4.1, messageBytes: 2.48, replyWrites: 1 },
  },
};
const writesOfMany: Guard = {
  name: 'writes of 50 connections',
  pattern: { work: 'write', connections: 50, depth: 1 },
  requests: 2_000,
  bounds: {
    ...{ entries: 0.025, leaderWrites: 0.025, leaderSyncs: 0.025, followerSyncs: 0.05 },
    ...{ leaderLogBytes: 1.045, messages: 0.1, messageBytes: 2.075, replyWrites: 1 },
  },
};
const pipelinedWrites: Guard = {
  name: 'writes of 50 connections with 16 in flight on each',
  pattern: { work: 'write', connections: 50, depth: 16 },
  requests: 8_000,
  bounds: {
    ...{ entries: 0.0016, leaderWrites: 0.0016, leaderSyncs: 0.0016, followerSyncs: 0.0032 },
    ...{ leaderLogBytes: 1.035, messages: 0.0063, messageBytes: 2.07, replyWrites: 1 / 16 },
  },
};
const reads: Guard = {
  name: 'reads of 50 connections',
  pattern: { work: 'read', connections: 50, depth: 1 },
  requests: 2_000,
  bounds: { ...noWork, messages: 0.1, messageBytes: 0.0025, replyWrites: 1 },
};
const pipelinedReads: Guard = {
  name: 'reads of 50 connections with 16 in flight on each',
  pattern: { work: 'read', connections: 50, depth: 16 },
  requests: 8_000,
  bounds: { ...noWork, messages: 0.0063, messageBytes: 0.00016, replyWrites: 1 / 16 },
};

/** The kinds of work that exceed their bounds. */
function exceeded({ pattern, requests, bounds }: Guard, sabotage?: Sabotage): string[] {
  const work = workOf(pattern, requests, sabotage);
  return (Object.keys(bounds) as (keyof Work)[])
    .filter((kind) => work[kind] > (bounds[kind] ?? 0))
    .map((kind) => `${kind}: ${work[kind]} > ${bounds[kind]}`);
}

for (const guard of [writesOfOne, writesOfMany, pipelinedWrites, reads, pipelinedReads]) {
  test(`${guard.name} cause no more work than they may`, () => {
    assert.deepEqual(exceeded(guard), []);
  });
}

test('the same pattern causes the same work, to the last call', () => {
  const { pattern } = writesOfMany;
  assert.deepEqual(workOf(pattern, 500), workOf(pattern, 500));
});

const kinds = (lines: readonly string[]): string[] => lines.map((line) => line.slice(0, line.indexOf(':')));

test('without group commit the guard breaks', () => {
  const found = kinds(exceeded(writesOfMany, { service: oneAtATime }));
  assert.ok(
    found.includes('entries') && found.includes('leaderSyncs') && found.includes('messages'),
    found.join(),
  );
});

test('a sync too many breaks the guard', () => {
  assert.deepEqual(kinds(exceeded(writesOfOne, { vfs: syncTwice })), ['leaderSyncs', 'followerSyncs']);
});

test('bytes that are written twice break the guard', () => {
  const found = kinds(exceeded(pipelinedWrites, { vfs: writeTwice }));
  assert.deepEqual(found, ['leaderWrites', 'leaderLogBytes']);
});

test('a confirmation too many breaks the guard', () => {
  assert.deepEqual(kinds(exceeded(reads, { service: readTwice })), ['messages', 'messageBytes']);
});
