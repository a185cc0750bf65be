import type { Prng } from '../base/prng.ts';
import type { ConnectionStream } from '../listeners/client-connection.ts';
import type { Scheduler } from '../sim/scheduler.ts';
import type { ClientStream, StreamHandler } from './dial.ts';

interface ServerSide {
  received(chunk: Buffer): void;
  drained(): void;
  closed(): void;
}

interface FakePipeOptions {
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly handler: StreamHandler;
  readonly onEnd: () => void;
}

const LATENCY_MS_MAX = 3;

/** A connection that can be cut behind any byte, in either direction, and delivers in pieces. */
export class FakePipe implements ClientStream {
  readonly #options: FakePipeOptions;
  #server: ServerSide | null = null;
  #isOver = false;
  /** Bytes that get through before the connection is cut. */
  toServerBytesMax = Infinity;
  toClientBytesMax = Infinity;
  toServerBytes = 0;
  toClientBytes = 0;
  /** When what was sent last arrives: order is kept. */
  #toServerMs = 0;
  #toClientMs = 0;
  readonly serverEnd: ConnectionStream;

  constructor(options: FakePipeOptions) {
    this.#options = options;
    this.serverEnd = {
      unsentBytes: 0,
      write: (bytes) => this.#toClient(Buffer.from(bytes)),
      pause: () => undefined,
      resume: () => undefined,
      end: () => this.#later('toClient', () => this.#end(null)),
      destroy: () => this.break(),
    };
    this.#later('toClient', () => options.handler.opened());
  }

  attach(server: ServerSide): void {
    this.#server = server;
  }

  write(bytes: Uint8Array): void {
    for (const piece of this.#pieces(Buffer.from(bytes))) {
      this.#later('toServer', () => this.#arriveAtServer(piece));
    }
  }

  close(): void {
    this.#options.scheduler.schedule(0, () => this.#end(null));
  }

  /** Both ends lose the connection. */
  break(): void {
    this.#options.scheduler.schedule(0, () => this.#end(new Error('connection reset')));
  }

  #toClient(bytes: Buffer): void {
    for (const piece of this.#pieces(bytes)) this.#later('toClient', () => this.#arriveAtClient(piece));
  }

  #arriveAtServer(piece: Buffer): void {
    const chunk = piece.subarray(0, this.toServerBytesMax - this.toServerBytes);
    this.toServerBytes += chunk.length;
    if (chunk.length > 0) this.#server?.received(Buffer.from(chunk));
    if (chunk.length < piece.length) this.#end(new Error('connection cut'));
  }

  #arriveAtClient(piece: Buffer): void {
    const chunk = piece.subarray(0, this.toClientBytesMax - this.toClientBytes);
    this.toClientBytes += chunk.length;
    if (chunk.length > 0) this.#options.handler.received(Buffer.from(chunk));
    if (chunk.length < piece.length) this.#end(new Error('connection cut'));
  }

  #later(direction: 'toServer' | 'toClient', callback: () => void): void {
    const { scheduler, prng } = this.#options;
    const last = direction === 'toServer' ? this.#toServerMs : this.#toClientMs;
    const atMs = Math.max(last, scheduler.nowMs + prng.float() * LATENCY_MS_MAX);
    if (direction === 'toServer') this.#toServerMs = atMs;
    else this.#toClientMs = atMs;
    scheduler.schedule(atMs - scheduler.nowMs, () => {
      if (!this.#isOver) callback();
    });
  }

  #pieces(bytes: Buffer): Buffer[] {
    const { prng } = this.#options;
    if (bytes.length < 2 || prng.chance(0.7)) return [bytes];
    const at = 1 + prng.below(bytes.length - 1);
    return [bytes.subarray(0, at), bytes.subarray(at)];
  }

  #end(error: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.onEnd();
    this.#server?.closed();
    this.#options.handler.closed(error);
  }
}
