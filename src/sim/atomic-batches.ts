import type { Prng } from '../base/prng.ts';
import {
  checkHistory,
  HistoryRecorder,
  type HistoryHeader,
  type KeyInvocation,
  type RecordedCall,
} from '../linearizability/index.ts';
import type { WriteOp, WriteResult } from '../listeners/kv-service.ts';
import { writeOp, writeResult } from './operations.ts';

const TTL_MS_MAX = 2_000;

/** A batch that was drawn. */
export interface DrawnBatch {
  readonly ops: readonly WriteOp[];
  /** Puts its end into the history. */
  readonly end: (outcome: readonly WriteResult[] | 'not-applied' | 'unknown') => void;
}

/** Atomic batches on one key, most of which depend on the version that somebody saw last, and the history of them. */
export class AtomicBatches {
  readonly #key: string;
  readonly #recorder: HistoryRecorder;
  #values = 0;
  #seen = 0;

  constructor(key: string, nowMs: () => number, clockDrift: number) {
    const clockToleranceMs = 5 + Math.ceil(TTL_MS_MAX * clockDrift * 1.2);
    const header: HistoryHeader = { model: 'versioned', clockToleranceMs };
    this.#key = key;
    this.#recorder = new HistoryRecorder(nowMs, header);
  }

  draw(client: string, prng: Prng): DrawnBatch {
    const asked = Array.from({ length: 1 + prng.below(3) }, () => this.#draw(prng));
    const call = this.#recorder.call(client, { kind: 'batch', key: this.#key, ops: asked });
    return {
      ops: asked.map((op) => writeOp({ ...op, key: this.#key }) as WriteOp),
      end: (outcome) => this.#end(call, asked, outcome),
    };
  }

  check(stepsMax: number): ReturnType<typeof checkHistory> {
    return checkHistory(this.#recorder.history(), { stepsMax });
  }

  #draw(prng: Prng): KeyInvocation {
    const value = `${++this.#values};`;
    const version = this.#seen === 0 ? {} : { version: this.#seen };
    const ttlMs = prng.chance(0.7) ? 0 : 1 + prng.below(TTL_MS_MAX);
    const choices: readonly KeyInvocation[] = [
      this.#seen === 0 ? { kind: 'check', when: 'absent' } : { kind: 'check', ...version },
      { kind: 'set', value, ttlMs, when: prng.chance(0.2) ? 'absent' : 'always' },
      { kind: 'append', value },
      { kind: 'prepend', value, when: 'present', ...version },
      { kind: 'increment', by: '3', initial: '1', ttlMs },
      { kind: 'put-hash', value },
      { kind: 'delete', ...(prng.chance(0.5) ? version : {}) },
      { kind: 'touch', ttlMs },
    ];
    return choices[prng.below(choices.length)] as KeyInvocation;
  }

  #end(
    call: RecordedCall,
    asked: readonly KeyInvocation[],
    outcome: readonly WriteResult[] | 'not-applied' | 'unknown',
  ): void {
    if (outcome === 'not-applied') return call.fail();
    if (outcome === 'unknown') return call.unknown();
    const results = outcome.map((result) => writeResult('versioned', result));
    const isDone = results.every(
      ({ status }, i) =>
        status === 'ok' ||
        (status === 'not-found' && asked[i]?.kind === 'delete' && asked[i]?.version === undefined),
    );
    for (const { version } of results) if (version !== undefined) this.#seen = version;
    call.ok({ status: isDone ? 'ok' : 'not-applied', results });
  }
}
