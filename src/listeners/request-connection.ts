import { limits } from '../base/limits.ts';
import type { ReplyBuffer } from '../wire/reply-buffer.ts';
import type { Admission } from './admission.ts';
import type { ClientConnection, ConnectionStream } from './client-connection.ts';
import { FlowControl, type FlowLimits } from './flow-control.ts';
import { GroupExecution, type GroupExecutionSetup } from './group-execution.ts';
import type { RequestHandler } from './request-handler.ts';
import { RequestQueue } from './request-queue.ts';

/** What the connections of one listener have in common, whatever they speak. */
export interface RequestConnectionSetup extends GroupExecutionSetup, FlowLimits {
  readonly admission: Admission;
}

export const defaultInFlightBytesMax: number = limits.connectionInFlightBytesMax;
export const defaultUnsentBytesMax = 1_024 * 1_024;

/** Turns the bytes of one connection into requests. */
export interface RequestParser<Request> {
  /** Nothing more will come out: the connection is to be closed. */
  readonly closed: boolean;
  /** The bytes that what was started takes once it is complete. */
  readonly announcedBytes: number;
  /** What was started takes no more than that; a long line may become many requests, which take far more. */
  readonly isInValue: boolean;
  /** Appends to `out` the requests that `chunk` completes. The chunk belongs to the parser from now on. */
  parse(chunk: Buffer, out: Request[]): void;
}

/** A protocol, as one connection speaks it. */
export interface Speech<Request, Route> {
  readonly parser: RequestParser<Request>;
  /** Where the handler puts its answers. */
  readonly replies: ReplyBuffer;
  readonly handler: RequestHandler<Request, Route>;
}

/** What a request takes of the heap, about, besides the bytes that it came in. */
const requestOverheadBytes = 128;

/**
 * One client's connection: its input in, requests to the service, replies out, and never more in memory than the
 * limits say. Knows no socket. Its owner has joined it to the admission and tells it what happens.
 */
export class RequestConnection<Request, Route> implements ClientConnection {
  readonly #setup: RequestConnectionSetup;
  readonly #stream: ConnectionStream;
  readonly #flow: FlowControl;
  readonly #queue = new RequestQueue<Request>();
  readonly #replies: ReplyBuffer;
  readonly #execution: GroupExecution<Request, Route>;
  /** Null once nothing more is taken from the client: what was received is answered, then the connection ends. */
  #parser: RequestParser<Request> | null;

  constructor(
    setup: RequestConnectionSetup,
    stream: ConnectionStream,
    { parser, replies, handler }: Speech<Request, Route>,
  ) {
    this.#setup = setup;
    this.#stream = stream;
    this.#flow = new FlowControl(stream, setup, setup);
    this.#parser = parser;
    this.#replies = replies;
    this.#execution = new GroupExecution(setup, this.#queue, handler, {
      hasRoom: () => this.#hasRoom(),
      progressed: () => this.#progress(),
      closeInput: () => {
        this.#parser = null;
      },
    });
  }

  /** The next piece of the client's input; the buffer is the connection's from now on. */
  received(chunk: Buffer): void {
    const parser = this.#parser;
    if (parser === null) return;
    const requests: Request[] = [];
    const startedBytes = parser.announcedBytes;
    parser.parse(chunk, requests);
    if (requests.length > 0) {
      const bytes = startedBytes + chunk.length + requests.length * requestOverheadBytes;
      this.#queue.push(requests, bytes, this.#setup.clock.monotonicMs());
      this.#flow.clientActed();
    }
    if (parser.closed) this.#parser = null;
    this.#progress();
  }

  /** The client sends nothing more, but may still read. A request that it did not finish is none. */
  ended(): void {
    this.#parser = null;
    this.#progress();
  }

  /** Some of what was written has left. */
  drained(): void {
    if (!this.#flow.hasUnsent) return;
    this.#flow.clientActed();
    this.#progress();
  }

  /** The connection is no more. Writes that were received are executed all the same. */
  closed(): void {
    this.#flow.gone();
    this.#parser = null;
    this.#execution.abandon();
    this.#progress();
  }

  /** The server is about to stop: answers what was received, then ends the connection. */
  stop(): void {
    this.ended();
  }

  pressureChanged(): void {
    this.#flow.pressureChanged();
  }

  roomAgain(): void {
    this.#progress();
  }

  shed(sinceMs: number, unreadSinceMs: number): void {
    this.#flow.shed(sinceMs, unreadSinceMs);
  }

  #progress(): void {
    do {
      this.#execution.run();
      this.#flush();
    } while (this.#execution.waitsForRoom && this.#hasRoom());
    this.#flow.count(this.#parser?.announcedBytes ?? 0, this.#queue.bytes, this.#replies.length);
    this.#flow.regulate(this.#parser !== null, this.#parser?.isInValue ?? false);
    if (this.#parser === null && this.#execution.isIdle) this.#flow.end();
  }

  #hasRoom(): boolean {
    return this.#flow.hasRoom(this.#replies.length);
  }

  #flush(): void {
    if (this.#replies.length === 0) return;
    const bytes = this.#replies.take();
    if (!this.#flow.isGone) this.#stream.write(bytes);
  }
}
