import type { InitialState } from './config.ts';
import type {
  AppendEntries,
  AppendEntriesResponse,
  ConfChange,
  ConfChangeStep,
  ConfState,
  Entry,
  Heartbeat,
  HeartbeatResponse,
  InstallSnapshot,
  MemberId,
  RequestVote,
  RequestVoteResponse,
  SnapshotMeta,
  TimeoutNow,
} from './types.ts';
import { NO_MEMBER } from './types.ts';

/** Short ways to write down messages, logs and configurations in tests. */

export const bytes = (text: string): Uint8Array => Buffer.from(text);

export const conf = (voters: readonly MemberId[], rest: Partial<ConfState> = {}): ConfState => ({
  voters,
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  ...rest,
});

/** `change('+4', '~5', '-2')`: adds voter 4 and learner 5, removes 2; without arguments it leaves a joint one. */
export function change(...steps: readonly string[]): ConfChange {
  const types: Record<string, ConfChangeStep['type']> = {
    '+': 'add-voter',
    '~': 'add-learner',
    '-': 'remove',
  };
  return {
    steps: steps.map((step) => {
      const type = types[step[0] as string];
      if (type === undefined) throw new Error(`no change: ${step}`);
      return { type, member: Number(step.slice(1)) };
    }),
    context: new Uint8Array(0),
  };
}

export const entry = (index: number, term: number, text = `${index}.${term}`): Entry => ({
  index,
  term,
  type: 'normal',
  stampMs: 0,
  data: bytes(text),
});

/** The entries after `base` that have these terms; equal index and term make equal entries. */
export const logOf = (terms: readonly number[], base = 0): Entry[] =>
  terms.map((term, i) => entry(base + 1 + i, term));

export interface LogSketch {
  readonly terms: readonly number[];
  readonly term?: number;
  readonly votedFor?: MemberId;
  readonly commit?: number;
}

/** The state of a server that stopped with this log and has applied nothing. */
export function initialOf(
  voters: readonly MemberId[],
  sketch: LogSketch,
  learners: readonly MemberId[] = [],
): InitialState {
  const { terms, term = terms.at(-1) ?? 0, votedFor = NO_MEMBER, commit = 0 } = sketch;
  return {
    hardState: { term, votedFor, commitIndex: commit },
    baseIndex: 0,
    baseTerm: 0,
    entries: logOf(terms),
    appliedIndex: 0,
    confState: conf(voters, { learners }),
  };
}

type Fields<M> = Partial<Omit<M, 'type' | 'from' | 'to' | 'term'>>;

export const requestVote = (
  from: MemberId,
  to: MemberId,
  term: number,
  fields: Fields<RequestVote> = {},
): RequestVote => ({
  type: 'RequestVote',
  from,
  to,
  term,
  preVote: false,
  transfer: false,
  lastLogIndex: 0,
  lastLogTerm: 0,
  ...fields,
});

export const vote = (
  from: MemberId,
  to: MemberId,
  term: number,
  fields: Fields<RequestVoteResponse> = {},
): RequestVoteResponse => ({
  type: 'RequestVoteResponse',
  from,
  to,
  term,
  preVote: false,
  granted: true,
  ...fields,
});

export const append = (
  from: MemberId,
  to: MemberId,
  term: number,
  fields: Fields<AppendEntries> = {},
): AppendEntries => ({
  type: 'AppendEntries',
  from,
  to,
  term,
  prevLogIndex: 0,
  prevLogTerm: 0,
  entries: [],
  leaderCommit: 0,
  ...fields,
});

export const appended = (
  from: MemberId,
  to: MemberId,
  term: number,
  index: number,
): AppendEntriesResponse => ({
  type: 'AppendEntriesResponse',
  from,
  to,
  term,
  success: true,
  index,
  hintIndex: 0,
  hintTerm: 0,
});

export const rejected = (
  from: MemberId,
  to: MemberId,
  term: number,
  index: number,
  hintIndex: number,
  hintTerm: number,
): AppendEntriesResponse => ({ ...appended(from, to, term, index), success: false, hintIndex, hintTerm });

export const heartbeat = (
  from: MemberId,
  to: MemberId,
  term: number,
  fields: Fields<Heartbeat> = {},
): Heartbeat => ({ type: 'Heartbeat', from, to, term, leaderCommit: 0, readRound: 0, ...fields });

export const heartbeatResponse = (
  from: MemberId,
  to: MemberId,
  term: number,
  readRound = 0,
): HeartbeatResponse => ({ type: 'HeartbeatResponse', from, to, term, readRound });

export const installSnapshot = (
  from: MemberId,
  to: MemberId,
  term: number,
  snapshot: SnapshotMeta,
): InstallSnapshot => ({ type: 'InstallSnapshot', from, to, term, snapshot });

export const timeoutNow = (from: MemberId, to: MemberId, term: number): TimeoutNow => ({
  type: 'TimeoutNow',
  from,
  to,
  term,
});
