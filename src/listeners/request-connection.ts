import { limits } from '../base/limits.ts';
import type { ReplyBuffer } from '../wire/reply-buffer.ts';
import type { Admission } from './admission.ts';
import type { ClientConnection, ConnectionStream } from './client-connection.ts';
import { GroupExecution, type GroupExecutionSetup } from './group-execution.ts';
import type { RequestHandler } from './request-handler.ts';
import { RequestQueue } from './request-queue.ts';

/** What the connections of one listener have in common, whatever they speak. */
export interface RequestConnectionSetup extends GroupExecutionSetup {
  readonly admission: Admission;
  /** Bytes of unanswered requests past which a connection is not read. */
  readonly inFlightBytesMax: number;
  /** Bytes of replies that the client has not taken, past which nothing more is read or executed for it. */
  readonly unsentBytesMax: number;
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
  readonly #queue = new RequestQueue<Request>();
  readonly #replies: ReplyBuffer;
  readonly #execution: GroupExecution<Request, Route>;
  /** Null once nothing more is taken from the client: what was received is answered, then the connection ends. */
  #parser: RequestParser<Request> | null;
  #isReading = true;
  #hasEnded = false;
  #isGone = false;
  /** What of this connection is counted in the admission. */
  #countedBytes = 0;
  /** What the stream held when it was last asked. */
  #unsentBytes = 0;
  /** Since when nothing but the client keeps bytes here: a started value, or replies that it does not read. */
  #waitsForClientSinceMs: number | null = null;

  constructor(
    setup: RequestConnectionSetup,
    stream: ConnectionStream,
    { parser, replies, handler }: Speech<Request, Route>,
  ) {
    this.#setup = setup;
    this.#stream = stream;
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
      this.#waitsForClientSinceMs = null;
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
    if (this.#unsentBytes === 0) return;
    this.#waitsForClientSinceMs = null;
    this.#progress();
  }

  /** The connection is no more. Writes that were received are executed all the same. */
  closed(): void {
    this.#isGone = true;
    this.#parser = null;
    this.#execution.abandon();
    this.#progress();
  }

  /** The server is about to stop: answers what was received, then ends the connection. */
  stop(): void {
    this.ended();
  }

  pressureChanged(): void {
    this.#updateReading();
  }

  roomAgain(): void {
    this.#progress();
  }

  shed(sinceMs: number, unreadSinceMs: number): void {
    const waitsSinceMs = this.#waitsForClientSinceMs;
    const longMs = this.#unsentBytes > 0 ? unreadSinceMs : sinceMs;
    if (waitsSinceMs !== null && waitsSinceMs <= longMs) this.#stream.destroy();
  }

  #progress(): void {
    do {
      this.#execution.run();
      this.#flush();
    } while (this.#execution.waitsForRoom && this.#hasRoom());
    this.#count();
    this.#updateReading();
    if (this.#parser === null && this.#execution.isIdle) this.#end();
  }

  #hasRoom(): boolean {
    const { admission, unsentBytesMax } = this.#setup;
    return admission.hasRoom && this.#replies.length + this.#stream.unsentBytes < unsentBytesMax;
  }

  #flush(): void {
    if (this.#replies.length === 0) return;
    const bytes = this.#replies.take();
    if (!this.#isGone) this.#stream.write(bytes);
  }

  #count(): void {
    const unsentBytes = this.#isGone ? 0 : this.#stream.unsentBytes;
    const unsentChange = unsentBytes - this.#unsentBytes;
    this.#unsentBytes = unsentBytes;
    const heldByClient = (this.#parser?.announcedBytes ?? 0) + this.#unsentBytes;
    if (heldByClient === 0) this.#waitsForClientSinceMs = null;
    else this.#waitsForClientSinceMs ??= this.#setup.clock.monotonicMs();
    const bytes = heldByClient + this.#queue.bytes;
    const change = bytes - this.#countedBytes;
    this.#countedBytes = bytes;
    if (change !== 0 || unsentChange !== 0) this.#setup.admission.adjust(change, unsentChange);
  }

  #updateReading(): void {
    const reads = this.#wantsInput();
    if (reads === this.#isReading || this.#isGone || this.#hasEnded) return;
    this.#isReading = reads;
    if (reads) this.#stream.resume();
    else this.#stream.pause();
  }

  #wantsInput(): boolean {
    if (this.#parser === null) return false;
    if (this.#queue.bytes > this.#setup.inFlightBytesMax) return false;
    if (this.#unsentBytes > this.#setup.unsentBytesMax) return false;
    return !this.#setup.admission.underPressure || this.#parser.isInValue;
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (!this.#isGone) this.#stream.end();
  }
}
