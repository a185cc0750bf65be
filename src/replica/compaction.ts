/** What the decision to cut the log is made from. Indexes are of log entries. */
export interface CompactionState {
  readonly logBytes: number;
  readonly logBytesMax: number;
  /** A log that is longer is cut. */
  readonly cutAboveBytes: number;
  /** What is left of a log that is cut. */
  readonly keptBytes: number;
  readonly firstIndex: number;
  /** The state on disk holds everything up to here; a restart replays from here. */
  readonly durableIndex: number;
  /** The lowest index that some active follower still needs, or infinity: respected while the log is not far too long. */
  readonly neededIndex: number;
  /**
   * The lowest index behind a snapshot that is being sent, or infinity: respected for longer, but not until the log
   * is so long that the leader takes no more. The follower then needs another snapshot; the cluster goes on.
   */
  readonly heldIndex: number;
}

export type CompactionStep =
  | { readonly step: 'none' }
  /** The state on disk is too far behind to cut enough: flush it. */
  | { readonly step: 'flush' }
  | { readonly step: 'cut'; readonly index: number };

/**
 * How to keep the log within its bytes: cut to well below, so that cutting is rare, and with it the flushes that it needs, but
 * never past what the state on disk holds.
 *
 * @param indexBelow the first index from which on the log takes no more than the given bytes
 */
export function planCompaction(
  state: CompactionState,
  indexBelow: (bytes: number) => number,
): CompactionStep {
  if (state.logBytes <= state.cutAboveBytes) return { step: 'none' };
  const wanted = indexBelow(state.keptBytes) - 1;
  const respected = state.logBytes > 2 * state.logBytesMax ? Infinity : state.neededIndex - 1;
  const held = state.logBytes > 3 * state.logBytesMax ? Infinity : state.heldIndex;
  const index = Math.min(wanted, state.durableIndex, respected, held);
  if (index >= state.firstIndex) return { step: 'cut', index };
  return state.durableIndex < wanted ? { step: 'flush' } : { step: 'none' };
}
