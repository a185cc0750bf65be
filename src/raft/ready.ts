import type { Entry, HardState, MemberId, Message, ReadState, SnapshotMeta, SoftState } from './types.ts';

/**
 * What the core wants done since the last `ready()`. Several may be under way at once: they are persisted in
 * their order (`seq`), and `RawNode.persisted(seq)` covers that one and all before it.
 */
export interface Ready {
  /** Counts the Readys of this core from 1. */
  readonly seq: number;
  /** Set when role or leader changed. */
  readonly softState: SoftState | null;
  /** Set when term, vote or commit index changed; to persist before `messagesAfterAppend`. */
  readonly hardState: HardState | null;
  /** A staged snapshot that the core took: replaces the state and the whole log, before `entries`. */
  readonly snapshot: SnapshotMeta | null;
  /** To append to the log. The first may lie at or below the last one persisted: it then replaces the tail. */
  readonly entries: readonly Entry[];
  /** Whether term, vote, entries or snapshot must be synced; a new commit index alone need not be. */
  readonly mustSync: boolean;
  /** To send at once, in parallel with the disk write. */
  readonly messages: readonly Message[];
  /** To send once this Ready and all before it are durable: votes, vote requests and append acknowledgements. */
  readonly messagesAfterAppend: readonly Message[];
  /** To apply, in order. May hold entries that are not durable here yet: a majority elsewhere holds them. */
  readonly committedEntries: readonly Entry[];
  /** Reads whose index a quorum has confirmed. */
  readonly readStates: readonly ReadState[];
  /** Followers whose next entry the log no longer has: they are to be sent a snapshot. */
  readonly snapshotsWanted: readonly MemberId[];
}
