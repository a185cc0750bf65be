import { assert } from '../base/assert.ts';
import type { KvraftError } from '../base/errors.ts';
import { encodeCommand } from '../kv/commands.ts';
import { KvStateMachine } from '../kv/machine.ts';
import { MemoryStorage } from '../kv/memory-storage.ts';
import type { KvService, ReadOutcome, ReadRecord, WriteOp, WriteOutcome } from './kv-service.ts';

type Done<Outcome> = (outcome: Outcome) => void;

/** One replica's state machine as a service that answers when it is told to. Its log time stands
 * still unless it is set. */
export class MachineService implements KvService {
  readonly #machine = new KvStateMachine(new MemoryStorage());
  readonly #session: number;
  readonly #writes: { readonly ops: readonly WriteOp[]; readonly done: Done<WriteOutcome> }[] = [];
  readonly #reads: Done<ReadOutcome>[] = [];
  /** Log time. */
  stampMs = 1_000;
  #number = 0;

  constructor() {
    this.#machine.load();
    const reply = this.#machine.apply(encodeCommand({ command: 'register' }), this.stampMs);
    assert(reply.status === 'registered', 'the first session has room');
    this.#session = reply.session;
  }

  /** How many operations each write that waits has. */
  get waitingWrites(): number[] {
    return this.#writes.map(({ ops }) => ops.length);
  }

  get waitingReads(): number {
    return this.#reads.length;
  }

  get isIdle(): boolean {
    return this.#writes.length + this.#reads.length === 0;
  }

  write(ops: readonly WriteOp[], _deadlineMs: number, done: Done<WriteOutcome>): void {
    this.#writes.push({ ops, done });
  }

  readBarrier(_deadlineMs: number, done: Done<ReadOutcome>): void {
    this.#reads.push(done);
  }

  get(key: string): ReadRecord | undefined {
    return this.#machine.get(key);
  }

  /** Fails what has waited longest of the one kind or the other. */
  failOne(error: KvraftError): void {
    const done = this.#writes.shift()?.done ?? this.#reads.shift();
    done?.({ ok: false, error });
  }

  /** Answers what has waited longest of the one kind or the other, if anything has. */
  finishOne(): void {
    const write = this.#writes.shift();
    if (write === undefined) {
      this.#reads.shift()?.({ ok: true, stampMs: this.stampMs });
      return;
    }
    const { ops, done } = write;
    const number = ++this.#number;
    const batch = {
      command: 'batch',
      session: this.#session,
      number,
      lowest: number,
      atomic: false,
      ops,
    } as const;
    const reply = this.#machine.apply(encodeCommand(batch), this.stampMs);
    assert(reply.status === 'ok', `the batch is executed: ${reply.status}`);
    done({ ok: true, results: reply.results, stampMs: this.stampMs });
  }
}
