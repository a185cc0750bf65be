import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { errorCodes, KvraftError, messageOf, type ErrorCode } from '../base/errors.ts';
import type { Fields } from '../base/fields.ts';
import { FrameDecoder } from '../base/frame.ts';
import { decoded } from '../base/protocol-error.ts';
import {
  decodeAnswer,
  encodeHello,
  RPC_PREAMBLE,
  RPC_VERSION,
  type RpcWelcome,
} from '../wire/rpc-handshake.ts';
import { rpcLimits } from '../wire/rpc-limits.ts';
import { decodeReply, parseReply, type RpcError } from '../wire/rpc-replies.ts';
import { encodeRequest, type RpcRequest } from '../wire/rpc-requests.ts';
import { addressText } from './address.ts';
import type { ClientStream, Dial } from './dial.ts';
import { PendingRequests } from './pending-requests.ts';
import type { KnownServer } from './server-list.ts';
import { timings } from './timings.ts';
import { VitalSigns } from './vital-signs.ts';

/** How a request ended on one connection. `lost`: the connection did, and nobody knows what became of the request. */
export type LinkReply<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'error'; readonly error: KvraftError }
  | { readonly kind: 'lost' };

export interface LinkHandler {
  welcomed(link: Link, welcome: RpcWelcome): void;
  /** Called once, before the requests that were under way are told. */
  closed(link: Link, error: KvraftError): void;
  /** A reply named the server that leads. */
  leaderHint(leaderId: number): void;
}

export interface LinkOptions {
  readonly server: KnownServer;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly clusterId: string;
  readonly handler: LinkHandler;
}

const knownCodes: ReadonlySet<string> = new Set(errorCodes);

