import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import { decodeCommand, type BatchCommand, type Command } from '../kv/commands.ts';
import { KvStateMachine } from '../kv/machine.ts';
import { MemoryStorage } from '../kv/memory-storage.ts';
import type { Op } from '../kv/ops.ts';
import type { Reply } from '../kv/replies.ts';
import type { ProposeOutcome, Replicator } from '../replica/replicator.ts';
import type { WriteOutcome } from './kv-service.ts';
import { ServerSession } from './server-session.ts';

const TTL_MS = 1_000;

interface Proposed {
  readonly command: Command;
  readonly bytes: Uint8Array;
  readonly deadlineMs: number;
  readonly done: (outcome: ProposeOutcome<Reply>) => void;
}

/** A session over a replicator that the test plays itself. */
class Bench implements Replicator<Reply> {
  nowMs = 0;
  readonly proposed: Proposed[] = [];
  readonly machine = new KvStateMachine(new MemoryStorage());
  readonly session: ServerSession;
  #deferred: (() => void)[] = [];
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  constructor() {
    const clock: Clock = {
      monotonicMs: () => this.nowMs,
      wallMs: () => 0,
      setTimer: (delayMs, callback) => {
        this.#timers.push({ atMs: this.nowMs + delayMs, callback });
        return { cancel: () => undefined };
      },
      defer: (callback) => this.#deferred.push(callback),
    };
    this.session = new ServerSession(this, this.machine, clock, TTL_MS);
  }

  propose(bytes: Uint8Array, deadlineMs: number, done: (outcome: ProposeOutcome<Reply>) => void): void {
    const command = decodeCommand(bytes);
    assert.ok(command !== null);
    this.proposed.push({ command, bytes, deadlineMs, done });
  }

  read(): void {
    assert.fail('no read is asked for');
  }

  leaderServer(): number | null {
    return null;
  }

  /** Ends the turn. */
  turn(): void {
    for (const callback of this.#deferred.splice(0)) callback();
  }

  /** Lets time pass, and ends the turn. */
  pass(ms: number): void {
    this.nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.nowMs);
    for (const { callback } of due) callback();
    this.turn();
  }

  /** Executes the next proposal, as the log would. */
  execute(): Command {
    const next = this.proposed.shift();
    assert.ok(next !== undefined);
    next.done({ ok: true, result: this.machine.apply(next.bytes, this.nowMs) });
    this.turn();
    return next.command;
  }

  fail(error: KvraftError): void {
    this.proposed.shift()?.done({ ok: false, error });
    this.turn();
  }

  write(key: string, deadlineMs = 500): WriteOutcome[] {
    const outcomes: WriteOutcome[] = [];
    this.session.write([set(key)], deadlineMs, (outcome) => outcomes.push(outcome));
    return outcomes;
  }

  /** The batch that was proposed last. */
  last(): BatchCommand {
    const command = this.proposed.at(-1)?.command;
    assert.ok(command?.command === 'batch');
    return command;
  }

  nextBatch(): BatchCommand {
    const command = this.execute();
    assert.ok(command.command === 'batch');
    return command;
  }
}

const set = (key: string): Op => ({
  op: 'set',
  key,
  value: Buffer.from('v'),
  flags: 0,
  ttlMs: 0,
  when: 'always',
});

function opened(): Bench {
  const bench = new Bench();
  bench.write('first');
  bench.turn();
  assert.equal(bench.execute().command, 'register');
  bench.nextBatch();
  return bench;
}

test('a session is made before the first batch, once', () => {
  const bench = new Bench();
  const outcomes = [bench.write('a'), bench.write('b')];
  bench.turn();
  assert.equal(bench.proposed.length, 1);
  assert.equal(bench.execute().command, 'register');
  assert.equal(bench.nextBatch().ops.length, 2);
  for (const [outcome] of outcomes) assert.ok(outcome?.ok);
});

test('the writes of one turn are one batch, and each call gets its own results', () => {
  const bench = opened();
  const a = bench.write('a');
  const b = bench.write('b');
  bench.turn();
  assert.equal(bench.proposed.length, 1);
  assert.deepEqual(
    bench.nextBatch().ops.map((op) => 'key' in op && op.key),
    ['a', 'b'],
  );
  assert.deepEqual(a, [{ ok: true, results: [{ status: 'ok', version: 2 }], stampMs: 0 }]);
  assert.deepEqual(b, [{ ok: true, results: [{ status: 'ok', version: 3 }], stampMs: 0 }]);
});

test('nothing is executed between an operation that reads back and its callback', () => {
  const bench = opened();
  const visit: Op = { op: 'visit', key: 'a', ttlMs: 5, vivifyTtlMs: null, recacheMs: null };
  bench.write('a');
  const seen: unknown[] = [];
  for (let i = 0; i < 2; i++) {
    bench.session.write([visit], 500, (outcome) => {
      const record = bench.session.get('a');
      assert.ok(outcome.ok);
      seen.push([outcome.results[0]?.version, record?.version, record?.expiresAtMs, outcome.stampMs]);
    });
  }
  bench.write('a');
  bench.turn();
  assert.equal(bench.proposed.length, 3, 'the visits are a batch of their own');
  for (let i = 0; i < 3; i++) bench.nextBatch();
  assert.deepEqual(seen, [
    [2, 2, 5, 0],
    [2, 2, 5, 0],
  ]);
});

