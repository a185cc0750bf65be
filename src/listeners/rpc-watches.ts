import { KvraftError } from '../base/errors.ts';
import type { ChangeEvent } from '../kv/change-log.ts';
import { rpcLimits } from '../wire/rpc-limits.ts';
import { encodeReply, type RpcEvent } from '../wire/rpc-replies.ts';
import type { WatchRequest } from '../wire/rpc-requests.ts';
import type { RpcBackend } from './rpc-backend.ts';
import type { RpcCall } from './rpc-execution.ts';
import { recordOf } from './rpc-records.ts';
import type { RpcWatchHub, Watcher } from './rpc-watch-hub.ts';

/**
 * After so many changes that are none of its business a watch is told how far it is: otherwise it would ask for
 * changes that are long gone when it has to ask anew.
 */
const SKIPPED_MAX = 1_000;

/** The watches of one connection: each is answered once there is something to tell. */
export class RpcWatches {
  readonly #backend: RpcBackend;
  readonly #hub: RpcWatchHub;
  readonly #waiting = new Map<number, Waiting>();
  #isStopped = false;

  constructor({ backend, watchHub }: { readonly backend: RpcBackend; readonly watchHub: RpcWatchHub }) {
    this.#backend = backend;
    this.#hub = watchHub;
  }

  start(call: RpcCall, request: WatchRequest): void {
    if (request.from === 0) return this.#startNow(call);
    if (this.#isStopped || this.#waiting.size >= rpcLimits.watchesMax || this.#waiting.has(call.id)) {
      const message = `this connection has ${this.#waiting.size} watches already`;
      return call.fail(new KvraftError('OVERLOADED', message, { retryable: true }));
    }
    const waiting = new Waiting(this.#backend, this.#hub, call, request, () => this.#waiting.delete(call.id));
    this.#waiting.set(call.id, waiting);
    waiting.changed();
  }

  cancel(id: number): void {
    this.#waiting.get(id)?.fail(new KvraftError('ABORTED', 'the client does not want to know any more'));
  }

  stop(): void {
    this.#isStopped = true;
    for (const waiting of this.#waiting.values()) {
      waiting.fail(new KvraftError('STOPPED', 'the connection is about to end', { retryable: true }));
    }
  }

  /** Answers at once, from which version on changes are to come. */
  #startNow(call: RpcCall): void {
    this.#backend.readBarrier(call.deadlineMs, (outcome) => {
      if (!outcome.ok) call.fail(outcome.error);
      else call.answer(encodeReply.watch(call.id, { next: this.#backend.reads.version + 1, events: [] }));
    });
  }
}

class Waiting implements Watcher {
  readonly #backend: RpcBackend;
  readonly #hub: RpcWatchHub;
  readonly #call: RpcCall;
  readonly #prefix: string;
  readonly #onEnd: () => void;
  readonly #from: number;
  #next: number;
  #isRegistered = false;

  constructor(
    backend: RpcBackend,
    hub: RpcWatchHub,
    call: RpcCall,
    { prefix, from }: WatchRequest,
    onEnd: () => void,
  ) {
    this.#backend = backend;
    this.#hub = hub;
    this.#call = call;
    this.#prefix = prefix;
    this.#onEnd = onEnd;
    this.#from = from;
    this.#next = from;
  }

  /** Looks through the changes that there are now. */
  changed(): void {
    const changes = this.#hub.changes(this.#next);
    if (changes === 'compacted') return this.fail(compacted(this.#next));
    const events: RpcEvent[] = [];
    const logTimeMs = this.#backend.logTimeMs();
    let bytes = 0;
    for (const change of changes) {
      if (bytes >= rpcLimits.pageBytesMax) break;
      this.#next = change.version + 1;
      if (change.type !== 'flush' && !change.key.startsWith(this.#prefix)) continue;
      events.push(eventOf(change, logTimeMs));
      bytes += change.key.length + (change.record?.value.length ?? 0);
    }
    if (events.length > 0 || this.#next - this.#from >= SKIPPED_MAX) {
      this.#end();
      this.#call.answer(encodeReply.watch(this.#call.id, { next: this.#next, events }));
    } else if (!this.#isRegistered) {
      this.#isRegistered = true;
      this.#hub.add(this);
    }
  }

  fail(error: KvraftError): void {
    this.#end();
    this.#call.fail(error);
  }

  #end(): void {
    if (this.#isRegistered) this.#hub.remove(this);
    this.#onEnd();
  }
}

const eventOf = ({ version, type, key, record }: ChangeEvent, logTimeMs: number): RpcEvent => ({
  version,
  type,
  key,
  record: record === null ? null : recordOf(record, logTimeMs),
});

const compacted = (from: number): KvraftError =>
  new KvraftError(
    'COMPACTED',
    `the changes from version ${from} on are not kept any more: read the keys anew, and watch from there`,
  );
