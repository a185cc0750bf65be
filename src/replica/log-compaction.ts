import { assert } from '../base/assert.ts';
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
  readonly options: ReplicaOptions;
}

/** Has the store flush what is too much for memory, and cuts a log that has grown too long; `heldIndex` is what snapshots under way need. */
export function compactLog({ node, store, wal, options }: CompactionParts, heldIndex: number): void {
  // By itself the store may be content to hold more than what the replica stops at.
  if (store.unflushedBytes > options.unflushedBytesMax) store.flush();
  // At rest the state on disk holds everything, and half of the memory for the log will do.
  const cutAboveBytes = store.unflushedBytes === 0 ? options.logBytesMax / 2 : options.logBytesMax;
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
      keptBytes: options.logBytesMax / 4,
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
}

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
