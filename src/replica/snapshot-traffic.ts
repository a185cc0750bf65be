import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { RawNode } from '../raft/raw-node.ts';
import type { InstallSnapshot, MemberId } from '../raft/types.ts';
import type { SnapshotAck, SnapshotChunk, Transport } from '../net/transport.ts';
import type { Store, StoreInstall } from '../store/store.ts';
import { encodeConf } from './membership.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';
import { SnapshotSender } from './snapshot-sender.ts';

const SETTLE_MS_MAX = 10_000;
/** A follower that could not take a snapshot, perhaps for want of disk space, is not sent the next one at once. */
const RETRY_AFTER_MS = 1_000;

/** The part of a core, of either engine, that snapshots concern. */
export type SnapshotNode = Pick<
  RawNode,
  | 'id'
  | 'term'
  | 'role'
  | 'leaderId'
  | 'commitIndex'
  | 'pendingSnapshotIndex'
  | 'confStateAt'
  | 'snapshotStarted'
  | 'snapshotFailed'
> & {
  step(message: InstallSnapshot): void;
  progress(): readonly { readonly member: MemberId; readonly state: string }[];
};

export interface SnapshotTrafficOptions {
  readonly node: SnapshotNode;
  readonly store: Store;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Random, so that pieces of an earlier life's transfers fit nothing. */
  readonly firstTransfer: number;
  /** The core was told something. */
  readonly onChange: () => void;
}

/** The snapshots that come and go, and what the core is told of them. */
export class SnapshotTraffic {
  readonly #options: SnapshotTrafficOptions;
  readonly #senders = new Map<MemberId, SnapshotSender>();
  /** Staged at the follower, which has not said yet that it goes on from there: until then the log must reach back. */
  readonly #settling = new Map<MemberId, { readonly index: number; readonly untilMs: number }>();
  /** Those whose last snapshot did not arrive, and when the core is told so and may want another one. */
  readonly #failed = new Map<MemberId, number>();
  readonly #receiver: SnapshotReceiver;
  #nextTransfer: number;

  constructor(options: SnapshotTrafficOptions) {
    this.#options = options;
    this.#nextTransfer = options.firstTransfer;
    const { node, store, transport, logger, onChange } = options;
    this.#receiver = new SnapshotReceiver({
      store,
      logger,
      ack: (to, ack) => transport.send(to, ack),
      onStaged: (from, snapshot) => {
        const taken = from === node.leaderId && node.role === 'follower' && snapshot.index > node.commitIndex;
        if (taken) node.step({ type: 'InstallSnapshot', from, to: node.id, term: node.term, snapshot });
        if (!taken || node.pendingSnapshotIndex !== snapshot.index) this.#receiver.abort();
        onChange();
      },
    });
  }

  /** The log must keep what follows this index for the followers that are being sent a snapshot; infinity if none. */
  get heldIndex(): number {
    let held = Infinity;
    for (const { index } of this.#senders.values()) held = Math.min(held, index);
    for (const { index } of this.#settling.values()) held = Math.min(held, index);
    return held;
  }

  sendTo(member: MemberId): void {
    const { node, store, transport, clock, logger } = this.#options;
    if (this.#failed.has(member)) return;
    this.#senders.get(member)?.stop('another snapshot takes its place');
    this.#failed.delete(member);
    let snapshot;
    try {
      snapshot = store.openSnapshot();
    } catch (error) {
      logger.warn({ member, error: messageOf(error) }, 'cannot open a snapshot for a follower');
      this.#failed.set(member, clock.monotonicMs() + RETRY_AFTER_MS);
      return;
    }
    const { index } = snapshot.position;
    logger.info({ member, index }, 'sending a snapshot');
    node.snapshotStarted(member, index);
    let ended = false;
    const sender = new SnapshotSender({
      to: member,
      transfer: this.#nextTransfer++,
      term: node.term,
      snapshot,
      conf: encodeConf(node.confStateAt(index)),
      nowMs: clock.monotonicMs(),
      send: (chunk) => transport.send(member, chunk),
      onEnd: (error) => {
        ended = true;
        this.#senders.delete(member);
        if (error === null) {
          this.#settling.set(member, { index, untilMs: clock.monotonicMs() + SETTLE_MS_MAX });
          return;
        }
        logger.warn({ member, index, error }, 'a snapshot did not arrive');
        this.#failed.set(member, clock.monotonicMs() + RETRY_AFTER_MS);
      },
    });
    if (!ended) this.#senders.set(member, sender);
  }

  onChunk(from: MemberId, chunk: SnapshotChunk): void {
    const { node } = this.#options;
    if (chunk.term !== node.term || from !== node.leaderId) return;
    this.#receiver.onChunk(from, chunk);
  }

  onAck(from: MemberId, ack: SnapshotAck): void {
    this.#senders.get(from)?.onAck(ack, this.#options.clock.monotonicMs());
  }

  /** The core took the snapshot that is staged. */
  take(index: number): StoreInstall {
    return this.#receiver.take(index);
  }

  tick(nowMs: number): void {
    for (const sender of this.#senders.values()) sender.tick(nowMs);
    for (const [member, untilMs] of this.#failed) {
      if (nowMs < untilMs) continue;
      this.#failed.delete(member);
      this.#options.node.snapshotFailed(member);
      this.#options.onChange();
    }
    for (const [member, { untilMs }] of this.#settling) {
      const { node, onChange } = this.#options;
      const waits = node.progress().some((peer) => peer.member === member && peer.state === 'snapshot');
      if (waits && nowMs <= untilMs) continue;
      this.#settling.delete(member);
      if (!waits) continue;
      // It must have lost what it had staged. An idle leader would find that out from nothing else.
      node.snapshotFailed(member);
      onChange();
    }
  }

  onLeaderChange(): void {
    for (const sender of this.#senders.values()) sender.stop('the leader changed');
    this.#settling.clear();
    this.#failed.clear();
    if (this.#options.node.pendingSnapshotIndex === 0) this.#receiver.abort();
  }

  stop(): void {
    for (const sender of this.#senders.values()) sender.stop('the server stops');
    this.#receiver.abort();
  }
}
