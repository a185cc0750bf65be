import type { Clock, Timer } from '../base/clock.ts';
import type { Transport } from '../net/transport.ts';
import type { PrimaryBackup } from '../primary-backup/primary-backup.ts';
import type { Ping, ViewNotice } from '../primary-backup/types.ts';
import { serverOf, type MemberId } from '../raft/types.ts';
import type { Wal } from '../wal/wal-types.ts';

interface PingerParts {
  readonly node: PrimaryBackup;
  readonly wal: Wal;
  readonly monitors: readonly MemberId[];
  readonly transport: Transport;
  readonly clock: Clock;
  readonly options: { readonly diskStallMsMax: number };
  readonly pingIntervalMs: number;
}

/** Tells every monitor once an interval that this server lives, and at once when it has news. The leading one answers. */
export class Pinger {
  readonly #parts: PingerParts;
  #timer: Timer | null = null;
  /** Each monitor as the member that it was when it was met last: a rebuilt one is another. */
  readonly #monitors: Map<number, MemberId>;
  #leaving = false;
  #told = '';
  /** The last question that was asked. */
  #answer = 0;
  /** Why no view can follow, as the view service said last; empty when nothing is in the way. */
  waiting = '';

  constructor(parts: PingerParts) {
    this.#parts = parts;
    this.#monitors = new Map(parts.monitors.map((monitor) => [serverOf(monitor), monitor]));
  }

  isMonitor(member: MemberId): boolean {
    return this.#monitors.has(serverOf(member));
  }

  /** A connection with a monitor stands. */
  onConnected(monitor: MemberId): void {
    this.#monitors.set(serverOf(monitor), monitor);
    this.ping();
  }

  start(): void {
    const { clock, pingIntervalMs } = this.#parts;
    this.#timer = clock.setTimer(pingIntervalMs, () => this.start());
    this.ping();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  onNotice({ waiting, question }: ViewNotice): void {
    this.waiting = waiting;
    if (question === 0 || question === this.#answer) return;
    this.#answer = question;
    this.ping();
  }

  /** The server is about to stop. */
  leave(): void {
    this.#leaving = true;
    this.ping();
  }

  /** Pings at once if what the view service waits for has changed. */
  tellChanges(): void {
    const { acknowledged, inSync, unreachable } = this.#parts.node.ping();
    if (this.#told !== `${acknowledged} ${inSync} ${unreachable}`) this.ping();
  }

  ping(): void {
    const { node, wal, transport, options } = this.#parts;
    // A server whose disk hangs can do nothing: it is to count as dead, so that another one takes its place.
    if (wal.stalledMs > options.diskStallMsMax) return;
    const ping: Ping = { type: 'Ping', ...node.ping(), leaving: this.#leaving, answer: this.#answer };
    this.#told = `${ping.acknowledged} ${ping.inSync} ${ping.unreachable}`;
    for (const monitor of this.#monitors.values()) transport.send(monitor, ping);
  }
}
