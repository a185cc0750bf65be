import type { Entry, InstallSnapshot, MemberId } from '../raft/types.ts';

/**
 * One life of a server's process. Views name lives, so a server that restarted has lost its place in them. Lives of
 * the same data folder are ordered: the folder is locked, so when a later one speaks, the earlier one has ended.
 */
export interface Life {
  readonly server: MemberId;
  /** The data folder: drawn when it was made, 16 hexadecimal digits. Another folder holds other data. */
  readonly folder: string;
  /** Counts the starts of a process on the folder, from 1. */
  readonly boot: number;
}

/** Who replicates for whom. Views are numbered from 1; number 0 stands for "none was made yet". */
export interface View {
  readonly number: number;
  readonly primary: Life | null;
  readonly backup: Life | null;
}

export const NO_VIEW: View = { number: 0, primary: null, backup: null };

export const sameLife = (a: Life | null, b: Life | null): boolean =>
  a === b ||
  (a !== null && b !== null && a.server === b.server && a.folder === b.folder && a.boot === b.boot);

/** Whether `later` is a restart of `life`, with the same data. */
export const isSuccessor = (later: Life, life: Life): boolean =>
  later.server === life.server && later.folder === life.folder && later.boot > life.boot;

/** A server's place in the view that it knows: `spare` also when it knows none. */
export type Place = 'primary' | 'backup' | 'spare';

/**
 * The operation log is a log of entries whose index is the operation's number and whose term is the view that it was
 * ordered in. (view, operation) names an operation for good: a view has one primary, which never takes back a number.
 */
export type Operation = Entry;

interface Envelope {
  readonly from: MemberId;
  readonly to: MemberId;
  /** The sender's view. */
  readonly view: number;
}

/** The primary's operations behind (prevIndex, prevView), and how far all of them are committed. */
export interface Prepare extends Envelope {
  readonly type: 'Prepare';
  readonly prevIndex: number;
  readonly prevView: number;
  readonly entries: readonly Operation[];
  readonly committed: number;
}

/** Which life answers: a restarted backup is not the one that the view names. */
interface Answer extends Envelope {
  readonly folder: string;
  readonly boot: number;
}

/** Whether a Prepare was taken: then everything up to `index` is durable here and equal to the primary's log. */
export interface PrepareOk extends Answer {
  readonly type: 'PrepareOk';
  readonly accepted: boolean;
  /** Accepted: as above; refused: the `prevIndex` that did not fit. */
  readonly index: number;
  /** Refused: the last operation of this log that the primary's could share. */
  readonly hintIndex: number;
  readonly hintView: number;
}

/** The primary is there, and asks whether this is still its view. */
export interface Commit extends Envelope {
  readonly type: 'Commit';
  readonly committed: number;
  /** The newest round of reads; 0 before the first. */
  readonly round: number;
}

export interface CommitOk extends Answer {
  readonly type: 'CommitOk';
  readonly round: number;
}

/** The receiver lives in a later view (its own is in `view`): whoever gets this is not the primary any more. */
export interface Deposed extends Envelope {
  readonly type: 'Deposed';
}

/** A server that is not the primary asks for the operation number that a read must include. */
export interface AskRead extends Envelope {
  readonly type: 'AskRead';
  readonly context: number;
}

export interface ReadConfirmed extends Envelope {
  readonly type: 'ReadConfirmed';
  readonly context: number;
  readonly index: number;
  readonly stampMs: number;
}

/** What servers of this engine say to one another about operations. */
export type ServerMessage = Prepare | PrepareOk | Commit | CommitOk | Deposed | AskRead | ReadConfirmed;

/** What a server takes: messages of others, and of its own loop that a whole state was staged. */
export type ServerInput = ServerMessage | InstallSnapshot;

/** A server says that it lives, and what it knows. */
export interface Ping {
  readonly type: 'Ping';
  readonly folder: string;
  readonly boot: number;
  /** The view that this life has taken its place in durably; 0 before the first. */
  readonly acknowledged: number;
  /** As the primary of that view: its backup holds everything that was answered, and is asked before every answer. */
  readonly inSync: boolean;
  /** As the primary of that view: its backup does not answer. */
  readonly unreachable: boolean;
  /** The server is about to stop, and asks to be replaced. */
  readonly leaving: boolean;
  /** The last question that a notice brought; 0 before the first. */
  readonly answer: number;
  /** What it holds durably: the last view that it knew, the last operation and the view of that. */
  readonly durableView: number;
  readonly lastView: number;
  readonly lastIndex: number;
}

/** The view service's answer to a ping. */
export interface ViewNotice {
  readonly type: 'ViewNotice';
  readonly view: View;
  /** Why no view can follow, for people; empty when nothing is in the way. */
  readonly waiting: string;
  /** To be answered by a ping at once: whether the receiver still lives. 0 where nobody asks. */
  readonly question: number;
  /** 32 hexadecimal digits: which view service this is. */
  readonly clusterId: string;
}
