import { messageOf } from '../base/errors.ts';
import type { MemberId } from '../raft/types.ts';
import type { SnapshotAck, SnapshotChunk } from '../net/transport.ts';
import type { StoreSnapshot } from '../store/store.ts';

/** Pieces that may be unacknowledged: bounds what lies in buffers, so that other messages are not held up. */
const WINDOW_CHUNKS = 4;
const RESEND_AFTER_MS = 1_000;
const GIVE_UP_AFTER_MS = 30_000;

export interface SnapshotSenderOptions {
  readonly to: MemberId;
  readonly transfer: number;
  readonly term: number;
  readonly snapshot: StoreSnapshot;
  /** The configuration at the snapshot's index, encoded. */
  readonly conf: Uint8Array;
  readonly nowMs: number;
  readonly send: (chunk: SnapshotChunk) => void;
  /** Called once; `error` is null when the follower has staged everything. */
  readonly onEnd: (error: string | null) => void;
}

/**
 * Streams one snapshot to one follower, a few pieces ahead of its acknowledgements. Pieces that got lost are sent
 * again; a follower that stays silent is given up.
 */
export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  /** Sent but not acknowledged, in order. */
  #unacked: SnapshotChunk[] = [];
  #nextSeq = 0;
  #exhausted = false;
  #progressMs: number;
  #sentMs: number;
  #ended = false;

  constructor(options: SnapshotSenderOptions) {
    this.#options = options;
    this.#progressMs = options.nowMs;
    this.#sentMs = options.nowMs;
    this.#fill();
  }

  get to(): MemberId {
    return this.#options.to;
  }

  /** Index of the snapshot: the log behind it must stay. */
  get index(): number {
    return this.#options.snapshot.position.index;
  }

  onAck(ack: SnapshotAck, nowMs: number): void {
    if (ack.transfer !== this.#options.transfer || this.#ended) return;
    if (ack.failed) return this.stop('the follower gave the snapshot up');
    const before = this.#unacked.length;
    this.#unacked = this.#unacked.filter((chunk) => chunk.seq >= ack.next);
    if (this.#unacked.length === before) return;
    this.#progressMs = nowMs;
    this.#sentMs = nowMs;
    this.#fill();
    if (this.#exhausted && this.#unacked.length === 0) this.stop(null);
  }

  tick(nowMs: number): void {
    if (this.#ended) return;
    if (nowMs - this.#progressMs > GIVE_UP_AFTER_MS) return this.stop('the follower does not answer');
    if (nowMs - this.#sentMs < RESEND_AFTER_MS) return;
    this.#sentMs = nowMs;
    for (const chunk of this.#unacked) this.#options.send(chunk);
  }

  stop(error: string | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.snapshot.close();
    this.#options.onEnd(error);
  }

  #fill(): void {
    const { transfer, term, conf, snapshot, send } = this.#options;
    const { index, term: indexTerm, stampMs } = snapshot.position;
    while (!this.#exhausted && !this.#ended && this.#unacked.length < WINDOW_CHUNKS) {
      let data: Uint8Array | null;
      try {
        data = snapshot.next();
      } catch (error) {
        return this.stop(messageOf(error));
      }
      this.#exhausted = data === null;
      const chunk: SnapshotChunk = {
        type: 'SnapshotChunk',
        transfer,
        seq: this.#nextSeq++,
        term,
        index,
        indexTerm,
        stampMs,
        conf,
        data: data ?? new Uint8Array(0),
        last: data === null,
      };
      this.#unacked.push(chunk);
      send(chunk);
    }
  }
}
