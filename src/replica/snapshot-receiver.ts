import { assert } from '../base/assert.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { MemberId, SnapshotMeta } from '../raft/types.ts';
import type { SnapshotAck, SnapshotChunk } from '../net/transport.ts';
import type { Store, StoreInstall } from '../store/store.ts';
import { decodeConf } from './membership.ts';

/** Pieces that are kept although it is not their turn: above what a sender has under way. */
const EARLY_CHUNKS_MAX = 16;

interface Transfer {
  readonly from: MemberId;
  readonly id: number;
  readonly meta: SnapshotMeta;
  readonly install: StoreInstall;
  /** The next piece to take. */
  next: number;
  /** A piece is being written or the whole is being synced: what comes meanwhile waits in `early`. */
  busy: boolean;
  /** Pieces that came before their turn, by their `seq`. */
  readonly early: Map<number, SnapshotChunk>;
  staged: boolean;
}

export interface SnapshotReceiverOptions {
  readonly store: Store;
  readonly logger: Logger;
  readonly ack: (to: MemberId, ack: SnapshotAck) => void;
  /** The whole snapshot is staged and synced; the core decides whether it is installed. */
  readonly onStaged: (from: MemberId, meta: SnapshotMeta) => void;
}

/** Stages the snapshot that a leader streams here; one at a time, the newest wins. */
export class SnapshotReceiver {
  readonly #options: SnapshotReceiverOptions;
  #transfer: Transfer | null = null;

  constructor(options: SnapshotReceiverOptions) {
    this.#options = options;
  }

  /** A piece from the leader of the current term. */
  onChunk(from: MemberId, chunk: SnapshotChunk): void {
    if (this.#transfer?.from !== from || this.#transfer.id !== chunk.transfer) {
      // A late piece of a transfer that its sender has given up.
      if (this.#transfer?.from === from && chunk.transfer < this.#transfer.id) return;
      if (chunk.seq !== 0) return this.#fail(from, chunk.transfer);
      if (!this.#begin(from, chunk)) return;
    }
    const transfer = this.#transfer;
    assert(transfer !== null, 'a transfer is under way');
    if (transfer.staged || chunk.seq < transfer.next) return this.#ack(transfer);
    if (chunk.seq < transfer.next + EARLY_CHUNKS_MAX) transfer.early.set(chunk.seq, chunk);
    this.#takeNext(transfer);
  }

  #takeNext(transfer: Transfer): void {
    const chunk = transfer.early.get(transfer.next);
    if (transfer.busy || chunk === undefined) return;
    transfer.early.delete(chunk.seq);
    transfer.busy = true;
    if (chunk.last) {
      transfer.install.finish((error) => this.#finished(transfer, error));
      return;
    }
    try {
      transfer.install.write(chunk.data, (error) => this.#written(transfer, error));
    } catch (error) {
      this.#abort(transfer, messageOf(error));
    }
  }

  /** The core took the snapshot at `index`: hands out what is staged for it. */
  take(index: number): StoreInstall {
    const transfer = this.#transfer;
    assert(
      transfer !== null && transfer.staged && transfer.meta.index === index,
      'the taken snapshot is staged',
    );
    this.#transfer = null;
    return transfer.install;
  }

  /** Drops whatever is staged or under way. */
  abort(): void {
    if (this.#transfer !== null) this.#abort(this.#transfer, null);
  }

  #begin(from: MemberId, chunk: SnapshotChunk): boolean {
    this.abort();
    try {
      const meta: SnapshotMeta = {
        index: chunk.index,
        term: chunk.indexTerm,
        stampMs: chunk.stampMs,
        confState: decodeConf(chunk.conf),
      };
      const install = this.#options.store.beginInstall(meta);
      this.#transfer = {
        from,
        id: chunk.transfer,
        meta,
        install,
        next: 0,
        busy: false,
        early: new Map(),
        staged: false,
      };
      this.#options.logger.info({ from, index: meta.index }, 'receiving a snapshot');
      return true;
    } catch (error) {
      this.#options.logger.warn({ from, error: messageOf(error) }, 'cannot receive a snapshot');
      this.#fail(from, chunk.transfer);
      return false;
    }
  }

  #written(transfer: Transfer, error: Error | null): void {
    if (this.#transfer !== transfer) return;
    if (error !== null) return this.#abort(transfer, error.message);
    transfer.busy = false;
    transfer.next++;
    this.#ack(transfer);
    this.#takeNext(transfer);
  }

  #finished(transfer: Transfer, error: Error | null): void {
    if (this.#transfer !== transfer) return;
    if (error !== null) return this.#abort(transfer, error.message);
    transfer.busy = false;
    transfer.staged = true;
    transfer.next++;
    this.#ack(transfer);
    this.#options.onStaged(transfer.from, transfer.meta);
  }

  #abort(transfer: Transfer, reason: string | null): void {
    this.#transfer = null;
    transfer.install.abort();
    if (reason !== null) this.#options.logger.warn({ from: transfer.from, reason }, 'gave a snapshot up');
    this.#fail(transfer.from, transfer.id);
  }

  #ack(transfer: Transfer): void {
    this.#options.ack(transfer.from, {
      type: 'SnapshotAck',
      transfer: transfer.id,
      next: transfer.next,
      failed: false,
    });
  }

  #fail(to: MemberId, transfer: number): void {
    this.#options.ack(to, { type: 'SnapshotAck', transfer, next: 0, failed: true });
  }
}