/** One connection to one server: introduces itself, sends requests, and tells each what became of it. */
export class Link {
  readonly server: KnownServer;
  readonly #options: LinkOptions;
  readonly #stream: ClientStream;
  readonly #decoder = new FrameDecoder(rpcLimits.frameBytesMax);
  readonly #pending = new PendingRequests();
  #welcome: RpcWelcome | null = null;
  #nextId = 1;
  #unsent: Buffer[] = [];
  #flushIsDue = false;
  #error: KvraftError | null = null;
  #isClosed = false;
  /** Ranges that live on this connection. */
  #holds = 0;
  #isRetiring = false;
  /** Since the server has introduced itself. */
  #vitalSigns: VitalSigns | null = null;
  #ticks = 0;
  readonly #openedMs: number;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.server = options.server;
    this.#openedMs = options.clock.monotonicMs();
    this.#stream = options.dial(options.server.address, {
      opened: () => undefined,
      received: (chunk) => this.#received(chunk),
      closed: (error) => this.#closed(error),
    });
    this.#stream.write(RPC_PREAMBLE);
    this.#stream.write(encodeHello({ version: RPC_VERSION, features: 0, clusterId: options.clusterId }));
  }

  /** What the server said of itself. Only once it did. */
  get welcome(): RpcWelcome {
    assert(this.#welcome !== null, 'the server has introduced itself');
    return this.#welcome;
  }

  /** How long the server has known no leader, in ticks. */
  get leaderlessTicks(): number {
    return this.#vitalSigns?.leaderlessTicks ?? 0;
  }

  get ageMs(): number {
    return this.#options.clock.monotonicMs() - this.#openedMs;
  }

  get isIdle(): boolean {
    return this.#pending.count === 0;
  }

  /** Sends a request; `done` is called once, not inside this call. Returns what `cancel` takes. */
  send<T>(request: RpcRequest, parse: (fields: Fields) => T, done: (reply: LinkReply<T>) => void): number {
    const id = this.#nextId++;
    if (this.#isClosed) {
      this.#options.clock.defer(() => done({ kind: 'lost' }));
      return id;
    }
    const frame = encodeRequest(id, request);
    this.#pending.add(id, {
      bytes: frame.length,
      isUrgent: request.type !== 'watch',
      read(fields) {
        const value = parse(fields);
        return () => done({ kind: 'ok', value });
      },
      fail: done,
    });
    this.#write(frame);
    return id;
  }

  /** Nobody waits for the reply any more. */
  cancel(id: number): void {
    if (!this.#pending.remove(id) || this.#isClosed) return;
    this.#write(encodeRequest(id, { type: 'cancel' }));
    this.#closeIfRetired();
  }

  /** Keeps a connection that is replaced from being closed. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    this.#holds--;
    this.#closeIfRetired();
  }

  /** Another connection has taken over: this one goes as soon as nothing needs it. */
  retire(): void {
    this.#isRetiring = true;
    this.#closeIfRetired();
  }

  /** Gives the connection up; `closed` follows, in a later turn. */
  close(error: KvraftError): void {
    this.#error ??= error;
    this.#stream.close();
  }

  /** Housekeeping, every `tickMs`. */
  tick(): void {
    if (this.#isClosed || this.#error !== null) return;
    if (this.#vitalSigns === null) {
      if (++this.#ticks > timings.welcomeTicksMax) this.#giveUp('did not introduce itself in time');
      return;
    }
    const diagnosis = this.#vitalSigns.tick(this.#pending);
    if (diagnosis === 'ask') this.#ping();
    else if (diagnosis === 'dead') this.#giveUp('does not answer');
  }

  /** Asks who leads; it is told by `leaderlessTicks`. */
  #ping(): void {
    const id = this.#nextId++;
    this.#pending.add(id, {
      bytes: 0,
      isUrgent: false,
      read: (fields) => {
        const leaderId = parseReply.ping(fields);
        return () => this.#onPong(leaderId);
      },
      fail: () => undefined,
    });
    this.#write(encodeRequest(id, { type: 'ping' }));
  }

  #onPong(leaderId: number | null): void {
    this.#vitalSigns?.answered(leaderId !== null);
    if (leaderId !== null) this.#options.handler.leaderHint(leaderId);
  }

  #write(frame: Buffer): void {
    if (this.#isClosed || this.#error !== null) return;
    this.#unsent.push(frame);
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    this.#options.clock.defer(this.#flush);
  }

  /** What one turn has to say leaves as one piece. */
  readonly #flush = (): void => {
    this.#flushIsDue = false;
    const frames = this.#unsent;
    this.#unsent = [];
    if (this.#isClosed || this.#error !== null) return;
    const [first] = frames;
    if (first !== undefined) this.#stream.write(frames.length === 1 ? first : Buffer.concat(frames));
  };

  #received(chunk: Buffer): void {
    if (this.#error !== null) return;
    this.#vitalSigns?.heard();
    if (this.#welcome === null && isTextRefusal(chunk)) {
      this.#fail('OVERLOADED', 'has as many connections as it may', true);
      return;
    }
    this.#decoder.push(chunk);
    const fault = decoded(() => {
      for (let payload = this.#decoder.next(); payload !== null; payload = this.#decoder.next()) {
        if (this.#error !== null) return null;
        if (this.#welcome === null) this.#onAnswer(payload);
        else this.#onReply(payload);
      }
      return null;
    });
    if (fault !== null) this.#fail('PROTOCOL', `does not speak this protocol: ${fault.message}`, false);
    else this.#closeIfRetired();
  }

  #onAnswer(payload: Buffer): void {
    const answer = decodeAnswer(payload);
    if (answer.kind === 'refusal') {
      const { code, message, retryable } = answer.refusal;
      this.close(
        new KvraftError(known(code), `${this.#name} refuses this client: ${message}`, { retryable }),
      );
    } else if (answer.kind === 'other-version') {
      const versions = `it speaks version ${answer.version} of the protocol, this client ${RPC_VERSION}`;
      this.#fail('UNSUPPORTED_VERSION', `cannot be talked to: ${versions}`, false);
    } else if (this.#options.clusterId !== '' && answer.welcome.clusterId !== this.#options.clusterId) {
      const { clusterId } = answer.welcome;
      const message = `is of another cluster: ${clusterId}, not ${this.#options.clusterId}`;
      this.#fail('WRONG_CLUSTER', message, false);
    } else {
      this.#welcome = answer.welcome;
      this.#vitalSigns = new VitalSigns(answer.welcome.leaderId !== null);
      this.#options.handler.welcomed(this, answer.welcome);
    }
  }

  #onReply(payload: Buffer): void {
    const reply = decodeReply(payload);
    const pending = this.#pending.get(reply.id);
    if (reply.id === 0 && reply.error !== null) {
      // Not about a request: the connection's last words.
      return this.close(this.#errorOf(reply.error));
    }
    // Of a request that was cancelled: nobody wants to know.
    if (pending === undefined) return;
    if (reply.error === null) {
      const settle = pending.read(reply.fields);
      this.#pending.remove(reply.id);
      return settle();
    }
    this.#pending.remove(reply.id);
    if (reply.error.leaderId !== null) this.#options.handler.leaderHint(reply.error.leaderId);
    pending.fail({ kind: 'error', error: this.#errorOf(reply.error) });
  }

  #errorOf({ code, message, outcome, retryable }: RpcError): KvraftError {
    return new KvraftError(known(code), message, { outcome, retryable });
  }

  get #name(): string {
    return `server ${addressText(this.server.address)}`;
  }

  #giveUp(what: string): void {
    this.#fail('UNREACHABLE', what, true);
  }

  #fail(code: ErrorCode, what: string, retryable: boolean): void {
    this.close(new KvraftError(code, `${this.#name} ${what}`, { retryable }));
  }

  #closeIfRetired(): void {
    if (!this.#isRetiring || this.#holds > 0 || !this.isIdle || this.#error !== null) return;
    this.close(new KvraftError('CLOSED', `${this.#name} is not needed any more`));
  }

  #closed(cause: Error | null): void {
    this.#isClosed = true;
    const reason = cause === null ? 'closed the connection' : `cannot be reached: ${messageOf(cause)}`;
    const options = { retryable: true, ...(cause === null ? {} : { cause }) };
    const error = this.#error ?? new KvraftError('UNREACHABLE', `${this.#name} ${reason}`, options);
    this.#options.handler.closed(this, error);
    for (const pending of this.#pending.takeAll()) pending.fail({ kind: 'lost' });
  }
}

/** A code that this client does not know is a newer server's. */
const known = (code: string): ErrorCode => (knownCodes.has(code) ? (code as ErrorCode) : 'INTERNAL');

/** What a port that serves a text protocol, too, says to everybody when it has no room. */
const isTextRefusal = (chunk: Buffer): boolean => chunk.toString('latin1').startsWith('ERR_INTERNAL');
