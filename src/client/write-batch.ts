import type { Timer } from '../base/clock.ts';
import type { KvraftError } from '../base/errors.ts';
import type { Fence, Op } from '../wire/rpc-requests.ts';
import type { Link } from './link.ts';
import type { SessionWindow } from './session-window.ts';
import type { WriteCall } from './write-call.ts';

/** Calls that share a number of a session. What is sent under the number never changes. */
export class WriteBatch {
  readonly window: SessionWindow;
  readonly number: number;
  readonly calls: readonly WriteCall[];
  readonly ops: readonly Op[];
  readonly atomic: boolean;
  readonly fence: Fence | null;
  readonly bytes: number;
  readonly firstSentMs: number;
  /** The connection on which its last send is unanswered. */
  link: Link | null = null;
  retryTimer: Timer | null = null;
  /** Sends of which nobody has said that they surely were not executed. */
  unsureSends = 0;
  /** Calls that are not settled. */
  openCalls: number;
  refusals = 0;
  /** What the servers said when they last would not take it. */
  lastRefusal: KvraftError | null = null;

  /** `calls` go together: see `WriteQueue.take`. */
  constructor(window: SessionWindow, calls: readonly WriteCall[], nowMs: number) {
    this.window = window;
    this.calls = calls;
    this.ops =
      calls.length === 1 ? (calls[0]?.request.ops ?? []) : calls.flatMap(({ request }) => request.ops);
    this.bytes = calls.reduce((sum, call) => sum + call.bytes, 0);
    this.atomic = calls[0]?.request.atomic ?? false;
    this.fence = calls[0]?.request.fence ?? null;
    this.openCalls = calls.length;
    this.firstSentMs = nowMs;
    this.number = window.add(this);
    for (const call of calls) call.batch = this;
  }

  get mayBeApplied(): boolean {
    return this.unsureSends > 0;
  }
}
