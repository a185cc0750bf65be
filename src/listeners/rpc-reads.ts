import { KvraftError } from '../base/errors.ts';
import type { ReadOutcome } from '../replica/replicator.ts';
import { rpcLimits } from '../wire/rpc-limits.ts';
import { encodeReply } from '../wire/rpc-replies.ts';
import type { GetRequest, RpcRequest } from '../wire/rpc-requests.ts';
import type { RpcBackend } from './rpc-backend.ts';
import type { RpcCall, RpcExecutionHost } from './rpc-execution.ts';
import { RpcRanges } from './rpc-ranges.ts';
import { recordOf } from './rpc-records.ts';

type ReadRequest = Extract<RpcRequest, { readonly type: 'get' | 'range' | 'range-next' }>;

interface Read {
  readonly call: RpcCall;
  readonly request: ReadRequest;
}

/**
 * The reads of one connection. Those of one turn share a read barrier, and none is answered while the client does not
 * take the answers that it has.
 */
export class RpcReads {
  readonly #backend: RpcBackend;
  readonly #host: RpcExecutionHost;
  readonly #ranges: RpcRanges;
  /** Came in this turn, or wait for room. */
  #waiting: Read[] = [];
  /** Requests for ranges that are not answered. */
  readonly #opening = new Set<number>();
  #isAbandoned = false;

  constructor({ backend }: { readonly backend: RpcBackend }, host: RpcExecutionHost) {
    this.#backend = backend;
    this.#host = host;
    this.#ranges = new RpcRanges(backend.reads);
  }

  /** The read begins with `turn`, or when there is room. */
  start(call: RpcCall, request: ReadRequest): void {
    if (request.type === 'range') this.#opening.add(call.id);
    this.#waiting.push({ call, request });
  }

  turn(): void {
    if (this.#waiting.length === 0 || !this.#host.hasRoom()) return;
    const reads = this.#waiting;
    this.#waiting = [];
    const linearizable: Read[] = [];
    for (const read of reads) {
      if (needsBarrier(read.request)) linearizable.push(read);
      else this.#answer(read, this.#backend.logTimeMs());
    }
    const [first] = linearizable;
    if (first === undefined) return;
    this.#backend.readBarrier(first.call.deadlineMs, (outcome) => this.#answerAll(linearizable, outcome));
  }

  roomAgain(): void {
    this.turn();
  }

  closeRange(range: number): void {
    this.#ranges.close(range);
  }

  /** Nobody wants the range any more that this request began, or is about to. */
  cancel(id: number): void {
    this.#ranges.close(id);
    this.#opening.delete(id);
  }

  closeRanges(): void {
    this.#ranges.closeAll();
  }

  abandon(): void {
    this.#isAbandoned = true;
    const reads = this.#waiting;
    this.#waiting = [];
    for (const { call } of reads) call.answer(null);
  }

  #answerAll(reads: readonly Read[], outcome: ReadOutcome): void {
    for (const read of reads) {
      if (outcome.ok) this.#answer(read, outcome.stampMs);
      else {
        this.#opening.delete(read.call.id);
        read.call.fail(outcome.error);
      }
    }
  }

  #answer(read: Read, stampMs: number): void {
    const { call, request } = read;
    if (this.#isAbandoned) return call.answer(null);
    if (!this.#host.hasRoom()) {
      this.#waiting.push(read);
      return;
    }
    try {
      call.answer(this.#read(call.id, request, stampMs));
    } catch (error) {
      if (!(error instanceof KvraftError)) throw error;
      call.fail(error);
    }
  }

  #read(id: number, request: ReadRequest, stampMs: number): Buffer {
    switch (request.type) {
      case 'get':
        return this.#get(id, request, stampMs);
      case 'range':
        if (!this.#opening.delete(id))
          throw new KvraftError('ABORTED', 'the client does not want the range any more');
        return encodeReply.range(id, this.#ranges.open(id, request, stampMs));
      case 'range-next':
        return encodeReply.range(id, this.#ranges.next(request.range, request.entriesMax));
    }
  }

  #get(id: number, { keys }: GetRequest, stampMs: number): Buffer {
    if (keys.length > rpcLimits.keysMax) {
      throw new KvraftError(
        'INVALID_ARGUMENT',
        `a read has at most ${rpcLimits.keysMax} keys, not ${keys.length}`,
      );
    }
    let bytes = 0;
    const records = keys.map((key) => {
      const record = this.#backend.reads.get(key);
      if (record === undefined) return null;
      bytes += record.value.length;
      if (bytes > rpcLimits.readBytesMax) {
        const message = `the values take more than ${rpcLimits.readBytesMax} bytes together: ask for fewer keys`;
        throw new KvraftError('TOO_LARGE', message);
      }
      return recordOf(record, stampMs);
    });
    return encodeReply.get(id, records);
  }
}

const needsBarrier = (request: ReadRequest): boolean => request.type !== 'range-next' && !request.stale;
