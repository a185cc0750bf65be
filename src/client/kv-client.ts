import type { Clock } from '../base/clock.ts';
import type { Fields } from '../base/fields.ts';
import { KvraftError } from '../base/errors.ts';
import { parseReply, type OpResult, type RpcRecord } from '../wire/rpc-replies.ts';
import type { Op, RpcRequest } from '../wire/rpc-requests.ts';
import type {
  BatchResult,
  Client,
  ClusterStatus,
  DeleteResult,
  PutHashResult,
  Range,
  Watch,
  WriteResult,
} from './client.ts';
import type {
  Election,
  ElectionOptions,
  HeldLock,
  Lease,
  LeaseOptions,
  LockOptions,
} from './coordination.ts';
import type { ClientCore } from './core.ts';
import type { Entry } from './entry.ts';
import { EntryView } from './entry-view.ts';
import { HeldLease, leaseTtlMs, type Keeping } from './held.ts';
import { checkNames, fenceOf, invalid, keyText, timeoutMs, valueBytes } from './input.ts';
import { KeyElection, withLock } from './locks.ts';
import { batchOps, casOp, deleteOp, putOp } from './operations.ts';
import { optionNames } from './option-names.ts';
import type {
  BatchOperation,
  Bytes,
  CallOptions,
  CasOptions,
  DeleteOptions,
  PutOptions,
  RangeOptions,
  ReadOptions,
  WatchOptions,
  WriteOptions,
} from './options.ts';
import { promised } from './promised.ts';
import { RangeReader } from './range-reader.ts';
import { isStale, rangeBounds, watchStart } from './selection.ts';
import { Watcher } from './watcher.ts';
import { batchFailureOf, failureOf } from './write-results.ts';

/** The calls of a connected core as promises. */
export class KvClient implements Client {
  readonly #core: ClientCore;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #closing: Promise<void> | null = null;

  /** `timeoutMs` is that of calls that do not say. */
  constructor(core: ClientCore, clock: Clock, timeoutMs: number) {
    this.#core = core;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  get clusterId(): string {
    return this.#core.clusterId;
  }

  async put(key: Bytes, value: Bytes, options: PutOptions = {}): Promise<WriteResult> {
    checkNames(options, optionNames.put);
    return this.#writeOne(putOp(key, value, options), options);
  }

  async append(key: Bytes, value: Bytes, options: WriteOptions = {}): Promise<WriteResult> {
    checkNames(options, optionNames.write);
    const op = { op: 'append', key: keyText(key), value: valueBytes(value), when: 'always' } as const;
    return this.#writeOne(op, options);
  }

  async cas(key: Bytes, version: number, value: Bytes, options: CasOptions = {}): Promise<WriteResult> {
    checkNames(options, optionNames.cas);
    return this.#writeOne(casOp(key, version, value, options), options);
  }

  async delete(key: Bytes, options: DeleteOptions = {}): Promise<DeleteResult> {
    checkNames(options, optionNames.delete);
    const op = deleteOp(key, options.ifVersion);
    const { status } = await this.#one(op, options);
    return { deleted: status === 'deleted' };
  }

  async putHash(key: Bytes, value: Bytes, options: WriteOptions = {}): Promise<PutHashResult> {
    checkNames(options, optionNames.write);
    const op = { op: 'put-hash', key: keyText(key), value: valueBytes(value) } as const;
    const { version, value: previous } = await this.#one(op, options);
    return { version, previous: new Uint8Array(previous ?? []) };
  }

  async batch(operations: readonly BatchOperation[], options: WriteOptions = {}): Promise<BatchResult> {
    checkNames(options, optionNames.write);
    const ops = batchOps(operations);
    if (ops.length === 0) return { versions: [] };
    const results = await this.#write(ops, true, options);
    const failure = batchFailureOf(ops, results);
    if (failure !== null) throw failure;
    return {
      versions: results.map(({ status, version }, i) =>
        status === 'not-found' || ops[i]?.op === 'check' ? null : version,
      ),
    };
  }

  async get(key: Bytes, options: ReadOptions = {}): Promise<Entry | null> {
    const [entry = null] = await this.#read([key], options);
    return entry;
  }

