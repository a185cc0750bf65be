import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packFrame } from '../base/frame.ts';
import { decodeAnswer, RPC_PREAMBLE } from '../wire/rpc-handshake.ts';
import { rpcLimits } from '../wire/rpc-limits.ts';
import { decodeReply, parseReply } from '../wire/rpc-replies.ts';
import { encodeRequest, type Op } from '../wire/rpc-requests.ts';
import { MIB, RpcBench } from './test-rpc.ts';

const set = (key: string, bytes = 1): Op => ({
  op: 'set',
  key,
  value: Buffer.alloc(bytes, 'x'),
  flags: 0,
  ttlMs: 0,
  when: 'always',
});

const touch: Op = { op: 'touch', key: 'k', ttlMs: 0 };

test('requests are answered as they are known, not in their order', () => {
  const bench = new RpcBench();
  const client = bench.welcomed();
  const write = client.batch([set('k')]);
  const read = client.ask({ type: 'get', stale: false, keys: ['k'] });
  const ping = client.ask({ type: 'ping' });
  assert.equal(decodeReply(client.take()).id, ping);
  bench.replicator.confirm();
  bench.clock.advance(0);
  assert.equal(decodeReply(client.take()).id, read);
  bench.answer();
  assert.equal(decodeReply(client.take()).id, write);
});

test('a hello of another version, and one for another cluster, are refused with the reason', () => {
  for (const [clusterId, version, code] of [
    ['', 2, 'UNSUPPORTED_VERSION'],
    ['cd'.repeat(16), 1, 'WRONG_CLUSTER'],
  ] as const) {
    const bench = new RpcBench();
    const client = bench.client();
    client.greet(clusterId, version);
    bench.clock.advance(0);
    const answer = decodeAnswer(client.take());
    assert(answer.kind === 'refusal');
    assert.equal(answer.refusal.code, code);
    assert.equal(answer.refusal.retryable, false);
    assert(client.stream.ended);
  }
});

test('before its cluster is founded a server asks clients to come again', () => {
  const bench = new RpcBench();
  bench.replicator.clusterId = '';
  const client = bench.client();
  client.greet();
  const answer = decodeAnswer(client.take());
  assert(answer.kind === 'refusal' && answer.refusal.retryable);
});

test('what is no preamble, no frame, no hello, or too long for one, ends the connection', () => {
  const garbage: readonly Buffer[] = [
    Buffer.from('\xffKVX', 'latin1'),
    Buffer.concat([RPC_PREAMBLE, Buffer.alloc(8, 1)]),
    Buffer.concat([RPC_PREAMBLE, packFrame(['hello'])]),
    Buffer.concat([RPC_PREAMBLE, packFrame(null)]),
    Buffer.concat([RPC_PREAMBLE, packFrame([1, 1, 0, 'x'.repeat(rpcLimits.helloBytesMax)])]),
  ];
  for (const bytes of garbage) {
    const bench = new RpcBench();
    const client = bench.client();
    client.send(bytes);
    bench.clock.advance(0);
    assert(client.stream.ended || client.stream.destroyed, bytes.subarray(0, 20).toString('hex'));
  }
});

test('a request that is wrong in itself is refused by itself, and the connection goes on', () => {
  const bench = new RpcBench();
  const client = bench.welcomed();
  const cases: readonly [() => unknown, string][] = [
    [() => client.send(packFrame([99, 5])), 'INVALID_ARGUMENT'],
    [() => client.send(packFrame([5, 5, 'stale'])), 'INVALID_ARGUMENT'],
    [
      () => client.send(packFrame([4, 5, 1, 1, 1, false, [[77, Buffer.from('k')]], null])),
      'INVALID_ARGUMENT',
    ],
    [() => client.batch([]), 'INVALID_ARGUMENT'],
    [() => client.batch([set('k'.repeat(251))]), 'TOO_LARGE'],
    [() => client.batch([set('k', MIB + 1)]), 'TOO_LARGE'],
    [() => client.batch([{ op: 'flush' }], true), 'INVALID_ARGUMENT'],
    [() => client.batch(Array.from({ length: 17 }, () => touch)), 'INVALID_ARGUMENT'],
    [() => client.batch(Array.from({ length: rpcLimits.opsMax + 1 }, () => set('k'))), 'INVALID_ARGUMENT'],
    [() => client.ask({ type: 'range-next', range: 7, entriesMax: 1 }), 'SNAPSHOT_EXPIRED'],
    [() => client.ask({ type: 'watch', prefix: '', from: 1 }), 'ok'],
  ];
  client.batch([set('k')]);
  bench.answer();
  assert.equal(client.takeCode(), 'ok');
  for (const [ask, code] of cases) {
    ask();
    bench.answer();
    assert.equal(client.takeCode(), code);
  }
  assert.equal(bench.replicator.proposals.length, 0, 'nothing wrong was proposed');
});

