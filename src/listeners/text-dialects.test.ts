import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textDialects, type TextDialectName } from '../wire/text-dialects.ts';
import { LeaderWatch } from './leader-watch.ts';
import { Redirects } from './redirects.ts';
import { makeServer, requestTimeoutMs, TestClient, type TestServer } from './test-text.ts';

const ownId = 1;
const address = { id: 2, host: 'there', port: 8102 };

/** A server that is told who leads. */
class Bench {
  leader: number | null = null;
  readonly server: TestServer;
  readonly client: TestClient;

  constructor(name: TextDialectName) {
    const dialect = textDialects[name];
    const setup = { dialect, redirects: null as Redirects | null };
    this.server = makeServer(setup);
    const watch = new LeaderWatch({ clock: this.server.clock, leader: () => this.leader });
    const line = dialect.redirect?.(address);
    if (line !== undefined) {
      const redirects = new Redirects({ watch, ownId, lines: new Map([[address.id, line]]) });
      Object.assign(this.server.setup, { redirects });
    }
    this.client = new TestClient(this.server);
  }

  /** What the input is answered, once everything that is asked of the store is done. */
  exchange(input: string): string {
    this.client.send(input);
    this.server.service.finishAll();
    return this.client.stream.take();
  }
}

const everyRequest = 'get k\r\ngetm k\r\nset k 0 1\r\nx\r\ncas k 0 1 1\r\ny\r\ndelete k\r\n';

test('the leader answers in every dialect', () => {
  for (const name of ['kvraft', 'raft-golang', 'redirect', 'redirect-legacy'] as const) {
    const bench = new Bench(name);
    bench.leader = ownId;
    assert.equal(bench.exchange('set k 0 1\r\nx\r\nget k\r\n'), 'OK 1\r\nVALUE 1\r\nx\r\n', name);
  }
});

test('another server names the leader to everybody who asks, in the words of the dialect', () => {
  const words = {
    'raft-golang': 'REDIRECT 2\r\n',
    redirect: 'ERR_REDIRECT there 8102\r\n',
    'redirect-legacy': 'ERR_REDIRECT there 8102\r\n',
  };
  for (const [name, line] of Object.entries(words)) {
    const bench = new Bench(name as TextDialectName);
    bench.leader = address.id;
    assert.equal(bench.exchange(everyRequest), line.repeat(5), name);
    assert.equal(bench.server.service.records.size, 0, 'and does nothing');
  }
});

test('in the dialect of the project itself another server answers like the leader', () => {
  const bench = new Bench('kvraft');
  bench.leader = address.id;
  assert.match(
    bench.exchange(everyRequest),
    /^ERR_NOT_FOUND\r\nERR_NOT_FOUND\r\nOK 1\r\nOK 2\r\nDELETED\r\n$/,
  );
});

test('a set of a key that exists is refused where set only creates, and an expired one counts as absent', () => {
  const bench = new Bench('raft-golang');
  bench.leader = ownId;
  assert.equal(bench.exchange('set k 0 1\r\nx\r\nset k 0 1\r\ny\r\n'), 'OK 1\r\nERR_VERSION\r\n');
  assert.equal(bench.exchange('get k\r\n'), 'VALUE 1\r\nx\r\n');
  assert.equal(bench.exchange('delete k\r\nset k 0 1\r\nz\r\n'), 'DELETED\r\nOK 3\r\n');
});

test('errors have the spelling of the dialect', () => {
  const input = 'bad\r\nget k\r\ncas k 0 1 1\r\nx\r\n';
  for (const [name, replies] of [
    ['redirect', 'ERR_CMD_ERR\r\nERR_NOT_FOUND\r\nERR_NOT_FOUND\r\n'],
    ['redirect-legacy', 'ERRCMDERR\r\nERRNOTFOUND\r\nERRNOTFOUND\r\n'],
  ] as const) {
    const bench = new Bench(name);
    bench.leader = ownId;
    assert.equal(bench.exchange(input), replies);
  }
});

test('what asks for no reply is forwarded, and takes its place among what is redirected', () => {
  const bench = new Bench('redirect');
  bench.leader = address.id;
  const line = 'ERR_REDIRECT there 8102\r\n';
  const input =
    'get a\r\nset a 0 1 noreply\r\nx\r\nbad\r\nset b 0 1\r\nx\r\nset c x 1 noreply\r\ndelete a noreply\r\n';
  assert.equal(bench.exchange(input), `${line}ERR_CMD_ERR\r\n${line}`);
  assert.equal(bench.server.service.records.size, 0);
  assert.equal(bench.exchange('set a 0 1 noreply\r\nx\r\nget a\r\n'), line);
  assert.ok(bench.server.service.records.has('a'));
});

test('while nobody is known to lead, requests wait, in their order, for whoever comes to lead', () => {
  const bench = new Bench('raft-golang');
  const { clock } = bench.server;
  assert.equal(bench.exchange('get k\r\nbad\r\n'), '');
  clock.advance(requestTimeoutMs - 1_000);
  assert.equal(bench.exchange('get k\r\n'), '');
  bench.leader = address.id;
  clock.advance(20);
  assert.equal(bench.client.stream.take(), 'REDIRECT 2\r\nERR_CMD_ERR\r\nREDIRECT 2\r\n');
  bench.leader = ownId;
  assert.equal(bench.exchange('get k\r\n'), 'ERR_NOT_FOUND\r\n', 'each request is asked for anew');
});

test('a request that waited for a leader in vain is answered with an error, and those after it go on waiting', () => {
  const bench = new Bench('redirect');
  const { clock, service } = bench.server;
  bench.client.send('get k\r\nset k 0 1 noreply\r\nx\r\n');
  clock.advance(requestTimeoutMs - 5_000);
  bench.client.send('get k\r\n');
  clock.advance(5_000);
  assert.equal(
    service.writes.length,
    1,
    'the write is asked of the store, which knows whether it is too late',
  );
  service.failWrite();
  assert.equal(bench.client.stream.take(), 'ERR_INTERNAL\r\n');
  bench.leader = ownId;
  clock.advance(20);
  service.finishAll();
  assert.equal(bench.client.stream.take(), 'ERR_NOT_FOUND\r\n');
  assert.equal(bench.server.admission.inFlightBytes, 0);
});

test('a client that vanishes while its requests wait for a leader leaves nothing behind', () => {
  const bench = new Bench('redirect');
  bench.client.send('get k\r\nset k 0 1\r\nx\r\n');
  bench.client.vanish();
  bench.leader = address.id;
  bench.server.clock.advance(20);
  assert.equal(bench.server.admission.inFlightBytes, 0);
  assert.equal(bench.client.stream.received, '');
});

test('a leader that the configuration does not name is forwarded to', () => {
  const bench = new Bench('redirect');
  bench.leader = 7;
  assert.equal(bench.exchange('get k\r\n'), 'ERR_NOT_FOUND\r\n');
});

test('all who wait for a leader are woken at once, or at their own deadline', () => {
  const { clock } = makeServer();
  let leader: number | null = null;
  const watch = new LeaderWatch({ clock, leader: () => leader });
  const woken: string[] = [];
  watch.wait(100, () => woken.push('early'));
  watch.wait(10_000, () => woken.push('late'));
  watch.wait(10_000, () => woken.push('late, too'));
  assert.deepEqual(woken, []);
  for (let i = 0; i < 6; i++) clock.advance(20);
  assert.deepEqual(woken, ['early']);
  leader = 3;
  clock.advance(20);
  assert.deepEqual(woken, ['early', 'late', 'late, too']);
});
