import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KvraftError } from '../base/errors.ts';
import { memcachedLimits } from '../wire/memcached-requests.ts';
import { Admission } from './admission.ts';
import { MemcachedConnection, type MemcachedConnectionSetup } from './memcached-connection.ts';
import { MemcachedStats } from './memcached-stats.ts';
import { MachineService } from './test-machine-service.ts';
import { FakeStream, ManualClock } from './test-text.ts';

const unknown = new KvraftError('TIMEOUT', 'no majority', { outcome: 'unknown' });
const notApplied = new KvraftError('OVERLOADED', 'too much to do', { outcome: 'not-applied' });

class Bench {
  readonly clock = new ManualClock();
  readonly service = new MachineService();
  readonly stream = new FakeStream();
  readonly connection: MemcachedConnection;
  /** What the wall clock shows. */
  wallMs = 1_700_000_000_000;

  readonly admission: Admission;

  constructor(changes: Partial<MemcachedConnectionSetup> = {}) {
    this.clock.wallMs = () => this.wallMs;
    const admission = changes.admission ?? new Admission({ clock: this.clock });
    this.admission = admission;
    this.connection = new MemcachedConnection(
      {
        service: this.service,
        clock: this.clock,
        admission,
        requestTimeoutMs: 30_000,
        requestLimits: memcachedLimits,
        stats: new MemcachedStats({ general: () => [['pid', 7]], settings: () => [], items: () => 3 }),
        inFlightBytesMax: 100_000,
        unsentBytesMax: 10_000,
        ...changes,
      },
      this.stream,
    );
    admission.join(this.connection);
  }

  send(...pieces: readonly string[]): void {
    for (const piece of pieces) this.connection.received(Buffer.from(piece, 'latin1'));
  }

  /** Everything is answered; returns what the client received since the last call. */
  settle(): string {
    while (!this.service.isIdle) this.service.finishOne();
    return this.stream.take();
  }

  ask(request: string): string {
    this.send(request);
    return this.settle();
  }
}

test('requests that arrive together are one batch of writes and one read, answered in one piece', () => {
  const bench = new Bench();
  bench.send('set a 1 0 1\r\nx\r\nset b 2 0 1\r\ny\r\nget a b c\r\nversion\r\nget a\r\n');
  assert.deepEqual(bench.service.waitingWrites, [2]);
  const received = bench.settle();
  assert.equal(
    received,
    'STORED\r\nSTORED\r\nVALUE a 1 1\r\nx\r\nVALUE b 2 1\r\ny\r\nEND\r\n' +
      'VERSION 1.6.18\r\nVALUE a 1 1\r\nx\r\nEND\r\n',
  );
  assert.equal(bench.stream.writes, 2, 'one when the writes are answered, one when the reads are');
});

test('what is read back is written apart, so that later requests do not show in it', () => {
  const bench = new Bench();
  bench.ask('set a 0 0 1\r\n1\r\n');
  bench.send('gat 100 a\r\nset a 0 0 1\r\n2\r\ngat 0 a b\r\n');
  assert.deepEqual(bench.service.waitingWrites, [1]);
  assert.equal(bench.settle(), 'VALUE a 0 1\r\n1\r\nEND\r\nSTORED\r\nVALUE a 0 1\r\n2\r\nEND\r\n');
});

test('a key that is read back and gone behind that can be read back once', () => {
  const bench = new Bench();
  bench.ask('set a 0 0 1\r\n1\r\n');
  assert.equal(bench.ask('gat -1 a a\r\n'), 'VALUE a 0 1\r\n1\r\nEND\r\n');
  bench.ask('set a 0 0 1\r\n1\r\n');
  assert.equal(bench.ask('ma a T-1 t v\r\nma a\r\n'), 'VA 1 t0\r\n2\r\nNF\r\n');
});

test('a retrieval of which a part could not be read is an error, and does not look like misses', () => {
  const bench = new Bench({ unsentBytesMax: 1_000 });
  bench.ask(`set a 0 0 900\r\n${'x'.repeat(900)}\r\n`);
  bench.stream.stalled = true;
  bench.send('get a a b\r\nget b\r\n');
  bench.service.finishOne();
  bench.stream.stalled = false;
  bench.stream.drain(bench.connection);
  assert.equal(bench.service.waitingReads, 1, 'the rest is read when there is room');
  bench.service.failOne(notApplied);
  assert.equal(
    bench.settle().replace(/VALUE a 0 900\r\nx*\r\n/g, 'A '),
    'A A SERVER_ERROR not executed (OVERLOADED)\r\nSERVER_ERROR not executed (OVERLOADED)\r\n',
  );
});

test('behind a write whose outcome is unknown nothing is executed, and the connection ends', () => {
  const bench = new Bench();
  bench.send('set a 0 0 1\r\nx\r\n');
  bench.send('set b 0 0 1\r\nx\r\nget b\r\n');
  bench.service.failOne(unknown);
  assert.match(bench.settle(), /^SERVER_ERROR unknown outcome \(TIMEOUT\).*\r\n$/);
  assert.equal(bench.stream.ended, true);
  assert.equal(bench.service.get('b'), undefined);
});

