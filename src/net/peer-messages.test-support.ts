import * as fc from 'fast-check';
import type { AppendEntries, Entry } from '../raft/types.ts';
import type { PeerMessage } from './transport.ts';

const uint = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(0, 127, 128, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
);
const member = fc.nat(2 ** 32 - 1);
const bool = fc.boolean();
const bytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const members = fc.uniqueArray(member, { maxLength: 5 }).map((list) => list.toSorted((a, b) => a - b));
/** Records with the prototype that literals have. */
const plain = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(fields, { noNullPrototype: true });
const envelope = { from: member, to: member, term: uint };

/** Entries that follow one another, of terms that do not fall and do not pass the leader's. */
const appendEntries: fc.Arbitrary<AppendEntries> = fc
  .record({
    from: member,
    to: member,
    prevLogIndex: fc.nat(2 ** 53 - 100),
    prevLogTerm: fc.nat(2 ** 40),
    leaderCommit: uint,
    termsOn: fc.nat(100),
    rows: fc.array(
      fc.record({
        termsOn: fc.nat(3),
        type: fc.constantFrom<Entry['type']>('normal', 'conf-change'),
        stampMs: uint,
        data: bytes,
      }),
      { maxLength: 20 },
    ),
  })
  .map(({ rows, termsOn, ...head }) => {
    let term = head.prevLogTerm;
    const entries = rows.map(({ termsOn, ...row }, i): Entry => {
      term += termsOn;
      return { ...row, index: head.prevLogIndex + 1 + i, term };
    });
    return { type: 'AppendEntries', ...head, term: term + termsOn, entries };
  });

const viewEnvelope = { from: member, to: member, view: uint };
const life = { folder: fc.constantFrom('0123456789abcdef', 'ffffffffffffffff'), boot: uint };
const maybeLife = fc.option(plain({ server: member, ...life }));

/** As an AppendEntries, under the names of the other engine. */
const prepare: fc.Arbitrary<PeerMessage> = appendEntries.map(
  ({ from, to, term, prevLogIndex, prevLogTerm, entries, leaderCommit }) => ({
    type: 'Prepare',
    from,
    to,
    view: term,
    prevIndex: prevLogIndex,
    prevView: prevLogTerm,
    entries,
    committed: leaderCommit,
  }),
);

const of = <M extends PeerMessage>(
  type: M['type'],
  fields: { [K in Exclude<keyof M, 'type'>]: fc.Arbitrary<M[K]> },
): fc.Arbitrary<PeerMessage> =>
  plain({ type: fc.constant(type), ...(fields as object) }) as unknown as fc.Arbitrary<PeerMessage>;

type Of<T extends PeerMessage['type']> = Extract<PeerMessage, { readonly type: T }>;

/** Every message there is; the type checker asks for a new one here. */
const byType: { [T in PeerMessage['type']]: fc.Arbitrary<PeerMessage> } = {
  AppendEntries: appendEntries,
  RequestVote: of<Of<'RequestVote'>>('RequestVote', {
    ...envelope,
    preVote: bool,
    transfer: bool,
    lastLogIndex: uint,
    lastLogTerm: uint,
  }),
  RequestVoteResponse: of<Of<'RequestVoteResponse'>>('RequestVoteResponse', {
    ...envelope,
    preVote: bool,
    granted: bool,
  }),
  AppendEntriesResponse: of<Of<'AppendEntriesResponse'>>('AppendEntriesResponse', {
    ...envelope,
    success: bool,
    index: uint,
    hintIndex: uint,
    hintTerm: uint,
  }),
  Heartbeat: of<Of<'Heartbeat'>>('Heartbeat', { ...envelope, leaderCommit: uint, readRound: uint }),
  HeartbeatResponse: of<Of<'HeartbeatResponse'>>('HeartbeatResponse', { ...envelope, readRound: uint }),
  InstallSnapshot: of<Of<'InstallSnapshot'>>('InstallSnapshot', {
    ...envelope,
    snapshot: plain({
      index: uint,
      term: uint,
      stampMs: uint,
      confState: plain({
        voters: members,
        votersOutgoing: members,
        learners: members,
        learnersNext: members,
      }),
    }),
  }),
  TimeoutNow: of<Of<'TimeoutNow'>>('TimeoutNow', envelope),
  ReadIndex: of<Of<'ReadIndex'>>('ReadIndex', { ...envelope, context: uint }),
  ReadIndexResponse: of<Of<'ReadIndexResponse'>>('ReadIndexResponse', {
    ...envelope,
    context: uint,
    index: uint,
    stampMs: uint,
  }),
  Forward: of<Of<'Forward'>>('Forward', { data: bytes, proposal: uint }),
  ForwardRefused: of<Of<'ForwardRefused'>>('ForwardRefused', {
    proposal: uint,
    reason: fc.constantFrom('not-leader', 'overloaded', 'no-space'),
  }),
  Join: of<Of<'Join'>>('Join', {}),
  LogTime: of<Of<'LogTime'>>('LogTime', { term: uint, logTimeMs: uint }),
  SnapshotChunk: of<Of<'SnapshotChunk'>>('SnapshotChunk', {
    transfer: uint,
    seq: uint,
    term: uint,
    index: uint,
    indexTerm: uint,
    stampMs: uint,
    conf: bytes,
    data: bytes,
    last: bool,
  }),
  Prepare: prepare,
  PrepareOk: of<Of<'PrepareOk'>>('PrepareOk', {
    ...viewEnvelope,
    ...life,
    accepted: bool,
    index: uint,
    hintIndex: uint,
    hintView: uint,
  }),
  Commit: of<Of<'Commit'>>('Commit', { ...viewEnvelope, committed: uint, round: uint }),
  CommitOk: of<Of<'CommitOk'>>('CommitOk', { ...viewEnvelope, ...life, round: uint }),
  Deposed: of<Of<'Deposed'>>('Deposed', viewEnvelope),
  AskRead: of<Of<'AskRead'>>('AskRead', { ...viewEnvelope, context: uint }),
  ReadConfirmed: of<Of<'ReadConfirmed'>>('ReadConfirmed', {
    ...viewEnvelope,
    context: uint,
    index: uint,
    stampMs: uint,
  }),
  Ping: of<Of<'Ping'>>('Ping', {
    ...life,
    acknowledged: uint,
    inSync: bool,
    unreachable: bool,
    leaving: bool,
    answer: uint,
    durableView: uint,
    lastView: uint,
    lastIndex: uint,
  }),
  ViewNotice: of<Of<'ViewNotice'>>('ViewNotice', {
    view: plain({ number: uint, primary: maybeLife, backup: maybeLife }),
    waiting: fc.string({ maxLength: 100 }),
    question: uint,
    clusterId: fc.constantFrom('', '0123456789abcdef0123456789abcdef'),
  }),
  SnapshotAck: of<Of<'SnapshotAck'>>('SnapshotAck', { transfer: uint, next: uint, failed: bool }),
};

export const messageTypes = Object.keys(byType) as PeerMessage['type'][];
export const messageOfType = (type: PeerMessage['type']): fc.Arbitrary<PeerMessage> => byType[type];
export const anyMessage: fc.Arbitrary<PeerMessage> = fc.oneof(...Object.values(byType));
