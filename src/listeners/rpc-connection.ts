import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { FrameDecoder } from '../base/frame.ts';
import { decoded } from '../base/protocol-error.ts';
import { limits } from '../base/limits.ts';
import {
  decodeHello,
  encodeRefusal,
  encodeWelcome,
  RPC_PREAMBLE,
  RPC_VERSION,
  type RpcHello,
  type RpcRefusal,
} from '../wire/rpc-handshake.ts';
import { rpcLimits } from '../wire/rpc-limits.ts';
import { encodeReply } from '../wire/rpc-replies.ts';
import { decodeRequest } from '../wire/rpc-requests.ts';
import type { Admission } from './admission.ts';
import { FlowControl, type FlowLimits } from './flow-control.ts';
import type { RpcBackend } from './rpc-backend.ts';
import type { ClientConnection, ConnectionStream } from './client-connection.ts';
import { RpcExecution, type RpcExecutionHost } from './rpc-execution.ts';
import type { RpcWatchHub } from './rpc-watch-hub.ts';

/** What the RPC connections of one server have in common. */
export interface RpcConnectionSetup {
  readonly backend: RpcBackend;
  readonly watchHub: RpcWatchHub;
  readonly clock: Clock;
  readonly admission: Admission;
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  /** A request is answered with an error when it has waited for so long. */
  readonly requestTimeoutMs: number;
}

const flowLimits: FlowLimits = {
  inFlightBytesMax: limits.connectionInFlightBytesMax,
  unsentBytesMax: 1024 * 1024,
};
/** What a request takes of the heap, about, besides its frame. */
const requestOverheadBytes = 256;
/** Pieces up to this size are put together before they are written. */
const joinBytesMax = 64 * 1024;

/**
 * One client's connection that speaks RPC: frames in, requests to the execution, replies out in whatever order they
 * come, and never more in memory than the limits say. Knows no socket. Its owner has joined it to the admission.
 */
export class RpcConnection implements ClientConnection {
  readonly #setup: RpcConnectionSetup;
  readonly #stream: ConnectionStream;
  readonly #flow: FlowControl;
  readonly #decoder = new FrameDecoder(rpcLimits.helloBytesMax);
  readonly #execution: RpcExecution;
  #preambleBytes = 0;
  #isWelcome = false;
  /** Whether anything more is taken from the client; if not, what was received is answered, then it is the end. */
  #isOpen = true;
  #out: Buffer[] = [];
  #outBytes = 0;
  #flushIsDue = false;
  /** Of requests that are not answered. */
  #requestBytes = 0;

  constructor(setup: RpcConnectionSetup, stream: ConnectionStream) {
    this.#setup = setup;
    this.#stream = stream;
    this.#flow = new FlowControl(stream, setup, flowLimits);
    const host: RpcExecutionHost = {
      hasRoom: () => this.#hasRoom(),
      reply: (bytes, frame) => this.#reply(bytes, frame),
    };
    this.#execution = new RpcExecution(setup, host);
  }

