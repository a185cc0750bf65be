import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import { textDialects } from '../wire/text-dialects.ts';
import { textRequestLimits } from '../wire/text-requests.ts';
import { Admission } from './admission.ts';
import type { ClientConnection, ConnectionStream } from './client-connection.ts';
import type { KvService, ReadOutcome, ReadRecord, WriteOp, WriteOutcome, WriteResult } from './kv-service.ts';
import { TextConnection, type TextConnectionSetup } from './text-connection.ts';

/** Time that passes when a test says so. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  monotonicMs = (): number => this.#nowMs;
  wallMs = (): number => this.#nowMs;

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  defer(callback: () => void): void {
    this.setTimer(0, callback);
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { callback } of due) callback();
  }
}

interface PendingWrite {
  readonly ops: readonly WriteOp[];
  readonly deadlineMs: number;
  readonly done: (outcome: WriteOutcome) => void;
}

interface PendingRead {
  readonly deadlineMs: number;
  readonly done: (outcome: ReadOutcome) => void;
}

const timeout = {
  ok: false,
  error: new KvraftError('TIMEOUT', 'no majority', { outcome: 'unknown' }),
} as const;

/** A store in a map that answers when a test says so. */
export class FakeService implements KvService {
  readonly writes: PendingWrite[] = [];
  readonly reads: PendingRead[] = [];
  readonly records = new Map<string, ReadRecord>();
  /** Called when something is asked of it. */
  onWrite: () => void = () => undefined;
  onRead: () => void = () => undefined;
  /** Log time. */
  stampMs = 1_000;
  #version = 0;
  #mayGet = false;

  write(ops: readonly WriteOp[], deadlineMs: number, done: (outcome: WriteOutcome) => void): void {
    this.writes.push({ ops, deadlineMs, done });
    this.onWrite();
  }

  readBarrier(deadlineMs: number, done: (outcome: ReadOutcome) => void): void {
    this.reads.push({ deadlineMs, done });
    this.onRead();
  }

  get(key: string): ReadRecord | undefined {
    assert(this.#mayGet, 'get is called in the callback of a read barrier');
    return this.records.get(key);
  }

  /** Executes and answers the write that has waited longest; so do the others. */
  finishWrite(): void {
    const write = this.#first(this.writes);
    write.done({ ok: true, results: write.ops.map((op) => this.#execute(op)), stampMs: this.stampMs });
  }

  failWrite(): void {
    this.#first(this.writes).done(timeout);
  }

  finishRead(): void {
    const read = this.#first(this.reads);
    this.#mayGet = true;
    read.done({ ok: true, stampMs: this.stampMs });
    this.#mayGet = false;
  }

  failRead(): void {
    this.#first(this.reads).done(timeout);
  }

  /** Answers everything until nothing is asked any more. */
  finishAll(): void {
    while (this.writes.length + this.reads.length > 0) {
      if (this.writes.length > 0) this.finishWrite();
      else this.finishRead();
    }
  }

  /** Forgets all keys and versions. */
  reset(): void {
    this.records.clear();
    this.#version = 0;
  }

  #first<T>(pending: T[]): T {
    const first = pending.shift();
    assert(first !== undefined, 'a call waits');
    return first;
  }

  #execute(op: WriteOp): WriteResult {
    const failed = (status: WriteResult['status']): WriteResult => ({ status, version: 0 });
    if (op.op !== 'set' && op.op !== 'cas' && op.op !== 'delete') return failed('too-large');
    const current = this.records.get(op.key);
    if (op.op === 'set' && op.when === 'absent' && current !== undefined) return failed('exists');
    if (op.op !== 'set' && current === undefined) return failed('not-found');
    if (op.op === 'cas' && current?.version !== op.version) return failed('version-mismatch');
    const version = ++this.#version;
    if (op.op === 'delete') {
      this.records.delete(op.key);
      return { status: 'deleted', version };
    }
    const { value, flags, ttlMs } = op;
    this.records.set(op.key, { value, flags, version, expiresAtMs: ttlMs === 0 ? 0 : this.stampMs + ttlMs });
    return { status: 'ok', version };
  }
}

/** A client's end that reads when a test says so. */
export class FakeStream implements ConnectionStream {
  /** What the client has received, one character a byte, and in how many writes it left. */
  received = '';
  writes = 0;
  /** The client does not read. */
  stalled = false;
  paused = false;
  ended = false;
  destroyed = false;
  #unsent = '';

  get unsentBytes(): number {
    return this.#unsent.length;
  }

  write(bytes: Uint8Array): void {
    assert(!this.ended && !this.destroyed, 'nothing is written after the end');
    this.writes++;
    this.#unsent += Buffer.from(bytes).toString('latin1');
    if (!this.stalled) this.#deliver();
  }

  pause(): void {
    assert(!this.paused, 'paused once');
    this.paused = true;
  }

  resume(): void {
    assert(this.paused, 'resumed once');
    this.paused = false;
  }

  end(): void {
    assert(!this.ended, 'ended once');
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
  }

  /** What came since the last call. */
  take(): string {
    const taken = this.received;
    this.received = '';
    return taken;
  }

  /** The client reads all that waits. */
  drain(connection: ClientConnection): void {
    this.#deliver();
    connection.drained();
  }

  #deliver(): void {
    this.received += this.#unsent;
    this.#unsent = '';
  }
}

export interface TestServer {
  readonly clock: ManualClock;
  readonly service: FakeService;
  readonly admission: Admission;
  readonly setup: TextConnectionSetup;
}

export const requestTimeoutMs = 30_000;

/** What a listener would share between its connections. */
export function makeServer(
  changes: Partial<TextConnectionSetup> = {},
  inFlightBytesMax?: number,
): TestServer {
  const clock = new ManualClock();
  const service = new FakeService();
  const admission = new Admission({ clock, ...(inFlightBytesMax === undefined ? {} : { inFlightBytesMax }) });
  const setup: TextConnectionSetup = {
    service,
    clock,
    admission,
    dialect: textDialects.kvraft,
    redirects: null,
    requestTimeoutMs,
    requestLimits: textRequestLimits,
    inFlightBytesMax: 100_000,
    unsentBytesMax: 10_000,
    ...changes,
  };
  return { clock, service, admission, setup };
}

export class TestClient {
  readonly stream = new FakeStream();
  readonly connection: TextConnection;
  readonly #server: TestServer;

  constructor(server: TestServer) {
    this.#server = server;
    this.connection = new TextConnection(server.setup, this.stream);
    assert(server.admission.join(this.connection), 'there is room for the client');
  }

  /** Each piece arrives by itself. */
  send(...pieces: readonly string[]): void {
    for (const piece of pieces) this.connection.received(Buffer.from(piece, 'latin1'));
  }

  /** The socket is gone. */
  vanish(): void {
    this.#server.admission.leave(this.connection);
    this.connection.closed();
  }
}
