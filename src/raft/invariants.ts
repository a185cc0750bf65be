import { assert } from '../base/assert.ts';
import { describeConfState, describeMember } from './describe.ts';
import type { ConfState, Entry, MemberId, Message, Role } from './types.ts';
import { NO_MEMBER } from './types.ts';

/**
 * What must always hold of one core: of its state, of its log, of a step from one state to the next, and of
 * what it sends compared with what its disk holds. What several cores must agree on stands in
 * cluster-invariants.ts. Every check throws an AssertionError that names the member and the numbers.
 */

/** What the checks read of a core; RawNode has all of it. */
export interface ObservedNode {
  readonly id: MemberId;
  readonly term: number;
  readonly votedFor: MemberId;
  readonly role: Role;
  readonly leaderId: MemberId;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly persistedIndex: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly lastStampMs: number;
  readonly logBytes: number;
  readonly uncommittedBytes: number;
  readonly transferee: MemberId;
  confState(): ConfState;
  confStateAt(index: number): ConfState;
  termAt(index: number): number | undefined;
  entries(from: number, to: number): readonly Entry[];
  progress(): readonly {
    readonly member: MemberId;
    readonly matchIndex: number;
    readonly nextIndex: number;
    readonly isLearner: boolean;
  }[];
}

/** The part of a state that the next one is compared with. */
export interface NodeSummary {
  readonly term: number;
  readonly votedFor: MemberId;
  readonly role: Role;
  readonly leaderId: MemberId;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly lastStampMs: number;
}

export function summaryOf(node: ObservedNode): NodeSummary {
  return {
    term: node.term,
    votedFor: node.votedFor,
    role: node.role,
    leaderId: node.leaderId,
    commitIndex: node.commitIndex,
    appliedIndex: node.appliedIndex,
    firstIndex: node.firstIndex,
    lastIndex: node.lastIndex,
    lastStampMs: node.lastStampMs,
  };
}

/** Throws unless `condition`; the message is made only then, because these checks run after every event. */
export function check(condition: boolean, message: (rule: string) => string, rule = ''): asserts condition {
  if (!condition) assert(false, message(rule));
}

const isSortedSet = (list: readonly MemberId[]): boolean =>
  list.every((member, i) => i === 0 || (list[i - 1] as MemberId) < member);

/** Configurations that were found right: nobody changes one. */
const checkedConfs = new WeakSet<ConfState>();

/** The rules of thesis §4.3 and §4.2.1 for a configuration. One without members stands for "not a member yet". */
export function checkConfState(conf: ConfState): void {
  if (checkedConfs.has(conf)) return;
  const { voters, votersOutgoing, learners, learnersNext } = conf;
  const tell = (rule: string) => `configuration ${describeConfState(conf)}: ${rule}`;
  check([voters, votersOutgoing, learners, learnersNext].every(isSortedSet), tell, 'lists are sorted sets');
  const isEmpty = votersOutgoing.length + learners.length + learnersNext.length === 0;
  check(voters.length > 0 || isEmpty, tell, 'there is a voter');
  check(!learners.some((m) => voters.includes(m)), tell, 'no learner votes');
  check(!learners.some((m) => votersOutgoing.includes(m)), tell, 'no learner votes in the old half');
  check(
    learnersNext.every((m) => votersOutgoing.includes(m) && !voters.includes(m)),
    tell,
    'a learner to be is a voter of the old half alone',
  );
  checkedConfs.add(conf);
}

/** One step of the membership: two configurations in a row have no two disjoint majorities (thesis §4.1, §4.3). */
export function checkConfStep(before: ConfState, after: ConfState): void {
  const tell = (rule: string) => `${describeConfState(before)} → ${describeConfState(after)}: ${rule}`;
  const same = (a: readonly MemberId[], b: readonly MemberId[]) => a.join() === b.join();
  if (before.votersOutgoing.length > 0) {
    check(after.votersOutgoing.length === 0, tell, 'a joint configuration is left before the next change');
    check(same(before.voters, after.voters), tell, 'leaving a joint configuration keeps its new half');
    return;
  }
  if (after.votersOutgoing.length > 0) {
    check(
      same(before.voters, after.votersOutgoing),
      tell,
      'a joint configuration starts from the voters before',
    );
    return;
  }
  const added = after.voters.filter((m) => !before.voters.includes(m)).length;
  const removed = before.voters.filter((m) => !after.voters.includes(m)).length;
  check(added + removed <= 1, tell, 'more than one voter changes without a joint configuration');
}

