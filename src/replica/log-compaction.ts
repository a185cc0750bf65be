import { assert } from '../base/assert.ts';
import type { Prng } from '../base/prng.ts';
import type { RawNode } from '../raft/raw-node.ts';
import type { MemberId } from '../raft/types.ts';
import type { Store } from '../store/store.ts';
import type { Wal } from '../wal/wal-types.ts';
import { planCompaction } from './compaction.ts';
import type { ReplicaOptions } from './options.ts';

/** The part of a core, of either engine, that holds the log. */
export type LogNode = Pick<
  RawNode,
  'id' | 'logBytes' | 'firstIndex' | 'commitIndex' | 'indexFromEnd' | 'termAt' | 'compact'
> & {
  progress(): readonly {
    readonly member: MemberId;
    readonly state: string;
    readonly matchIndex: number;
    readonly recentActive: boolean;
  }[];
};

interface CompactionParts {
  readonly node: LogNode;
  readonly store: Store;
  readonly wal: Wal;
  readonly prng: Prng;
  readonly options: ReplicaOptions;
}

/** The log is cut when it takes at least this share of the bytes that it may, and up to all of them. */
const CUT_SHARE_MIN = 0.75;
/** At rest, when the state on disk holds everything, it is cut at this share already: memory is worth more then. */
const CUT_SHARE_AT_REST = 0.25;
/** What is left of it. */
const KEPT_SHARE = 0.125;

/** Has the store flush what is too much for memory, and cuts a log that has grown too long. */
export class LogCompaction {
  readonly #parts: CompactionParts;
  /**
   * The share of its bytes at which the log is cut: another one each time, and on every server. Servers with the same log
   * would otherwise flush their states for it at the same moment, and none of them be quick then; so a majority is.
   */
  #cutShare: number;

  constructor(parts: CompactionParts) {
    this.#parts = parts;
    this.#cutShare = drawCutShare(parts.prng);
  }

  /** `heldIndex` is what snapshots under way need. */
  run(heldIndex: number): void {
    const { node, store, wal, prng, options } = this.#parts;
    // By itself the store may be content to hold more than what the replica stops at.
    if (store.unflushedBytes > options.unflushedBytesMax) store.flush();
    const share = store.unflushedBytes === 0 ? CUT_SHARE_AT_REST : this.#cutShare;
    const cutAboveBytes = share * options.logBytesMax;
    if (node.logBytes <= cutAboveBytes) return;
    let neededIndex = Infinity;
    for (const peer of node.progress()) {
      if (peer.member !== node.id && peer.recentActive && peer.state === 'replicate') {
        neededIndex = Math.min(neededIndex, peer.matchIndex + 1);
      }
    }
    const plan = planCompaction(
      {
        logBytes: node.logBytes,
        logBytesMax: options.logBytesMax,
        cutAboveBytes,
        keptBytes: KEPT_SHARE * options.logBytesMax,
        firstIndex: node.firstIndex,
        durableIndex: store.durablePosition.index,
        neededIndex,
        heldIndex,
      },
      (bytes) => node.indexFromEnd(bytes),
    );
    if (plan.step === 'flush') store.flush();
    if (plan.step !== 'cut') return;
    const term = node.termAt(plan.index);
    assert(term !== undefined, 'the log holds the entry that it is cut behind');
    node.compact(plan.index);
    wal.compact(plan.index, term);
    this.#cutShare = drawCutShare(prng);
  }
}

const drawCutShare = (prng: Prng): number => CUT_SHARE_MIN + (1 - CUT_SHARE_MIN) * prng.float();

type StoreParts = Pick<CompactionParts, 'node' | 'store' | 'options'>;

/** Too much is waiting for the store: nothing more is proposed until it has caught up. */
export function isFull({ node, store, options }: StoreParts): boolean {
  return store.unflushedBytes > options.unflushedBytesMax || node.logBytes > 4 * options.logBytesMax;
}

/**
 * Whether to leave entries of the leader to the time when the store has caught up. Only while there is something
 * for it to catch up with: else a long tail that is not committed would keep out the entry that commits it.
 */
export function mustWaitForStore(parts: StoreParts): boolean {
  return isFull(parts) && parts.store.durablePosition.index < parts.node.commitIndex;
}