test('behind one that was surely not executed the connection goes on', () => {
  const bench = new Bench();
  bench.send('set a 0 0 1\r\nx\r\nset b 0 0 1 noreply\r\nx\r\n');
  bench.service.failOne(notApplied);
  assert.equal(bench.settle(), 'SERVER_ERROR not executed (OVERLOADED)\r\n');
  bench.send('set a 0 0 1\r\nx\r\n');
  bench.service.failOne(new KvraftError('NO_SPACE', 'the disk is full'));
  assert.equal(bench.settle(), 'SERVER_ERROR out of memory storing object\r\n');
  assert.equal(bench.ask('set a 0 0 1\r\nx\r\n'), 'STORED\r\n');
});

test('a meta get reads as long as it changes nothing', () => {
  const bench = new Bench();
  bench.ask('set a 7 100 1\r\nx\r\n');
  bench.send('mg a v t f N30 R5\r\n');
  assert.deepEqual([bench.service.waitingWrites, bench.service.waitingReads], [[], 1]);
  assert.equal(bench.settle(), 'VA 1 t100 f7\r\nx\r\n');
});

test('of all who find a key missing, stale or near its end, one wins', () => {
  const bench = new Bench();
  assert.equal(bench.ask('mg a N30 v t\r\nmg a N30\r\nmg a\r\n'), 'VA 0 t30 W\r\n\r\nHD Z\r\nHD Z\r\n');
  assert.equal(
    bench.ask('ms a 1 T20\r\nx\r\nmg a R10\r\nmg a R30\r\nmg a R30\r\n'),
    'HD\r\nHD\r\nHD W\r\nHD Z\r\n',
  );
  assert.equal(
    bench.ask('ms a 1\r\nx\r\nmd a I\r\nget a\r\nmg a v\r\nmg a v\r\n').split('\r\n').at(-3),
    'VA 1 Z X',
  );
});

test('the misses that are to be made are made together', () => {
  const bench = new Bench();
  bench.send('mg a N30\r\nmg b N30\r\nmg b N30\r\nmg c\r\n');
  bench.service.finishOne();
  assert.deepEqual(bench.service.waitingWrites, [3]);
  assert.equal(bench.settle(), 'HD W\r\nHD W\r\nHD Z\r\nEN\r\n');
});

test('an absolute time is measured by the wall clock, once', () => {
  const bench = new Bench();
  bench.ask('set a 0 1700000100 1\r\nx\r\n');
  bench.wallMs += 1e9;
  assert.equal(bench.ask('mg a t\r\n'), 'HD t100\r\n');
  assert.equal(bench.ask('touch a 1700000100\r\nadd a 0 0 1\r\ny\r\n'), 'TOUCHED\r\nSTORED\r\n');
});

test('a client that does not read gets no more executed', () => {
  const bench = new Bench({ unsentBytesMax: 1_000 });
  bench.ask(`set a 0 0 900\r\n${'x'.repeat(900)}\r\n`);
  bench.stream.stalled = true;
  bench.send('gat 0 a a a a\r\n'.repeat(2_000));
  for (let i = 0; i < 10_000 && !bench.service.isIdle; i++) bench.service.finishOne();
  assert(bench.stream.unsentBytes < 1_100_000, `${bench.stream.unsentBytes} bytes wait: one group at most`);
  assert.equal(bench.stream.paused, true);
});

test('statistics count what clients did, until they are reset', () => {
  const bench = new Bench();
  bench.ask(
    'set a 0 0 1\r\n1\r\nget a b\r\nincr a 1\r\nincr b 1\r\ndelete b\r\ntouch a 0\r\ncas a 0 0 1 99\r\nx\r\n',
  );
  const stats = bench.ask('stats\r\n');
  for (const stat of [
    'pid 7',
    'cmd_get 2',
    'cmd_set 2',
    'get_hits 1',
    'get_misses 1',
    'incr_hits 1',
    'incr_misses 1',
    'delete_misses 1',
    'touch_hits 1',
    'cas_badval 1',
    'curr_items 3',
  ]) {
    assert(stats.includes(`STAT ${stat}\r\n`), stat);
  }
  assert.equal(bench.ask('stats reset\r\n'), 'RESET\r\n');
  assert.match(bench.ask('stats\r\n'), /STAT cmd_get 0\r\n.*END\r\n$/s);
  assert.equal(bench.ask('stats items\r\nstats nothing\r\n'), 'STAT items:1:number 3\r\nEND\r\nERROR\r\n');
});

test('quit ends the connection behind what was asked before', () => {
  const bench = new Bench();
  bench.send('get a\r\nquit\r\nget a\r\n');
  assert.equal(bench.settle(), 'END\r\n');
  assert.equal(bench.stream.ended, true);
});

test('under pressure a long line is not read on: it may become far more than it takes', () => {
  const admission = new Admission({ clock: new ManualClock(), inFlightBytesMax: 100_000 });
  const half = `get ${'a '.repeat(20_000)}`;
  const benches = Array.from({ length: 4 }, () => new Bench({ admission }));
  for (const bench of benches) bench.send(half);
  assert.equal(admission.underPressure, true);
  assert.ok(benches.every(({ stream }) => stream.paused));
  for (const bench of benches) {
    admission.leave(bench.connection);
    bench.connection.closed();
  }
  assert.equal(admission.inFlightBytes, 0);
});