test('batches are numbered in order and name the lowest that is not answered', () => {
  const bench = opened();
  for (const key of ['a', 'b', 'c']) {
    bench.write(key);
    bench.pass(1);
  }
  const [a, b, c] = bench.proposed.map(({ command }) => command as BatchCommand);
  assert.deepEqual([a?.number, b?.number, c?.number], [2, 3, 4]);
  assert.deepEqual([a?.lowest, b?.lowest, c?.lowest], [2, 2, 2]);
  bench.execute();
  bench.write('d');
  bench.pass(1);
  assert.equal(bench.last().lowest, 3);
});

test('while a batch is under way, what arrives waits for its end and goes as one', () => {
  const bench = opened();
  bench.write('a');
  bench.turn();
  bench.write('b');
  bench.turn();
  bench.write('c');
  bench.turn();
  assert.equal(bench.proposed.length, 1);
  bench.nextBatch();
  assert.equal(bench.last().ops.length, 2);
});

test('where a batch takes long, the next one goes after a millisecond', () => {
  const bench = opened();
  bench.write('a');
  bench.turn();
  bench.write('b');
  bench.pass(0.5);
  assert.equal(bench.proposed.length, 1);
  bench.write('c');
  bench.pass(0.5);
  assert.equal(bench.proposed.length, 2);
  assert.equal(bench.last().ops.length, 2);
});

test('more batches than may be in flight wait for one to end', () => {
  const bench = opened();
  for (let i = 0; i < 300; i++) {
    bench.write(`k${i}`);
    bench.pass(1);
  }
  assert.equal(bench.proposed.length, 256);
  assert.equal(bench.nextBatch().ops.length, 1);
  assert.equal(bench.last().ops.length, 44, 'what waited goes as one batch');
});

test('a session that ended for want of use is replaced, and the batch executed in the new one', () => {
  const bench = opened();
  bench.machine.apply(Buffer.from(bench.machine.deadlineCommand()), 10 * 60 * 1_000);
  bench.nowMs = 10 * 60 * 1_000;
  const outcomes = bench.write('a', bench.nowMs + 500);
  bench.turn();
  bench.nextBatch();
  assert.deepEqual([...outcomes], []);
  assert.equal(bench.execute().command, 'register');
  bench.nextBatch();
  assert.ok(outcomes[0]?.ok);
});

test('a batch that is old when its session is gone may have been executed in it: the outcome is unknown', () => {
  const bench = opened();
  const outcomes = bench.write('a');
  bench.turn();
  bench.machine.apply(Buffer.from(bench.machine.deadlineCommand()), 10 * 60 * 1_000);
  bench.nowMs = 10 * 60 * 1_000;
  bench.nextBatch();
  const [outcome] = outcomes;
  assert.ok(outcome !== undefined && !outcome.ok);
  assert.equal(outcome.error.outcome, 'unknown');
});

test('a failed batch fails its calls with what is known of it', () => {
  const bench = opened();
  const outcomes = bench.write('a');
  bench.turn();
  const error = new KvraftError('TIMEOUT', 'late', { outcome: 'unknown' });
  bench.fail(error);
  assert.deepEqual(outcomes, [{ ok: false, error }]);
});

test('a batch whose fate is open is never executed behind one that was asked for after it failed', () => {
  const bench = opened();
  for (const key of ['a', 'b']) {
    bench.write(key);
    bench.pass(1);
  }
  const [first, open] = bench.proposed.splice(0);
  assert.ok(first !== undefined && open !== undefined);
  open.done({ ok: false, error: new KvraftError('TIMEOUT', 'late', { outcome: 'unknown' }) });
  const [outcome] = [bench.write('b')];
  bench.pass(1);
  assert.equal(
    bench.proposed.length,
    0,
    'while an earlier number is awaited, the open one could still be executed',
  );
  first.done({ ok: true, result: bench.machine.apply(first.bytes, bench.nowMs) });
  bench.turn();
  bench.pass(1);
  bench.nextBatch();
  assert.ok(outcome?.[0]?.ok);
  const version = bench.machine.get('b')?.version;
  const late = bench.machine.apply(open.bytes, bench.nowMs);
  assert.equal(late.status, 'stale');
  assert.equal(bench.machine.get('b')?.version, version);
});

test('while no session can be had, each write waits until its own deadline', () => {
  const bench = new Bench();
  const early = bench.write('a', 100);
  const late = bench.write('b', 200);
  bench.turn();
  bench.nowMs = 100;
  bench.fail(new KvraftError('TIMEOUT', 'no leader'));
  const [outcome] = early;
  assert.ok(outcome !== undefined && !outcome.ok);
  assert.equal(outcome.error.outcome, 'not-applied');
  assert.equal(bench.execute().command, 'register');
  bench.nextBatch();
  const [answer] = late;
  assert.ok(answer !== undefined && answer.ok);
});

test('a server that stops fails what waits', () => {
  const bench = new Bench();
  const outcomes = bench.write('a');
  bench.turn();
  bench.fail(new KvraftError('STOPPED', 'stopping'));
  const [outcome] = outcomes;
  assert.ok(outcome !== undefined && !outcome.ok);
  assert.equal(outcome.error.code, 'STOPPED');
});