/** Whether both majorities (or the one, when not joint) hold the property. */
export function holdsQuorum(conf: ConfState, holds: (member: MemberId) => boolean): boolean {
  const majority = (voters: readonly MemberId[]) => voters.filter(holds).length * 2 > voters.length;
  return majority(conf.voters) && (conf.votersOutgoing.length === 0 || majority(conf.votersOutgoing));
}

const hasVote = (conf: ConfState, member: MemberId): boolean =>
  conf.voters.includes(member) || conf.votersOutgoing.includes(member);

/** Relations within one state. Costs the size of the configuration, not of the log. */
export function checkNode(node: ObservedNode): void {
  const tell = (rule: string) => `${describeState(node)}: ${rule}`;
  check(node.commitIndex <= node.lastIndex, tell, 'commit index is within the log');
  check(node.appliedIndex <= node.commitIndex, tell, 'only committed entries are applied');
  check(node.persistedIndex <= node.lastIndex, tell, 'persisted index is within the log');
  check(node.firstIndex <= node.appliedIndex + 1, tell, 'only applied entries are compacted');
  check(node.lastIndex >= node.firstIndex - 1, tell, 'the log ends behind its start');
  check(node.termAt(node.lastIndex) === node.lastTerm, tell, 'last term is that of the last entry');
  check(node.lastTerm <= node.term, tell, 'no entry has a term above the current one');
  check(node.logBytes >= 0 && node.uncommittedBytes >= 0, tell, 'sizes are not negative');
  checkConfState(node.confState());
  checkRole(node);
}

function checkRole(node: ObservedNode): void {
  const tell = (rule: string) => `${describeState(node)}: ${rule}`;
  const conf = node.confState();
  switch (node.role) {
    case 'leader':
      check(node.leaderId === node.id, tell, 'a leader knows itself as leader');
      check(node.votedFor === node.id, tell, 'a leader has its own vote');
      checkProgress(node, conf);
      return;
    case 'candidate':
    case 'pre-candidate':
      check(
        node.role === 'pre-candidate' || node.votedFor === node.id,
        tell,
        '§5.2 a candidate votes for itself',
      );
      check(node.leaderId === NO_MEMBER, tell, 'a candidate has no leader');
      // Also one that only an uncommitted change leaves out: it may be the one that must commit it (thesis §4.2.2).
      check(
        hasVote(conf, node.id) || hasVote(node.confStateAt(node.commitIndex), node.id),
        tell,
        'only voters campaign',
      );
      break;
    case 'follower':
      check(node.leaderId !== node.id, tell, 'a follower does not follow itself');
  }
  check(node.transferee === NO_MEMBER, tell, 'only a leader hands its leadership over');
  check(node.progress().length === 0, tell, 'only a leader tracks progress');
}

function checkProgress(node: ObservedNode, conf: ConfState): void {
  const progress = node.progress();
  for (const { member, matchIndex, nextIndex, isLearner } of progress) {
    const tell = (rule: string) =>
      `${describeState(node)}: progress of ${describeMember(member)} match ${matchIndex} next ${nextIndex}: ${rule}`;
    check(matchIndex >= 0 && matchIndex < nextIndex, tell, 'match index is below next index');
    check(nextIndex <= node.lastIndex + 1, tell, 'next index is at most one past the log');
    check(isLearner === conf.learners.includes(member), tell, 'learners are marked');
    check(
      member !== node.id || matchIndex <= node.persistedIndex,
      tell,
      'a leader counts of its own log what is durable',
    );
  }
  const expected = trackedIn(conf);
  check(
    progress.length === expected.length &&
      expected.every((member) => progress.some((p) => p.member === member)),
    () =>
      `${describeState(node)}: tracks ${progress.map(({ member }) => member).join(' ')} of ${describeConfState(conf)}`,
  );
}

/** Of each configuration, those that are sent the log. */
const tracked = new WeakMap<ConfState, readonly MemberId[]>();

function trackedIn(conf: ConfState): readonly MemberId[] {
  let list = tracked.get(conf);
  if (list === undefined) {
    list = [...new Set([...conf.voters, ...conf.votersOutgoing, ...conf.learners])];
    tracked.set(conf, list);
  }
  return list;
}

/** Reads the whole log: contiguous, terms and stamps never fall. For ends of runs and small logs. */
export function checkLog(node: ObservedNode): void {
  const entries = node.entries(node.firstIndex, node.lastIndex + 1);
  check(
    entries.length === node.lastIndex + 1 - node.firstIndex,
    () => `${describeState(node)}: holds ${entries.length} entries`,
  );
  let previous: Entry | null = null;
  entries.forEach((entry, i) => {
    checkEntry(node, entry, node.firstIndex + i, previous);
    check(
      node.termAt(entry.index) === entry.term,
      () => `${describeState(node)}: term at ${entry.index} is not that of the entry`,
    );
    previous = entry;
  });
}

