import type { Clock } from '../base/clock.ts';
import type { Transport } from '../net/transport.ts';
import type { MemberId } from '../raft/types.ts';
import type { LogTime } from './log-time.ts';

export interface TimeTellerOptions {
  /** A core of either engine. */
  readonly node: {
    readonly id: MemberId;
    readonly role: string;
    readonly term: number;
    progress(): readonly { readonly member: MemberId }[];
  };
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logTime: LogTime;
  /** So often at least. */
  readonly intervalMs: number;
}

/** As the leader, tells the others what time it is in the cluster. */
export class TimeTeller {
  readonly #options: TimeTellerOptions;
  #toldMs = -Infinity;

  constructor(options: TimeTellerOptions) {
    this.#options = options;
  }

  /** Before the first entry of the term leaves, whose stamp is an old one: who counts from that would lose the time since. */
  leads(): void {
    const { node, logTime } = this.#options;
    logTime.lead(node.term);
    this.#tellAll();
  }

  tick(nowMs: number): void {
    const { node, intervalMs } = this.#options;
    if (node.role === 'leader' && nowMs - this.#toldMs >= intervalMs) this.#tellAll();
  }

  tell(member: MemberId): void {
    const { node, transport, logTime } = this.#options;
    if (node.role !== 'leader' || member === node.id) return;
    transport.send(member, { type: 'LogTime', term: node.term, logTimeMs: logTime.nowMs() });
  }

  #tellAll(): void {
    this.#toldMs = this.#options.clock.monotonicMs();
    for (const { member } of this.#options.node.progress()) this.tell(member);
  }
}
