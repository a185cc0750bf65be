import type { Clock } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import { encodeCommand, type Command } from '../kv/commands.ts';
import { isKeyOp, type Op } from '../kv/ops.ts';
import type { Reply } from '../kv/replies.ts';
import { rpcLimits } from '../wire/rpc-limits.ts';
import { encodeReply } from '../wire/rpc-replies.ts';
import type { BatchRequest, RpcRequest } from '../wire/rpc-requests.ts';
import { readsBack } from './kv-service.ts';
import type { RpcBackend } from './rpc-backend.ts';
import { RpcReads } from './rpc-reads.ts';
import type { RpcWatchHub } from './rpc-watch-hub.ts';
import { RpcWatches } from './rpc-watches.ts';

export interface RpcExecutionSetup {
  readonly backend: RpcBackend;
  readonly watchHub: RpcWatchHub;
  readonly clock: Clock;
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  readonly requestTimeoutMs: number;
}

/** What the connection does for the execution of its requests. */
export interface RpcExecutionHost {
  /** Whether replies that may be large may be made now. */
  hasRoom(): boolean;
  /** A request that holds so many bytes is answered; null: without a reply. */
  reply(bytes: number, frame: Buffer | null): void;
}

/** A request under way, as all parts of the execution answer it. */
export interface RpcCall {
  readonly id: number;
  readonly deadlineMs: number;
  answer(frame: Buffer | null): void;
  fail(error: KvraftError): void;
}

/**
 * Executes the requests of one connection, each by itself: replies come in the order in which they are known, and
 * between requests under way at once there is no order. The order of writes is their session's business.
 */
export class RpcExecution {
  readonly #setup: RpcExecutionSetup;
  readonly #host: RpcExecutionHost;
  readonly #reads: RpcReads;
  readonly #watches: RpcWatches;
  #underWay = 0;

  constructor(setup: RpcExecutionSetup, host: RpcExecutionHost) {
    this.#setup = setup;
    this.#host = host;
    this.#reads = new RpcReads(setup, host);
    this.#watches = new RpcWatches(setup);
  }

  /** Everything that was received is answered. */
  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  /** Takes a request that holds `bytes` until it is answered. */
  start(id: number, request: RpcRequest, bytes: number): void {
    const call = this.#call(id, bytes);
    switch (request.type) {
      case 'register':
        return this.#propose(call, { command: 'register' });
      case 'keep-alive':
        return this.#keepAlive(call, request.session);
      case 'end-session':
        return this.#propose(call, { command: 'end-session', session: request.session });
      case 'batch':
        return this.#batch(call, request);
      case 'get':
      case 'range':
      case 'range-next':
        return this.#reads.start(call, request);
      case 'range-close':
        this.#reads.closeRange(request.range);
        return call.answer(encodeReply.done(id));
      case 'watch':
        return this.#watches.start(call, request);
      case 'status': {
        const { backend } = this.#setup;
        return call.answer(encodeReply.status(id, { ...backend.status(), servers: backend.servers }));
      }
      case 'ping':
        return call.answer(encodeReply.ping(id, this.#setup.backend.leaderId()));
      case 'cancel':
        this.#watches.cancel(id);
        this.#reads.cancel(id);
        return call.answer(null);
    }
  }

  /** All requests of this turn were started. */
  turn(): void {
    this.#reads.turn();
  }

  /** The client has taken replies. */
  roomAgain(): void {
    this.#reads.roomAgain();
  }

  /** Ends what would wait for long; nothing more is started. */
  stop(): void {
    this.#watches.stop();
    this.#reads.closeRanges();
  }

  /** Nobody hears the replies. Writes that were received are executed all the same. */
  abandon(): void {
    this.#reads.abandon();
    this.stop();
  }

  #call(id: number, bytes: number): RpcCall {
    const { clock, requestTimeoutMs, backend } = this.#setup;
    this.#underWay++;
    const answer = (frame: Buffer | null): void => {
      this.#underWay--;
      this.#host.reply(bytes, frame);
    };
    return {
      id,
      deadlineMs: clock.monotonicMs() + requestTimeoutMs,
      answer,
      fail({ code, message, outcome, retryable }) {
        const leaderId = code === 'NOT_LEADER' ? backend.leaderId() : null;
        answer(encodeReply.error(id, { code, message, outcome, retryable, leaderId }));
      },
    };
  }

  #batch(call: RpcCall, { session, number, lowest, atomic, ops, fence }: BatchRequest): void {
    const fault =
      this.#faultOf(number, lowest, atomic, ops) ?? (fence === null ? null : this.#keyFault(fence.lock));
    if (fault !== null) return call.fail(fault);
    if (this.#setup.backend.windowIsFull(session, number, lowest)) {
      return call.answer(encodeReply.batch(call.id, 'window-full', []));
    }
    const batch = { command: 'batch', session, number, lowest, atomic, ops } as const;
    this.#propose(call, fence === null ? batch : { ...batch, fence });
  }

