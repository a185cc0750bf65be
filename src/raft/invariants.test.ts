import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionError } from '../base/assert.ts';
import { ClusterInvariants } from './cluster-invariants.ts';
import {
  checkConfState,
  checkConfStep,
  checkDurable,
  checkLog,
  checkNode,
  checkStep,
  holdsQuorum,
  summaryOf,
} from './invariants.ts';
import type { ObservedNode } from './invariants.ts';
import {
  appended,
  conf,
  entry,
  heartbeat,
  heartbeatResponse,
  logOf,
  requestVote,
  vote,
} from './test-messages.ts';
import type { ConfState, Entry } from './types.ts';
import { NO_MEMBER } from './types.ts';

/** A state that a core might show, right or wrong. */
function fake(
  fields: Partial<ObservedNode> & { log?: readonly Entry[]; conf?: ConfState } = {},
): ObservedNode {
  const log = fields.log ?? logOf([1, 1, 2]);
  const firstIndex = fields.firstIndex ?? 1;
  const last = log.at(-1);
  const term = fields.term ?? last?.term ?? 0;
  const lastIndex = last?.index ?? firstIndex - 1;
  const configuration = fields.conf ?? conf([1, 2, 3]);
  return {
    id: 1,
    term,
    votedFor: NO_MEMBER,
    role: 'follower',
    leaderId: NO_MEMBER,
    commitIndex: 0,
    appliedIndex: 0,
    persistedIndex: lastIndex,
    firstIndex,
    lastIndex,
    lastTerm: last?.term ?? 0,
    lastStampMs: last?.stampMs ?? 0,
    logBytes: 0,
    uncommittedBytes: 0,
    transferee: NO_MEMBER,
    confState: () => configuration,
    confStateAt: () => configuration,
    termAt: (index) => (index === firstIndex - 1 ? 0 : log.find((one) => one.index === index)?.term),
    entries: (from, to) => log.filter((one) => one.index >= from && one.index < to),
    progress: () => [],
    ...fields,
  };
}

const progressOf = (id: number, matchIndex: number, nextIndex: number) => ({
  member: id,
  matchIndex,
  nextIndex,
  isLearner: false,
});

const leader = (fields: Parameters<typeof fake>[0] = {}): ObservedNode => {
  const id = fields?.id ?? 1;
  return fake({
    votedFor: id,
    role: 'leader',
    leaderId: id,
    progress: () => [1, 2, 3].map((member) => progressOf(member, 0, 1)),
    ...fields,
  });
};

const fails = (run: () => void, message: RegExp): void =>
  assert.throws(run, (error: unknown) => error instanceof AssertionError && message.test(error.message));

test('a sound state passes', () => {
  checkNode(fake({ commitIndex: 2, appliedIndex: 1 }));
  checkNode(leader());
  checkLog(fake());
});

const brokenStates: Record<string, [ObservedNode, RegExp]> = {
  'a commit past the log': [fake({ commitIndex: 4 }), /commit index is within/],
  'applied past the commit': [fake({ commitIndex: 1, appliedIndex: 2 }), /only committed/],
  'persisted past the log': [fake({ persistedIndex: 4 }), /persisted index/],
  'compacted, but not applied': [fake({ firstIndex: 3, log: [entry(3, 2)] }), /only applied entries/],
  'a wrong last term': [fake({ lastTerm: 1 }), /last term/],
  'an entry of the future': [fake({ term: 1 }), /above the current/],
  'negative bytes': [fake({ logBytes: -1 }), /negative/],
  'a leader without own vote': [leader({ votedFor: 2 }), /own vote/],
  'a leader that follows': [leader({ leaderId: 2 }), /as leader/],
  'a candidate for another': [fake({ role: 'candidate', votedFor: 2 }), /votes for itself/],
  'a candidate that is no voter': [fake({ role: 'pre-candidate', conf: conf([2, 3]) }), /only voters/],
  'a candidate that follows': [fake({ role: 'pre-candidate', leaderId: 2 }), /has no leader/],
  'a follower that follows itself': [fake({ leaderId: 1 }), /itself/],
  'a follower that hands over': [fake({ transferee: 2 }), /hands its leadership/],
  'a follower with progress': [fake({ progress: () => [progressOf(2, 0, 1)] }), /tracks progress/],
  'a match at next': [leader({ progress: () => [1, 2, 3].map((id) => progressOf(id, 1, 1)) }), /below next/],
  'a next past the log': [
    leader({ progress: () => [1, 2, 3].map((id) => progressOf(id, 0, 5)) }),
    /one past/,
  ],
  'a voter that is not tracked': [
    leader({ progress: () => [progressOf(1, 0, 1), progressOf(2, 0, 1)] }),
    /tracks/,
  ],
  'an own match that is not durable': [
    leader({ persistedIndex: 1, progress: () => [1, 2, 3].map((id) => progressOf(id, 2, 4)) }),
    /what is durable/,
  ],
};
for (const [name, [node, message]] of Object.entries(brokenStates)) {
  test(`a broken state is found: ${name}`, () => fails(() => checkNode(node), message));
}

