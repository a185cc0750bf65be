import { assert } from '../base/assert.ts';
import { KvraftError } from '../base/errors.ts';
import { Pace } from '../base/pace.ts';
import { RingQueue } from '../base/ring-queue.ts';
import type { ReadState } from '../raft/types.ts';
import type { ReadOutcome } from './replicator.ts';

interface Waiting {
  readonly deadlineMs: number;
  readonly done: (outcome: ReadOutcome) => void;
}

/** Reads that share one read index. */
interface Group {
  readonly context: number;
  readonly askedMs: number;
  readonly reads: Waiting[];
}

interface Confirmed {
  readonly index: number;
  readonly stampMs: number;
  readonly reads: Waiting[];
}

/**
 * Linearizable reads on their way: waiting to be asked for, asked for, confirmed but not applied yet. Reads of one
 * turn are asked for together. A read may be asked for any number of times: it has no effect.
 */
export class Reads {
  #unasked: Waiting[] = [];
  readonly #asked = new Map<number, Group>();
  /** In the order of confirmation, in which indexes never fall under one leader. */
  readonly #confirmed = new RingQueue<Confirmed>();
  #nextContext: number;
  readonly #pace = new Pace();

  /** `firstContext` is drawn at random at every start, so that an answer to an earlier life fits nothing. */
  constructor(firstContext: number) {
    this.#nextContext = firstContext;
  }

  get hasUnasked(): boolean {
    return this.#unasked.length > 0;
  }

  /** Milliseconds until the reads that wait are to be asked for, 0: now; Infinity when none waits. */
  askInMs(nowMs: number): number {
    return this.hasUnasked ? this.#pace.waitMs(this.#asked.size > 0, nowMs) : Infinity;
  }

  add(deadlineMs: number, done: (outcome: ReadOutcome) => void): void {
    this.#unasked.push({ deadlineMs, done });
  }

  /** Makes the reads that wait one group and returns the context to ask with. */
  ask(nowMs: number): number {
    assert(this.hasUnasked, 'a group of reads is not empty');
    this.#pace.began(nowMs);
    const context = this.#nextContext++;
    this.#asked.set(context, { context, askedMs: nowMs, reads: this.#unasked });
    this.#unasked = [];
    return context;
  }

  /** The question could not be put: the group waits again. */
  takeBack(context: number): void {
    const group = this.#asked.get(context);
    if (group === undefined) return;
    this.#asked.delete(context);
    this.#unasked.push(...group.reads);
  }

  confirm(state: ReadState): void {
    const group = this.#asked.get(state.context);
    if (group === undefined) return;
    this.#asked.delete(state.context);
    this.#confirmed.push({ index: state.index, stampMs: state.stampMs, reads: group.reads });
  }

  /**
   * Calls back every read that is safe now that `appliedIndex` is applied, whose entry has the given stamp. A state
   * that holds later entries than the read asked for is as of the last one's log time.
   */
  applied(appliedIndex: number, appliedStampMs: number): void {
    for (let next = this.#confirmed.peek(); next !== undefined; next = this.#confirmed.peek()) {
      if (next.index > appliedIndex) return;
      this.#confirmed.shift();
      const stampMs = Math.max(next.stampMs, appliedStampMs);
      for (const read of next.reads) read.done({ ok: true, stampMs });
    }
  }

  /** Answers to questions put before `beforeMs` may be lost: they are to be put again. */
  takeBackAskedBefore(beforeMs: number): void {
    for (const { context, askedMs } of this.#asked.values()) {
      if (askedMs < beforeMs) this.takeBack(context);
    }
  }

  /**
   * The leader changed: all are asked for anew. Confirmed ones, too, as their index may lie above what the new
   * leader's log has, and would hold up the reads behind them.
   */
  takeBackAll(): void {
    for (const context of this.#asked.keys()) this.takeBack(context);
    for (let next = this.#confirmed.shift(); next !== undefined; next = this.#confirmed.shift()) {
      this.#unasked.push(...next.reads);
    }
  }

  expire(nowMs: number): void {
    const keep = (reads: readonly Waiting[]): Waiting[] =>
      reads.filter((read) => {
        if (read.deadlineMs > nowMs) return true;
        const message = 'no majority confirmed the read within the request timeout';
        read.done({ ok: false, error: new KvraftError('TIMEOUT', message, { retryable: true }) });
        return false;
      });
    this.#unasked = keep(this.#unasked);
    for (const [context, group] of this.#asked) {
      const reads = keep(group.reads);
      if (reads.length === 0) this.#asked.delete(context);
      else this.#asked.set(context, { ...group, reads });
    }
    this.#replaceConfirmed(keep);
  }

  failAll(error: KvraftError): void {
    const fail = (reads: readonly Waiting[]): Waiting[] => {
      for (const read of reads) read.done({ ok: false, error });
      return [];
    };
    this.#unasked = fail(this.#unasked);
    for (const group of this.#asked.values()) fail(group.reads);
    this.#asked.clear();
    this.#replaceConfirmed(fail);
  }

  #replaceConfirmed(keep: (reads: readonly Waiting[]) => Waiting[]): void {
    for (let count = this.#confirmed.length; count > 0; count--) {
      const confirmed = this.#confirmed.shift();
      assert(confirmed !== undefined, 'the queue has as many as it counted');
      const reads = keep(confirmed.reads);
      if (reads.length > 0) this.#confirmed.push({ ...confirmed, reads });
    }
  }
}