  received(chunk: Buffer): void {
    if (!this.#isOpen) return;
    const rest = this.#takePreamble(chunk);
    if (rest === null || rest.length === 0) return;
    this.#flow.clientActed();
    this.#decoder.push(rest);
    const fault = decoded(() => {
      while (this.#isOpen) {
        const payload = this.#decoder.next();
        if (payload === null) return null;
        if (this.#isWelcome) this.#onRequest(payload);
        else this.#onHello(decodeHello(payload));
      }
      return null;
    });
    if (fault !== null) this.#lastWords(encodeReply.error(0, protocolFault(messageOf(fault))));
    this.#execution.turn();
    this.#settle();
  }

  ended(): void {
    this.#isOpen = false;
    this.#execution.stop();
    this.#settle();
  }

  drained(): void {
    this.#flow.clientActed();
    this.#settle();
  }

  closed(): void {
    this.#flow.gone();
    this.#isOpen = false;
    this.#out = [];
    this.#outBytes = 0;
    this.#execution.abandon();
    this.#settle();
  }

  stop(): void {
    this.ended();
  }

  pressureChanged(): void {
    this.#flow.pressureChanged();
  }

  roomAgain(): void {
    this.#settle();
  }

  shed(sinceMs: number, unreadSinceMs: number): void {
    this.#flow.shed(sinceMs, unreadSinceMs);
  }

  /** What comes behind the preamble; null if the client does not speak this protocol. */
  #takePreamble(chunk: Buffer): Buffer | null {
    const due = RPC_PREAMBLE.subarray(this.#preambleBytes);
    const head = chunk.subarray(0, due.length);
    if (!due.subarray(0, head.length).equals(head)) {
      this.#isOpen = false;
      this.#stream.destroy();
      return null;
    }
    this.#preambleBytes += head.length;
    return chunk.subarray(head.length);
  }

  #onHello(hello: RpcHello): void {
    const refusal = this.#refusalOf(hello);
    if (refusal !== null) return this.#lastWords(encodeRefusal(refusal));
    this.#isWelcome = true;
    this.#decoder.frameBytesMax = rpcLimits.frameBytesMax;
    const { backend, keyBytesMax, valueBytesMax } = this.#setup;
    const { serverId, servers } = backend;
    const clusterId = backend.clusterId();
    const leaderId = backend.leaderId();
    const welcome = { features: 0, clusterId, serverId, leaderId, servers, keyBytesMax, valueBytesMax };
    this.#write(encodeWelcome(welcome));
  }

  #refusalOf({ version, clusterId }: RpcHello): RpcRefusal | null {
    const own = this.#setup.backend.clusterId();
    if (version !== RPC_VERSION) {
      const message = `this server speaks version ${RPC_VERSION} of the protocol, not ${version}: use a client of its release`;
      return { code: 'UNSUPPORTED_VERSION', message, retryable: false };
    }
    if (own === '') {
      return { code: 'UNREACHABLE', message: 'the cluster has not been founded yet', retryable: true };
    }
    if (clusterId === '' || clusterId === own) return null;
    const message = `this server belongs to cluster ${own}, not ${clusterId}: check the addresses`;
    return { code: 'WRONG_CLUSTER', message, retryable: false };
  }

  #onRequest(payload: Buffer): void {
    const decoded = decodeRequest(payload);
    const bytes = payload.length + requestOverheadBytes;
    this.#requestBytes += bytes;
    if (decoded.request !== null) return this.#execution.start(decoded.id, decoded.request, bytes);
    const error = { ...protocolFault(decoded.fault), code: 'INVALID_ARGUMENT' };
    this.#reply(bytes, encodeReply.error(decoded.id, error));
  }

  /** A request that held so many bytes is answered; null: it has no reply. */
  #reply(bytes: number, frame: Buffer | null): void {
    this.#requestBytes -= bytes;
    if (frame !== null) this.#write(frame);
    this.#scheduleFlush();
  }

  #write(frame: Buffer): void {
    if (this.#flow.isGone) return;
    this.#out.push(frame);
    this.#outBytes += frame.length;
    // At once: in this turn others may be about to make replies, too.
    this.#count();
    this.#scheduleFlush();
  }

  /** Says why the connection ends. What was received before is answered, too. */
  #lastWords(frame: Buffer): void {
    this.#isOpen = false;
    this.#write(frame);
    this.#execution.stop();
  }

  #scheduleFlush(): void {
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    this.#setup.clock.defer(this.#flush);
  }

  /** What was answered in one turn leaves together. */
  readonly #flush = (): void => {
    this.#flushIsDue = false;
    this.#settle();
  };

  #settle(): void {
    this.#send();
    if (this.#hasRoom()) this.#execution.roomAgain();
    this.#count();
    this.#flow.regulate(this.#isOpen, this.#decoder.partialBytes > 0);
    if (!this.#isOpen && this.#execution.isIdle && !this.#flushIsDue) this.#flow.end();
  }

  #send(): void {
    const frames = this.#out;
    if (frames.length === 0) return;
    const bytes = this.#outBytes;
    this.#out = [];
    this.#outBytes = 0;
    const [first] = frames;
    if (frames.length === 1 && first !== undefined) this.#stream.write(first);
    else if (bytes <= joinBytesMax) this.#stream.write(Buffer.concat(frames, bytes));
    else for (const frame of frames) this.#stream.write(frame);
  }

  /** Whether more may be read from the store for this client. */
  #hasRoom(): boolean {
    return this.#flow.hasRoom(this.#outBytes);
  }

  #count(): void {
    const startedBytes = this.#isOpen ? this.#decoder.partialBytes : 0;
    this.#flow.count(startedBytes, this.#requestBytes, this.#outBytes);
  }
}

const protocolFault = (message: string) =>
  ({ code: 'PROTOCOL', message, outcome: 'not-applied', retryable: false, leaderId: null }) as const;