test('a broken log is found', () => {
  const of = (...log: Entry[]) => fake({ log, term: 9, lastIndex: 2 });
  fails(() => checkLog(of(entry(1, 1))), /holds 1 entries/);
  fails(() => checkLog(fake({ log: [entry(1, 2), entry(2, 1)], term: 9 })), /term falls/);
  fails(() => checkLog(fake({ log: [{ ...entry(1, 1), stampMs: 5 }, entry(2, 1)] })), /stamp falls/);
});

const brokenConfs: Record<string, ConfState> = {
  'unsorted voters': conf([2, 1]),
  'a voter twice': conf([1, 1]),
  'learners without voters': conf([], { learners: [1] }),
  'a voter that learns': conf([1, 2], { learners: [2] }),
  'an old voter that learns': conf([1], { votersOutgoing: [1, 2], learners: [2] }),
  'a learner to be that was no voter': conf([1], { votersOutgoing: [1, 2], learnersNext: [3] }),
};
for (const [name, broken] of Object.entries(brokenConfs)) {
  test(`a broken configuration is found: ${name}`, () =>
    fails(() => checkConfState(broken), /configuration/));
}

test('steps of the membership are one voter or joint', () => {
  const joint = conf([1, 2, 4, 5], { votersOutgoing: [1, 2, 3] });
  checkConfStep(conf([1, 2, 3]), conf([1, 2, 3, 4]));
  checkConfStep(conf([1, 2, 3]), conf([1, 2], { learners: [3] }));
  checkConfStep(conf([1, 2, 3]), joint);
  checkConfStep(joint, conf([1, 2, 4, 5]));
  fails(() => checkConfStep(conf([1, 2, 3]), conf([1, 2, 4])), /more than one voter/);
  fails(() => checkConfStep(conf([1, 2]), joint), /voters before/);
  fails(() => checkConfStep(joint, conf([1, 2])), /keeps its new half/);
  fails(() => checkConfStep(joint, joint), /is left/);
});

test('a quorum is a majority of every half', () => {
  const held =
    (...ids: number[]) =>
    (member: number) =>
      ids.includes(member);
  assert.equal(holdsQuorum(conf([1, 2, 3, 4]), held(1, 2)), false);
  assert.equal(holdsQuorum(conf([1, 2, 3, 4]), held(1, 2, 3)), true);
  const joint = conf([1, 4, 5], { votersOutgoing: [1, 2, 3] });
  assert.equal(holdsQuorum(joint, held(1, 4)), false);
  assert.equal(holdsQuorum(joint, held(1, 2, 4)), true);
});

test('a broken step is found', () => {
  const before = summaryOf(fake({ term: 3, votedFor: 2, leaderId: 2, commitIndex: 2, appliedIndex: 1 }));
  const step = (fields: Parameters<typeof fake>[0]) => () =>
    checkStep(
      before,
      fake({ term: 3, votedFor: 2, leaderId: 2, commitIndex: 2, appliedIndex: 1, ...fields }),
    );
  step({})();
  step({ term: 4, votedFor: 3, leaderId: 3 })();
  fails(step({ term: 2 }), /term falls/);
  fails(step({ commitIndex: 1 }), /commit index falls/);
  fails(step({ appliedIndex: 0 }), /applied index falls/);
  fails(step({ votedFor: 3 }), /once a term/);
  fails(step({ leaderId: 3 }), /leader of a term/);
  fails(step({ role: 'leader' }), /was a candidate/);
  fails(step({ role: 'leader', term: 4 }), /in which it starts/);
  const led = summaryOf(leader({ term: 3 }));
  fails(() => checkStep(led, leader({ term: 3, log: logOf([1, 1]) })), /never deletes/);
  fails(() => checkStep(led, fake({ term: 3, votedFor: 1, role: 'candidate' })), /steps down/);
});

test('what is promised before it is durable is found', () => {
  const disk = { term: 3, votedFor: 2, lastIndex: 5 };
  checkDurable(vote(1, 2, 3), disk);
  checkDurable(appended(1, 2, 3, 5), disk);
  checkDurable(vote(1, 9, 9, { preVote: true }), disk);
  checkDurable(vote(1, 9, 9, { granted: false }), disk);
  fails(() => checkDurable(vote(1, 2, 4), disk), /its term/);
  fails(() => checkDurable(vote(1, 3, 3), disk), /its vote/);
  fails(() => checkDurable(requestVote(1, 2, 4), disk), /its term/);
  fails(() => checkDurable(requestVote(1, 2, 3), disk), /own vote/);
  fails(() => checkDurable(appended(1, 2, 3, 6), disk), /entry 6/);
  fails(() => checkDurable(heartbeatResponse(1, 2, 4), disk), /its term/);
});

