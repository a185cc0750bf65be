import { RingQueue } from '../../base/ring-queue.ts';
import type { MemberId } from '../types.ts';

/**
 * How a follower is fed: `probe`, one message at a time until one is accepted; `replicate`, messages ahead of their
 * answers; `snapshot`, nothing until it has installed one.
 */
export type ProgressState = 'probe' | 'replicate' | 'snapshot';

interface Inflight {
  readonly lastIndex: number;
  readonly bytes: number;
}

export interface FlowLimits {
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
}

/** What a leader knows of one member. */
export class Progress {
  readonly member: MemberId;
  readonly #limits: FlowLimits;
  readonly #inflight = new RingQueue<Inflight>();
  #inflightBytes = 0;
  state: ProgressState = 'probe';
  /** The highest index known to be durable there and equal to the leader's log. */
  matchIndex = 0;
  /** The next index to send. */
  nextIndex: number;
  /** In `probe`: a message is under way, nothing else is sent until it is answered or a heartbeat is. */
  probeSent = false;
  /** In `snapshot`: the index of the one that is being sent, 0 until it is known. */
  snapshotIndex = 0;
  /** Whether it was heard in this election timeout (check-quorum). */
  recentActive = false;
  /** The highest commit index that it was told. */
  toldCommit = 0;
  /** `matchIndex` at the last heartbeat tick and at the one before; -1 where nothing was under way then. */
  #matchAtBeat = -1;
  #matchAtBeatBefore = -1;
  #beaten = false;

  constructor(member: MemberId, nextIndex: number, limits: FlowLimits) {
    this.member = member;
    this.nextIndex = nextIndex;
    this.#limits = limits;
  }

  /** Whether nothing may be sent now. */
  get paused(): boolean {
    if (this.state === 'snapshot') return true;
    if (this.state === 'probe') return this.probeSent;
    const { inflightMessagesMax, inflightBytesMax } = this.#limits;
    return this.#inflight.length >= inflightMessagesMax || this.#inflightBytes >= inflightBytesMax;
  }

  /** A heartbeat interval begins. */
  beat(): void {
    this.#beaten = true;
    this.#matchAtBeatBefore = this.#matchAtBeat;
    this.#matchAtBeat = this.#inflight.length > 0 ? this.matchIndex : -1;
  }

  /** Whether an interval began since this was asked last. */
  takeBeat(): boolean {
    const beaten = this.#beaten;
    this.#beaten = false;
    return beaten;
  }

  /** Whether a whole heartbeat interval brought nothing: what was sent then is lost. */
  get stuck(): boolean {
    return this.state === 'replicate' && this.matchIndex === this.#matchAtBeatBefore;
  }

  becomeProbe(): void {
    this.#reset('probe');
    this.nextIndex = this.matchIndex + 1;
  }

  becomeReplicate(): void {
    this.#reset('replicate');
    this.nextIndex = this.matchIndex + 1;
  }

  becomeSnapshot(): void {
    this.#reset('snapshot');
  }

  /** Entries up to `lastIndex` were sent. */
  sent(lastIndex: number, bytes: number): void {
    if (this.state === 'probe') {
      this.probeSent = true;
      return;
    }
    this.nextIndex = lastIndex + 1;
    this.#inflight.push({ lastIndex, bytes });
    this.#inflightBytes += bytes;
  }

  /** The member holds everything up to `index`; whether that is news. */
  update(index: number): boolean {
    if (index > this.matchIndex) {
      this.matchIndex = index;
      this.nextIndex = Math.max(this.nextIndex, index + 1);
    } else if (this.state !== 'probe' || index < this.matchIndex) {
      return false;
    }
    this.#free(index);
    return true;
  }

  #free(index: number): void {
    for (
      let next = this.#inflight.peek();
      next !== undefined && next.lastIndex <= index;
      next = this.#inflight.peek()
    ) {
      this.#inflight.shift();
      this.#inflightBytes -= next.bytes;
    }
  }

  #reset(state: ProgressState): void {
    this.state = state;
    this.probeSent = false;
    this.snapshotIndex = 0;
    this.#matchAtBeat = -1;
    this.#matchAtBeatBefore = -1;
    this.#inflight.clear();
    this.#inflightBytes = 0;
  }
}
