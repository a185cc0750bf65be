import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { encodeCommand } from '../kv/commands.ts';
import { KvStateMachine } from '../kv/machine.ts';
import { MemoryStorage } from '../kv/memory-storage.ts';
import { KvReader } from './kv-reader.ts';

/** A reader of a machine, on a clock that a test moves. */
class Bench {
  readonly machine = new KvStateMachine(new MemoryStorage());
  readonly reader: KvReader;
  #deferred: (() => void)[] = [];
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];
  #nowMs = 0;
  #number = 0;

  constructor() {
    this.machine.load();
    const clock: Clock = {
      monotonicMs: () => this.#nowMs,
      wallMs: () => this.#nowMs,
      setTimer: (delayMs, run) => {
        const timer = { atMs: this.#nowMs + delayMs, run };
        this.#timers.push(timer);
        return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
      },
      defer: (run) => void this.#deferred.push(run),
    };
    this.reader = new KvReader(this.machine, clock);
    this.machine.apply(encodeCommand({ command: 'register' }), 0);
  }

  get timers(): number {
    return this.#timers.length;
  }

  set(key: string): void {
    const number = ++this.#number;
    const op = { op: 'set', key, value: Buffer.from('v'), flags: 0, ttlMs: 0, when: 'always' } as const;
    const batch = { command: 'batch', session: 1, number, lowest: number, atomic: false, ops: [op] } as const;
    this.machine.apply(encodeCommand(batch), 0);
  }

  turn(): void {
    for (const run of this.#deferred.splice(0)) run();
  }

  wait(durationMs: number): void {
    this.#nowMs += durationMs;
    for (const { atMs, run } of this.#timers.splice(0)) {
      if (atMs <= this.#nowMs) run();
      else this.#timers.push({ atMs, run });
    }
  }
}

const all = { start: '', end: null, limit: 10, bytesMax: 1e6 };

test('who subscribed is told once a turn, after everything that the turn applied', () => {
  const bench = new Bench();
  const told: number[] = [];
  const end = bench.reader.subscribe(() => told.push(bench.reader.version));
  bench.set('a');
  bench.set('b');
  assert.deepEqual(told, [], 'not inside the call that applied');
  bench.turn();
  assert.deepEqual(told, [2]);
  bench.turn();
  assert.deepEqual(told, [2], 'nothing changed');
  bench.machine.save();
  bench.machine.load();
  bench.turn();
  assert.deepEqual(told, [2, 2], 'another state was taken over');
  end();
  bench.set('c');
  bench.turn();
  assert.deepEqual(told, [2, 2]);
});

test('a snapshot ends after its time, and by itself frees its place', () => {
  const bench = new Bench();
  bench.set('a');
  const snapshot = bench.reader.openSnapshot();
  bench.set('b');
  bench.wait(limits.pinMsMax - 1);
  assert.equal(snapshot.range(all).entries.length, 1);
  bench.wait(1);
  assert.throws(() => snapshot.range(all), { code: 'SNAPSHOT_EXPIRED', message: /60 s/ });
  assert.throws(() => snapshot.get('a'), { code: 'SNAPSHOT_EXPIRED' });
  snapshot.close();
  assert.equal(bench.machine.pinned.count, 0);
});

test('so many snapshots are held at once, and a closed one makes room', () => {
  const bench = new Bench();
  const snapshots = Array.from({ length: limits.pinsMax }, () => bench.reader.openSnapshot());
  assert.throws(() => bench.reader.openSnapshot(), { code: 'OVERLOADED', retryable: true });
  snapshots[0]?.close();
  assert.equal(bench.timers, limits.pinsMax - 1);
  bench.reader.openSnapshot();
});
