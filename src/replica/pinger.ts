import type { Clock, Timer } from '../base/clock.ts';
import type { Transport } from '../net/transport.ts';
import type { PrimaryBackup } from '../primary-backup/primary-backup.ts';
import type { Ping, ViewNotice } from '../primary-backup/types.ts';
import type { MemberId } from '../raft/types.ts';
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
  #leaving = false;
  #told = '';
  /** Why no view can follow, as the view service said last; empty when nothing is in the way. */
  waiting = '';

  constructor(parts: PingerParts) {
    this.#parts = parts;
  }

  start(): void {
    const { clock, pingIntervalMs } = this.#parts;
    this.#timer = clock.setTimer(pingIntervalMs, () => this.start());
    this.ping();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  onNotice({ waiting }: ViewNotice): void {
    this.waiting = waiting;
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
    const { node, wal, monitors, transport, options } = this.#parts;
    // A server whose disk hangs can do nothing: it is to count as dead, so that another one takes its place.
    if (wal.stalledMs > options.diskStallMsMax) return;
    const ping: Ping = { type: 'Ping', ...node.ping(), leaving: this.#leaving };
    this.#told = `${ping.acknowledged} ${ping.inSync} ${ping.unreachable}`;
    for (const monitor of monitors) transport.send(monitor, ping);
  }
}