  #keepAlive(call: RpcCall, session: number): void {
    const command = encodeCommand({ command: 'keep-alive', session });
    this.#setup.backend.propose(command, call.deadlineMs, (outcome) => {
      if (outcome.ok) call.answer(encodeReply.keepAlive(call.id, outcome.result.status === 'kept-alive'));
      else call.fail(outcome.error);
    });
  }

  #propose(call: RpcCall, command: Command): void {
    this.#setup.backend.propose(encodeCommand(command), call.deadlineMs, (outcome) => {
      if (outcome.ok) this.#answer(call, outcome.result);
      else call.fail(outcome.error);
    });
  }

  #answer(call: RpcCall, reply: Reply): void {
    const { id } = call;
    switch (reply.status) {
      case 'ok':
        return call.answer(encodeReply.batch(id, 'executed', reply.results));
      case 'session-expired':
      case 'stale':
      case 'window-full':
        return call.answer(encodeReply.batch(id, reply.status, []));
      case 'registered':
        return call.answer(encodeReply.register(id, reply.session, this.#setup.backend.sessionTtlMs));
      case 'ended':
        return call.answer(encodeReply.done(id));
      case 'too-many-sessions': {
        const message = 'the cluster holds as many sessions as it may: close clients that are not needed';
        return call.fail(new KvraftError('OVERLOADED', message, { retryable: true }));
      }
      default:
        return call.fail(invalid(`the cluster refused the command: ${reply.status}`));
    }
  }

  #faultOf(number: number, lowest: number, atomic: boolean, ops: readonly Op[]): KvraftError | null {
    if (lowest < 1 || lowest > number) return invalid('the lowest number is from 1 to that of the batch');
    if (ops.length < 1 || ops.length > rpcLimits.opsMax) {
      return invalid(`a batch has from 1 to ${rpcLimits.opsMax} operations, not ${ops.length}`);
    }
    let readBacks = 0;
    for (const op of ops) {
      if (!isKeyOp(op)) {
        if (atomic) return invalid('an atomic batch holds operations on keys only');
        continue;
      }
      const fault = this.#keyFault(op.key) ?? ('value' in op ? this.#valueFault(op.value) : null);
      if (fault !== null) return fault;
      if (readsBack(op) && ++readBacks > rpcLimits.valueOpsMax) {
        return invalid(`a batch reads back at most ${rpcLimits.valueOpsMax} values`);
      }
    }
    return null;
  }

  #keyFault(key: string): KvraftError | null {
    const { keyBytesMax } = this.#setup;
    if (key.length <= keyBytesMax) return null;
    return new KvraftError('TOO_LARGE', `a key of ${key.length} bytes, where ${keyBytesMax} are allowed`);
  }

  #valueFault(value: Uint8Array): KvraftError | null {
    const { valueBytesMax } = this.#setup;
    if (value.length <= valueBytesMax) return null;
    return new KvraftError(
      'TOO_LARGE',
      `a value of ${value.length} bytes, where ${valueBytesMax} are allowed`,
    );
  }
}

const invalid = (message: string): KvraftError => new KvraftError('INVALID_ARGUMENT', message);
