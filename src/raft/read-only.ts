import type { MemberId } from './types.ts';

/** Reads that may wait; more are dropped, and asked for again by those who want them. */
export const WAITING_MAX = 100_000;

export interface PendingRead {
  readonly context: number;
  /** Who wants to know. */
  readonly from: MemberId;
  readonly minIndex: number;
  readonly stampMs: number;
  /** The read index; 0 until the leader knows how far the log is committed. */
  index: number;
}

/**
 * Reads that wait for the confirmation that this server still leads (thesis §6.4). One round of heartbeats confirms
 * all reads that came before it was sent; while it is under way, later ones gather for the next.
 */
export class ReadOnly {
  /** Came before the leader committed an entry of its term: the commit index may still lag. */
  #uncommitted: PendingRead[] = [];
  #waiting: PendingRead[] = [];
  #inRound: PendingRead[] = [];
  #round = 0;
  #acknowledged = new Set<MemberId>();

  /** The newest round, 0 before the first; goes with every heartbeat. */
  get round(): number {
    return this.#round;
  }

  get roundUnderWay(): boolean {
    return this.#inRound.length > 0;
  }

  /** Whether a round is to be started. */
  get roundDue(): boolean {
    return this.#inRound.length === 0 && this.#waiting.length > 0;
  }

  /** Whether there was room. */
  add(read: PendingRead, commitIsKnown: boolean, commitIndex: number): boolean {
    if (this.#uncommitted.length + this.#waiting.length >= WAITING_MAX) return false;
    if (commitIsKnown) {
      read.index = Math.max(commitIndex, read.minIndex);
      this.#waiting.push(read);
    } else {
      this.#uncommitted.push(read);
    }
    return true;
  }

  /** The leader committed an entry of its own term, and so knows what is committed. */
  commitKnown(commitIndex: number): void {
    for (const read of this.#uncommitted) {
      read.index = Math.max(commitIndex, read.minIndex);
      this.#waiting.push(read);
    }
    this.#uncommitted = [];
  }

  startRound(self: MemberId): number {
    this.#inRound = this.#waiting;
    this.#waiting = [];
    this.#acknowledged = new Set([self]);
    return ++this.#round;
  }

  /** A member answered the heartbeat of `round`; whether that counts for the round under way. */
  acknowledge(from: MemberId, round: number): boolean {
    if (!this.roundUnderWay || round !== this.#round) return false;
    this.#acknowledged.add(from);
    return true;
  }

  acknowledgedBy(member: MemberId): boolean | undefined {
    return this.#acknowledged.has(member) ? true : undefined;
  }

  /** A quorum has answered: gives out the reads of the round. */
  endRound(): PendingRead[] {
    const confirmed = this.#inRound;
    this.#inRound = [];
    return confirmed;
  }

  /** Leadership is over: whoever waits has to ask again. Rounds go on counting, so old answers fit no new round. */
  reset(): void {
    this.#uncommitted = [];
    this.#waiting = [];
    this.#inRound = [];
  }
}

/** As follower: the reads that the leader was asked for. The network may repeat an answer; each read counts once. */
export class AskedReads {
  readonly #contexts = new Set<number>();

  /** Of too many, the one that waits longest is given up: its answer is lost, most likely. */
  add(context: number): void {
    this.#contexts.add(context);
    const [oldest] = this.#contexts;
    if (this.#contexts.size > WAITING_MAX && oldest !== undefined) this.#contexts.delete(oldest);
  }

  /** An answer came; whether it was waited for. */
  take(context: number): boolean {
    return this.#contexts.delete(context);
  }

  clear(): void {
    this.#contexts.clear();
  }
}