test('a batch for a session that is not there is told so, and one whose number was answered is not executed again', () => {
  const bench = new RpcBench();
  const client = bench.welcomed();
  const batch = (session: number, number: number, lowest: number): string => {
    client.ask({ type: 'batch', session, number, lowest, atomic: false, ops: [set('k')], fence: null });
    bench.answer();
    const { fields } = decodeReply(client.take());
    assert(fields !== null);
    const { verdict, results } = parseReply.batch(fields);
    return `${verdict} ${results.map(({ version }) => version).join()}`;
  };
  assert.equal(batch(client.session, 1, 1), 'executed 1');
  assert.equal(batch(client.session, 1, 1), 'executed 1', 'the same number has the same reply');
  assert.equal(batch(client.session, 3, 3), 'executed 2');
  assert.equal(batch(client.session, 2, 2), 'stale ');
  assert.equal(batch(client.session, 3 + 4_096, 3), 'window-full ');
  assert.equal(batch(client.session + 1, 1, 1), 'session-expired ');
});

test('a client with more under way than it may is not read until enough is answered', () => {
  const bench = new RpcBench();
  const client = bench.welcomed();
  for (let i = 0; i < 6; i++) client.batch([set(`k${i}`, MIB)]);
  assert(client.stream.paused);
  bench.answer();
  assert(!client.stream.paused);
  assert.equal(client.stream.payloads.length, 6);
});

test('a client that takes no replies gets no further reads answered, and they wait for it', () => {
  const bench = new RpcBench();
  const client = bench.welcomed();
  client.batch([set('big', MIB)]);
  bench.answer();
  client.take();
  client.stream.stalled = true;
  for (let i = 0; i < 10; i++) client.ask({ type: 'get', stale: i % 2 === 0, keys: ['big'] });
  for (let i = 0; i < 10; i++) bench.answer();
  assert(client.stream.payloads.length <= 2, `${client.stream.payloads.length} replies`);
  assert(client.stream.paused);
  for (let i = 0; i < 20; i++) {
    client.drain();
    bench.answer();
  }
  assert.equal(client.stream.payloads.length, 10);
});

test('a server that holds too much stops reading everybody, and goes on', () => {
  const bench = new RpcBench(2 * MIB);
  const [one, other] = [bench.welcomed(), bench.welcomed()];
  for (let i = 0; i < 3; i++) one.batch([set(`k${i}`, MIB)]);
  assert(one.stream.paused && other.stream.paused);
  bench.answer();
  assert(!one.stream.paused && !other.stream.paused);
  one.vanish();
  other.vanish();
  assert.equal(bench.admission.inFlightBytes, 0);
});

test('replies that clients do not take are bounded over all of them', () => {
  const bench = new RpcBench(4 * MIB);
  const writer = bench.welcomed();
  writer.batch([set('k', MIB)]);
  bench.answer();
  const clients = Array.from({ length: 10 }, () => bench.welcomed());
  for (const client of clients) {
    client.stream.stalled = true;
    client.ask({ type: 'get', stale: false, keys: ['k'] });
  }
  bench.answer();
  const held = () => clients.filter(({ stream }) => stream.unsentBytes > 0);
  assert.equal(held().length, 4, 'the last of them passes the limit');
  for (let round = 0; held().length > 0; round++) {
    assert(round < 10, 'all are answered one after the other');
    for (const client of held()) client.drain();
    for (let turn = 0; turn < 3; turn++) bench.answer();
  }
  for (const client of clients) assert.equal(client.takeCode(), 'ok');
});

test('values too large for one reply are refused, not cut', () => {
  const bench = new RpcBench();
  const client = bench.welcomed();
  client.batch([set('big', MIB)]);
  bench.answer();
  client.take();
  client.ask({ type: 'get', stale: false, keys: new Array<string>(19).fill('big') });
  bench.answer();
  assert.equal(client.takeCode(), 'TOO_LARGE');
});