  async getMany(keys: readonly Bytes[], options: ReadOptions = {}): Promise<(Entry | null)[]> {
    if (!Array.isArray(keys)) throw invalid('getMany takes an array of keys');
    return keys.length === 0 ? [] : this.#read(keys, options);
  }

  range(options: RangeOptions = {}): Range {
    checkNames(options, optionNames.range);
    return new RangeReader(this.#core, {
      ...rangeBounds(options),
      stale: isStale(options.consistency),
      timeoutMs: this.#timeout(options),
      signal: options.signal,
      nowMs: () => this.#clock.monotonicMs(),
    });
  }

  watch(options: WatchOptions = {}): Watch {
    checkNames(options, optionNames.watch);
    return new Watcher(this.#core, { ...watchStart(options), signal: options.signal });
  }

  async lease(options: LeaseOptions = {}): Promise<Lease> {
    checkNames(options, optionNames.lease);
    const deadlineMs = this.#clock.monotonicMs() + this.#timeout(options);
    return HeldLease.grant(this.#keeping, leaseTtlMs(options.ttl), deadlineMs, options.signal);
  }

  lock<T>(name: Bytes, options: LockOptions, run: (lock: HeldLock) => T | Promise<T>): Promise<T> {
    return withLock(this.#keeping, name, options, run);
  }

  election(name: Bytes, options: ElectionOptions = {}): Election {
    return new KeyElection(this.#keeping, this, name, options);
  }

  async status(options: CallOptions = {}): Promise<ClusterStatus> {
    checkNames(options, optionNames.call);
    const { servers, ...status } = await this.#call({ type: 'status' }, parseReply.status, options);
    return {
      ...status,
      servers: servers.map((server) => ({ ...server, isLeader: server.id === status.leaderId })),
    };
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => this.#core.close(resolve));
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #keeping(): Keeping {
    return { core: this.#core, clock: this.#clock };
  }

  async #writeOne(op: Op, options: WriteOptions): Promise<WriteResult> {
    const { version } = await this.#one(op, options);
    return { version };
  }

  /** Executes one operation; throws unless it was done. */
  async #one(op: Op, options: WriteOptions): Promise<OpResult> {
    const [result] = await this.#write([op], false, options);
    if (result === undefined)
      throw new KvraftError('INTERNAL', 'a write without a result', { outcome: 'unknown' });
    const failure = failureOf(op, result);
    if (failure !== null) throw failure;
    return result;
  }

  #write(ops: readonly Op[], atomic: boolean, options: WriteOptions): Promise<readonly OpResult[]> {
    this.#core.checkSizes(ops);
    const fence = fenceOf(options.fence);
    const deadlineMs = this.#clock.monotonicMs() + this.#timeout(options);
    return promised(this.#core, options.signal, (done) =>
      this.#core.write({ ops, atomic, fence, deadlineMs }, done),
    );
  }

  async #read(keys: readonly Bytes[], options: ReadOptions): Promise<(Entry | null)[]> {
    checkNames(options, optionNames.read);
    const texts = keys.map(keyText);
    const request = { type: 'get', stale: isStale(options.consistency), keys: texts } as const;
    const records = await this.#call<(RpcRecord | null)[]>(request, parseReply.get, options);
    if (records.length !== texts.length) {
      throw new KvraftError(
        'PROTOCOL',
        `a server answered ${texts.length} keys with ${records.length} records`,
      );
    }
    return texts.map((key, i) => {
      const record = records[i] ?? null;
      return record === null ? null : new EntryView(key, record);
    });
  }

  #call<T>(request: RpcRequest, parse: (fields: Fields) => T, options: CallOptions): Promise<T> {
    const deadlineMs = this.#clock.monotonicMs() + this.#timeout(options);
    return promised<T>(this.#core, options.signal, (done) =>
      this.#core.call({ request, parse, deadlineMs, waits: false, only: null }, done),
    );
  }

  #timeout({ timeout }: CallOptions): number {
    return timeout === undefined ? this.#timeoutMs : timeoutMs(timeout, 'timeout');
  }
}
