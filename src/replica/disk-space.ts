import type { Logger } from '../base/logger.ts';
import type { Prng } from '../base/prng.ts';
import type { RawNode } from '../raft/raw-node.ts';
import type { MemberId } from '../raft/types.ts';
import type { Store } from '../store/store.ts';

/** A leader without space asks the next server this long after the last one. */
const HAND_OVER_EVERY_MS = 5_000;

export interface DiskSpaceParts {
  readonly store: Store;
  readonly logger: Logger;
}

/**
 * Whether this server's disk takes changes: the log must have its next segment reserved, and the last flush of the
 * state must not have found the disk full. Both are tried again by themselves.
 */
export class DiskSpace {
  readonly #parts: DiskSpaceParts;
  #wasAvailable = true;
  /** As the log sees it. */
  logHasSpace = true;

  constructor(parts: DiskSpaceParts) {
    this.#parts = parts;
  }

  get isAvailable(): boolean {
    return this.logHasSpace && !this.#parts.store.outOfSpace;
  }

  /** Says what has changed. */
  tick(): void {
    const { logger } = this.#parts;
    const isAvailable = this.isAvailable;
    if (isAvailable === this.#wasAvailable) return;
    this.#wasAvailable = isAvailable;
    if (isAvailable) logger.info({}, 'there is disk space again: changes are taken');
    else logger.error({}, 'the disk is full: changes are refused until there is space, reads go on');
  }
}

/** A leader that cannot take changes lets another server lead, which perhaps can. */
export class SpaceHandOver {
  readonly #node: RawNode;
  readonly #prng: Prng;
  #atMs = 0;

  constructor({ node, prng }: { readonly node: RawNode; readonly prng: Prng }) {
    this.#node = node;
    this.#prng = prng;
  }

  tick(nowMs: number, hasSpace: boolean): void {
    const node = this.#node;
    const prng = this.#prng;
    if (hasSpace || node.role !== 'leader' || nowMs < this.#atMs) return;
    this.#atMs = nowMs + HAND_OVER_EVERY_MS;
    // By chance among those that have everything: who of them has space is not known here.
    const heirs = activeVoters(node).filter(({ matchIndex }) => matchIndex >= node.commitIndex);
    const heir = heirs[heirs.length > 0 ? prng.below(heirs.length) : 0];
    if (heir !== undefined) node.transferLeadership(heir.member);
  }
}

/** A leader asks its most advanced follower to take over; false when there is none to ask. */
export function handOver(node: RawNode): boolean {
  if (node.role !== 'leader') return false;
  const best = activeVoters(node).toSorted((a, b) => b.matchIndex - a.matchIndex)[0];
  return best !== undefined && node.transferLeadership(best.member);
}

function activeVoters(node: RawNode): { readonly member: MemberId; readonly matchIndex: number }[] {
  return node.progress().filter((peer) => peer.member !== node.id && !peer.isLearner && peer.recentActive);
}