test('a watch is answered when there is something to tell, and not otherwise', () => {
  const bench = new RpcBench();
  const client = bench.welcomed();
  const watch = client.ask({ type: 'watch', prefix: 'a', from: 1 });
  client.batch([set('b')]);
  bench.answer();
  assert.notEqual(decodeReply(client.take()).id, watch);
  client.batch([set('a1'), set('b'), { op: 'delete', key: 'a1', version: 0 }]);
  bench.answer();
  const replies = [decodeReply(client.take()), decodeReply(client.take())];
  const { fields } = replies.find(({ id }) => id === watch) ?? {};
  assert(fields instanceof Object);
  const { next, events } = parseReply.watch(fields);
  assert.equal(next, 5);
  assert.deepEqual(
    events.map(({ version, type, key }) => [version, type, key]),
    [
      [2, 'put', 'a1'],
      [4, 'delete', 'a1'],
    ],
  );
});

test('a watch that is none of its business for long is told how far it is', () => {
  const bench = new RpcBench();
  const client = bench.welcomed();
  const watch = client.ask({ type: 'watch', prefix: 'a', from: 1 });
  client.batch(Array.from({ length: 1_500 }, () => set('b')));
  bench.answer();
  const reply = [decodeReply(client.take()), decodeReply(client.take())].find(({ id }) => id === watch);
  assert(reply?.fields instanceof Object);
  assert.deepEqual(parseReply.watch(reply.fields), { next: 1_501, events: [] });
});

test('watches end with a cancel, with the connection, and when there are too many', () => {
  const bench = new RpcBench();
  const client = bench.welcomed();
  const first = client.ask({ type: 'watch', prefix: '', from: 1 });
  client.send(encodeRequest(first, { type: 'cancel' }));
  bench.answer();
  assert.equal(client.takeCode(), 'ABORTED');
  for (let i = 0; i < rpcLimits.watchesMax; i++) client.ask({ type: 'watch', prefix: '', from: 1 });
  bench.answer();
  assert.equal(client.stream.payloads.length, 0);
  client.ask({ type: 'watch', prefix: '', from: 1 });
  bench.answer();
  assert.equal(client.takeCode(), 'OVERLOADED');
  client.stop();
  bench.answer();
  assert.equal(client.takeCode(), 'STOPPED');
  assert(client.stream.ended);
});

test('a server that stops answers what it was asked first', () => {
  const bench = new RpcBench();
  const client = bench.welcomed();
  client.batch([set('k')]);
  client.stop();
  assert(!client.stream.ended);
  client.ask({ type: 'ping' });
  bench.answer();
  assert.equal(client.takeCode(), 'ok');
  assert(client.stream.ended);
  assert.equal(client.stream.payloads.length, 0, 'what came later is not answered');
});

test('a client that is gone has its writes executed, and leaves nothing behind', () => {
  const bench = new RpcBench();
  const client = bench.welcomed();
  client.batch([set('k')]);
  client.ask({ type: 'watch', prefix: '', from: 1 });
  client.ask({ type: 'range', stale: false, start: '', end: null, reverse: false, entriesMax: 1 });
  client.vanish();
  bench.answer();
  assert.equal(bench.replicator.machine.get('k')?.version, 1);
  assert.equal(bench.admission.inFlightBytes, 0);
});

test('a range shows one state page by page, in both directions', () => {
  const bench = new RpcBench();
  const client = bench.welcomed();
  client.batch(['a', 'b', 'c', 'd'].map((key) => set(key)));
  bench.answer();
  client.take();
  for (const [reverse, keys] of [
    [false, ['a', 'b', 'c', 'd']],
    [true, ['d', 'c', 'b', 'a']],
  ] as const) {
    client.ask({ type: 'range', stale: false, start: '', end: null, reverse, entriesMax: 3 });
    bench.answer();
    const first = parseReply.range(decodeReply(client.take()).fields!);
    assert.equal(first.version, 4 + (reverse ? 1 : 0));
    client.batch([set('b', 5)]);
    bench.answer();
    client.take();
    client.ask({ type: 'range-next', range: first.range, entriesMax: 3 });
    bench.answer();
    const second = parseReply.range(decodeReply(client.take()).fields!);
    assert.deepEqual(
      [...first.entries, ...second.entries].map(({ key }) => key),
      keys,
    );
    assert.deepEqual([second.range, second.version], [0, first.version]);
  }
});