test('election safety: two leaders of a term are found', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(leader({ id: 1 }));
  fails(() => cluster.observe(leader({ id: 2 })), /election safety/);
});

test('log matching: two entries of one index and term are found', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(fake({ id: 1 }));
  fails(
    () => cluster.observe(fake({ id: 2, log: [...logOf([1, 1]), entry(3, 2, 'other')] })),
    /log matching/,
  );
});

test('log matching: one entry with two predecessors is found', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(fake({ id: 1, log: logOf([1, 1, 3]) }));
  fails(() => cluster.observe(fake({ id: 2, log: logOf([1, 2, 3]) })), /log matching/);
});

test('a committed entry that is replaced is found', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(fake({ commitIndex: 2 }));
  cluster.observe(fake({ commitIndex: 2, log: logOf([1, 1, 3]) }));
  fails(() => cluster.observe(fake({ commitIndex: 2, log: logOf([1, 3]) })), /committed entry 2/);
});

test('an entry that is replaced below an unchanged end is found by the check of the whole log', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(fake());
  cluster.checkWhole(fake());
  fails(() => cluster.checkWhole(fake({ log: logOf([1, 2, 2]) })), /unnoticed/);
});

test('a leader that replaces its own entry is found', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(leader({ term: 5 }));
  fails(() => cluster.observe(leader({ term: 5, log: logOf([1, 1, 3]) })), /a leader replaced/);
});

test('two different commits of an index are found', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(fake({ id: 1, commitIndex: 3 }));
  fails(() => cluster.observe(fake({ id: 2, commitIndex: 3, log: logOf([1, 1, 3]) })), /was committed there/);
});

test('leader completeness: a leader without a committed entry is found', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(fake({ id: 1, commitIndex: 3 }));
  fails(() => cluster.observe(leader({ id: 2, term: 4, log: logOf([1, 1]) })), /leader completeness/);
});

test('§5.4.2 a leader that counts an entry of an old term is found', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(leader({ term: 4 }));
  fails(() => cluster.observe(leader({ term: 4, commitIndex: 3 })), /by counting/);
});

test('a commit that no quorum holds durably is found', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(leader());
  cluster.observe(fake({ id: 2, persistedIndex: 2 }));
  fails(() => cluster.observe(leader({ commitIndex: 3 })), /without a quorum/);
  const sound = new ClusterInvariants();
  sound.observe(leader());
  sound.observe(fake({ id: 2 }));
  sound.observe(leader({ commitIndex: 3 }));
});

test('state machine safety: an entry that is applied out of order, differently or early is found', () => {
  const cluster = new ClusterInvariants();
  for (const id of [1, 2]) cluster.observe(fake({ id, commitIndex: 2 }));
  fails(() => cluster.applied(1, entry(2, 1)), /applies 2 after 0/);
  cluster.applied(1, entry(1, 1));
  fails(() => cluster.applied(2, entry(1, 1, 'other')), /another entry/);
  cluster.applied(1, entry(2, 1));
  fails(() => cluster.applied(1, entry(3, 2)), /not committed/);
});

test('a member that loses what it acknowledged is found, also over a restart', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(fake());
  cluster.sent(appended(1, 2, 2, 3), { term: 2, votedFor: 2, lastIndex: 3 });
  fails(() => cluster.observe(fake({ log: logOf([1, 1]), term: 2 })), /which it acknowledged/);
  fails(() => cluster.restarted(fake({ log: logOf([1, 1]), term: 2 })), /which it acknowledged/);
  cluster.restarted(fake({ log: logOf([1, 1]), term: 3 }));
});

test('a member that votes twice in a term is found, also over a restart', () => {
  const cluster = new ClusterInvariants();
  const disk = { term: 3, votedFor: 2, lastIndex: 0 };
  cluster.sent(vote(1, 2, 3), disk);
  cluster.sent(vote(1, 2, 3), disk);
  fails(() => cluster.sent(vote(1, 3, 3), { ...disk, votedFor: 3 }), /votes for/);
});

test('a message of a leader from somebody else is found', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(leader());
  const disk = { term: 2, votedFor: 1, lastIndex: 0 };
  cluster.sent(heartbeat(1, 2, 2), disk);
  fails(() => cluster.sent(heartbeat(3, 2, 2), disk), /does not lead/);
});

test('a stale read is found', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(fake({ commitIndex: 2 }));
  cluster.readAsked(7);
  fails(() => cluster.readConfirmed(7, 1), /stale read/);
  fails(() => cluster.readConfirmed(8, 1), /never asked/);
});

test('what only memory held may be gone after a restart, what was committed may not change', () => {
  const cluster = new ClusterInvariants();
  cluster.observe(fake({ term: 4, commitIndex: 2 }));
  cluster.restarted(fake({ term: 2, commitIndex: 1 }));
  fails(() => cluster.restarted(fake({ commitIndex: 2, log: logOf([1, 2]) })), /was committed there/);
});
