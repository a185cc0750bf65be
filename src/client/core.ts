import type { Clock, Timer } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import type { Prng } from '../base/prng.ts';
import { rpcLimits } from '../wire/rpc-limits.ts';
import type { Op } from '../wire/rpc-requests.ts';
import { addressText, type ServerAddress } from './address.ts';
import { Calls, type CallDone, type CallRequest } from './calls.ts';
import { Connector } from './connector.ts';
import type { Dial } from './dial.ts';
import type { Link } from './link.ts';
import type { PendingCall } from './pending-call.ts';
import { Session } from './session.ts';
import { timings } from './timings.ts';
import type { WriteDone, WriteRequest } from './write-call.ts';

/** The world as a client sees it: real in production, simulated in tests. */
export interface ClientEnvironment {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly dial: Dial;
}

export interface CoreOptions extends ClientEnvironment {
  readonly servers: readonly ServerAddress[];
  readonly learnServers: boolean;
  /** Empty: whichever answers first. */
  readonly clusterId: string;
  readonly connectTimeoutMs: number;
}

/**
 * A client without promises: one connection, one session, calls with callbacks. Nothing is called back inside a method
 * but what ends a call, and each callback is called once.
 */
export class ClientCore {
  readonly #options: CoreOptions;
  readonly #connector: Connector;
  readonly #session: Session;
  readonly #calls: Calls;
  readonly #pending = new Set<PendingCall>();
  #deadlineTimer: Timer | null = null;
  #connectTimer: Timer | null = null;
  #onConnected: ((error: KvraftError | null) => void) | null = null;
  #isClosed = false;
  /** Called once, when the client is closed. */
  onClose: () => void = () => undefined;

  constructor(options: CoreOptions) {
    const { servers, learnServers, clusterId, clock, prng, dial } = options;
    this.#options = options;
    this.#connector = new Connector({
      servers,
      learnServers,
      clusterId,
      clock,
      prng,
      dial,
      onLink: () => this.#linked(),
      onRefused: () => this.#connected(this.#unreachable()),
    });
    const link = (): Link | null => this.#connector.link;
    const onNotLeader = (): void => this.#connector.seekLeader();
    this.#session = new Session({ clock, prng, link, onNotLeader });
    this.#calls = new Calls({ clock, prng, link, onNotLeader });
  }

  get clusterId(): string {
    return this.#connector.clusterId;
  }

  /** The connection that is used now. */
  get link(): Link | null {
    return this.#connector.link;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Connects. `done` is given null once a server has answered, else why none did: `UNREACHABLE` when the time is over,
   * at once what they say if no server takes this client at all. Then the core is to be closed.
   */
  start(done: (error: KvraftError | null) => void): void {
    const { clock, connectTimeoutMs } = this.#options;
    this.#onConnected = done;
    this.#connectTimer = clock.setTimer(connectTimeoutMs, () => this.#connected(this.#unreachable()));
    this.#connector.start();
  }

  /** Throws `TOO_LARGE` for what no server would take. Called once connected. */
  checkSizes(ops: readonly Op[]): void {
    const { keyBytesMax, valueBytesMax } = this.#connector;
    let bytes = 0;
    for (const op of ops) {
      const keyBytes = 'key' in op ? op.key.length : 0;
      const valueBytes = 'value' in op ? op.value.length : 0;
      bytes += keyBytes + valueBytes + OP_BYTES;
      if (keyBytes > keyBytesMax)
        throw tooLarge('a key', keyBytes, `keyBytesMax of the servers is ${keyBytesMax}`);
      if (valueBytes > valueBytesMax)
        throw tooLarge('a value', valueBytes, `valueBytesMax of the servers is ${valueBytesMax}`);
    }
    if (bytes > rpcLimits.readBytesMax)
      throw tooLarge('a batch', bytes, `at most ${rpcLimits.readBytesMax} go at once`);
  }

  write(request: WriteRequest, done: WriteDone): PendingCall {
    const call = this.#session.write(request, (outcome) => {
      this.#pending.delete(call);
      done(outcome);
    });
    return this.#track(call);
  }

  call<T>(request: CallRequest<T>, done: CallDone<T>): PendingCall {
    const call = this.#calls.start(request, (outcome, link) => {
      this.#pending.delete(call);
      done(outcome, link);
    });
    return this.#track(call);
  }

  /** Ends all calls with `CLOSED`, the session and the connection, and calls back when they are gone. */
  close(done: () => void): void {
    const { clock } = this.#options;
    if (this.#isClosed) return clock.defer(done);
    this.#isClosed = true;
    this.#deadlineTimer?.cancel();
    this.#connected(new KvraftError('CLOSED', 'the client was closed before it was connected'));
    this.onClose();
    for (const call of this.#pending) call.end('CLOSED');
    let isOver = false;
    const finish = (): void => {
      if (isOver) return;
      isOver = true;
      patience.cancel();
      this.#connector.close(new KvraftError('CLOSED', 'the client was closed'));
      done();
    };
    const patience = clock.setTimer(timings.closeMsMax, finish);
    this.#session.close(finish);
  }

  #track(call: PendingCall): PendingCall {
    this.#pending.add(call);
    this.#deadlineTimer ??= this.#options.clock.setTimer(timings.tickMs, this.#endOverdue);
    return call;
  }

  /** One timer for all calls: a deadline is kept to within a tick. */
  readonly #endOverdue = (): void => {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const cause = this.#obstacle();
    for (const call of this.#pending) if (call.deadlineMs <= nowMs) call.end('TIMEOUT', cause);
    this.#deadlineTimer =
      this.#pending.size === 0 || this.#isClosed ? null : clock.setTimer(timings.tickMs, this.#endOverdue);
  };

  #linked(): void {
    this.#session.linked();
    this.#calls.linked();
    this.#connected(null);
  }

  #connected(error: KvraftError | null): void {
    const done = this.#onConnected;
    if (done === null) return;
    this.#onConnected = null;
    this.#connectTimer?.cancel();
    done(error);
  }

  /** Why calls are not answered, as far as that can be seen from here. */
  #obstacle(): KvraftError | undefined {
    const { link } = this.#connector;
    if (link === null) return this.#unreachable();
    if (link.leaderlessTicks === 0) return undefined;
    const message = `server ${addressText(link.server.address)} knows no leader: does a majority of the servers run?`;
    return new KvraftError('NOT_LEADER', message, { retryable: true });
  }

  /** Why there is no connection, server by server. */
  #unreachable(): KvraftError {
    const errors = [...this.#connector.servers.all].flatMap(({ lastError }) => lastError ?? []);
    const [first] = errors;
    if (first !== undefined && errors.every(({ code }) => code === first.code) && !first.retryable)
      return first;
    const reasons = errors.map(({ message }) => message).join('; ');
    const why = reasons || 'none has answered yet';
    const message = `no server can be used: ${why}; check the addresses, and that a majority of the servers runs`;
    return new KvraftError('UNREACHABLE', message, { retryable: true, cause: first });
  }
}

/** What an operation takes in a frame beside its key and value, at most. */
const OP_BYTES = 64;

const tooLarge = (what: string, bytes: number, limit: string): KvraftError =>
  new KvraftError('TOO_LARGE', `${what} of ${bytes} bytes is too large: ${limit}`);