/** One entry against its place and the entry before it (null: none in the log). */
export function checkEntry(node: ObservedNode, entry: Entry, index: number, previous: Entry | null): void {
  const tell = (rule: string) => `${describeState(node)}: entry ${entry.index}/${entry.term}: ${rule}`;
  check(entry.index === index, tell, `stands at index ${index}`);
  const previousTerm = previous?.term ?? node.termAt(index - 1) ?? 0;
  check(entry.term >= previousTerm, tell, `term falls from ${previousTerm}`);
  check(entry.term <= node.term, tell, 'term is above the current one');
  check(
    previous === null || entry.stampMs >= previous.stampMs,
    tell,
    `stamp falls from ${previous?.stampMs} to ${entry.stampMs}`,
  );
}

/** One call of the core: `before` was taken ahead of it, with no restart in between. */
export function checkStep(before: NodeSummary, after: ObservedNode): void {
  const tell = (rule: string) =>
    `${describeState(after)}: ${rule} (before: ${before.role} t${before.term} vote ${describeMember(before.votedFor)}` +
    ` log ${before.firstIndex}..${before.lastIndex} commit ${before.commitIndex} applied ${before.appliedIndex})`;
  check(after.term >= before.term, tell, 'term falls');
  check(after.commitIndex >= before.commitIndex, tell, 'commit index falls');
  check(after.appliedIndex >= before.appliedIndex, tell, 'applied index falls');
  check(after.firstIndex >= before.firstIndex, tell, 'the log starts earlier than before');
  if (after.term > before.term) {
    check(after.role !== 'leader', tell, 'nobody leads a term in the step in which it starts');
    return;
  }
  check(
    before.votedFor === NO_MEMBER || after.votedFor === before.votedFor,
    tell,
    '§5.2 a vote is given once a term',
  );
  check(
    before.leaderId === NO_MEMBER || after.leaderId === NO_MEMBER || after.leaderId === before.leaderId,
    tell,
    'the leader of a term changes',
  );
  if (before.role !== 'leader') {
    check(after.role !== 'leader' || before.role === 'candidate', tell, 'a leader was a candidate');
    return;
  }
  check(after.role === 'leader' || after.role === 'follower', tell, 'a leader steps down as follower');
  if (after.role !== 'leader') return;
  check(after.lastIndex >= before.lastIndex, tell, '§5.3 a leader never deletes from its log');
  check(after.lastStampMs >= before.lastStampMs, tell, 'the stamp of a leader falls');
}

/** What a server's disk holds at the moment in which a message leaves it. */
export interface DurableState {
  readonly term: number;
  readonly votedFor: MemberId;
  /** Last index of the log or the snapshot on disk. */
  readonly lastIndex: number;
}

/**
 * The promises of a message are durable before it leaves (paper figure 2, thesis §10.2.1): term and vote
 * before votes and requests for votes, entries before their acknowledgement, the term before a leader is
 * confirmed. Promises of a term that the disk has left behind were checked when they could be.
 */
export function checkDurable(message: Message, disk: DurableState): void {
  const tell = (rule: string) =>
    `${message.type} t${message.term} of ${describeMember(message.from)} leaves before ${rule} is durable` +
    ` (term ${disk.term} vote ${describeMember(disk.votedFor)} last ${disk.lastIndex})`;
  const hasTerm = disk.term >= message.term;
  const isCurrent = disk.term === message.term;
  switch (message.type) {
    case 'RequestVote':
      if (message.preVote) return;
      check(hasTerm, tell, 'its term');
      check(!isCurrent || disk.votedFor === message.from, tell, 'its own vote');
      return;
    case 'RequestVoteResponse':
      if (message.preVote || !message.granted) return;
      check(hasTerm, tell, 'its term');
      check(!isCurrent || disk.votedFor === message.to, tell, 'its vote');
      return;
    case 'AppendEntriesResponse':
      if (!message.success) return;
      check(hasTerm, tell, 'its term');
      check(!isCurrent || disk.lastIndex >= message.index, tell, `entry ${message.index}`);
      return;
    case 'HeartbeatResponse':
      check(hasTerm, tell, 'its term');
  }
}

/** One line for messages of failed checks. */
export function describeState(node: ObservedNode): string {
  return (
    `member ${describeMember(node.id)} ${node.role} t${node.term} vote ${describeMember(node.votedFor)}` +
    ` log ${node.firstIndex}..${node.lastIndex}/${node.lastTerm} persisted ${node.persistedIndex}` +
    ` commit ${node.commitIndex} applied ${node.appliedIndex}`
  );
}
