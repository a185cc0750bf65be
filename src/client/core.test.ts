import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KvraftError } from '../base/errors.ts';
import { CLUSTER_ID, FakeCluster } from './fake-cluster.test-support.ts';
import type { ClientCore } from './core.ts';
import type { FakePipe } from './fake-pipe.test-support.ts';
import { Script } from './script.test-support.ts';

/** Runs a conversation and gives back what the store holds at its end. */
function converse(cluster: FakeCluster, core: ClientCore): string {
  const script = new Script(cluster, core);
  const first = script.append('k', 'a');
  script.settle();
  const [second, third] = [script.append('k', 'b'), script.append('k', 'c')];
  script.settle();
  const read = script.get('k');
  script.settle();
  for (const call of [first, second, third]) assert.equal(call.error, null);
  return read.value ?? '';
}

test('a connection that is cut behind any byte, either way, costs no call and doubles none', () => {
  const sizes = new FakeCluster(1);
  const pipes: FakePipe[] = [];
  sizes.onPipe = (pipe) => pipes.push(pipe);
  const core = sizes.connected();
  assert.equal(converse(sizes, core), 'abc');
  const script = new Script(sizes, core);
  script.close();
  const toServer = Math.max(...pipes.map(({ toServerBytes }) => toServerBytes));
  const toClient = Math.max(...pipes.map(({ toClientBytes }) => toClientBytes));
  assert(toServer > 100 && toClient > 100, `${toServer} and ${toClient} bytes were said`);
  for (const [way, bytes] of [
    ['toServerBytesMax', toServer],
    ['toClientBytesMax', toClient],
  ] as const) {
    for (let cut = 0; cut < bytes; cut++) {
      const cluster = new FakeCluster(cut + 1);
      let pipes = 0;
      cluster.onPipe = (pipe) => {
        if (pipes++ === 0) pipe[way] = cut;
      };
      assert.equal(converse(cluster, cluster.connected()), 'abc', `${way} ${cut}`);
    }
  }
});

test('calls with one turn between them share a number, and go in their order', () => {
  const cluster = new FakeCluster(2);
  const core = cluster.connected();
  const script = new Script(cluster, core);
  script.append('k', '0');
  script.settle();
  const before = cluster.applied;
  for (let i = 1; i < 10; i++) script.append('k', String(i));
  script.settle();
  assert.equal(cluster.applied - before, 1);
  const read = script.get('k');
  script.settle();
  assert.equal(read.value, '0123456789');
});

test('a server that freezes is left, and what it was asked is done once', () => {
  const cluster = new FakeCluster(3);
  const core = cluster.connected();
  const script = new Script(cluster, core);
  script.append('k', 'a');
  script.settle();
  const first = cluster.servers.find(({ pipes }) => pipes.size > 0);
  assert(first !== undefined);
  first.isFrozen = true;
  const startMs = cluster.nowMs;
  const call = script.append('k', 'b');
  script.settle();
  assert.equal(call.error, null);
  assert(cluster.nowMs - startMs < 4_000, `found out after ${cluster.nowMs - startMs} ms`);
  const read = script.get('k');
  script.settle();
  assert.equal(read.value, 'ab');
});

test('a server that is cut off from the others is left for one that knows a leader', () => {
  const cluster = new FakeCluster(4);
  const core = cluster.connected();
  const script = new Script(cluster, core);
  script.append('k', 'a');
  script.settle();
  cluster.server(0).isIsolated = true;
  cluster.leaderId = 1;
  const startMs = cluster.nowMs;
  const [write, read] = [script.append('k', 'b'), script.get('other')];
  script.settle();
  assert.equal(write.error, null);
  assert.equal(read.error, null);
  assert(cluster.nowMs - startMs < 3_000, `left after ${cluster.nowMs - startMs} ms`);
});

test('the leader is found: from a server that names it, and from one that refuses because it does not lead', () => {
  const cluster = new FakeCluster(5);
  cluster.leaderId = 2;
  const core = cluster.connected();
  const script = new Script(cluster, core);
  cluster.scheduler.runFor(500);
  assert.deepEqual(
    cluster.servers.map(({ pipes }) => pipes.size),
    [0, 0, 1],
  );
  cluster.leaderId = 1;
  cluster.server(2).refusal = new KvraftError('NOT_LEADER', 'ask another', { retryable: true });
  const call = script.append('k', 'a');
  script.settle();
  assert.equal(call.error, null);
  cluster.scheduler.runFor(500);
  assert.deepEqual(
    cluster.servers.map(({ pipes }) => pipes.size),
    [0, 1, 0],
  );
});

test('servers are learned from the one that was named, unless that is not wanted', () => {
  for (const learnServers of [true, false]) {
    const cluster = new FakeCluster(6);
    const [address] = cluster.addresses;
    assert(address !== undefined);
    const core = cluster.connected({ servers: [address], learnServers });
    const script = new Script(cluster, core);
    cluster.server(0).crash();
    cluster.leaderId = 1;
    const call = script.append('k', 'a', 3_000);
    script.settle();
    assert.equal(call.error?.code ?? null, learnServers ? null : 'TIMEOUT');
    if (!learnServers) assert.equal(call.error?.outcome, 'not-applied');
  }
});

test('nobody is hammered: a cluster that is down for a minute is asked about once a second a server', () => {
  const cluster = new FakeCluster(7);
  const core = cluster.connected();
  const script = new Script(cluster, core);
  for (const server of cluster.servers) server.crash();
  const call = script.append('k', 'a', 120_000);
  cluster.dials.length = 0;
  cluster.scheduler.runFor(60_000);
  assert(cluster.dials.length > 60 && cluster.dials.length < 180, `${cluster.dials.length} attempts`);
  for (const server of cluster.servers) server.isUp = true;
  script.settle();
  assert.equal(call.error, null);
});

test('a cluster that is full is asked ever less often, and the call says so in the end', () => {
  const cluster = new FakeCluster(8);
  const core = cluster.connected();
  const script = new Script(cluster, core);
  script.append('k', 'a');
  script.settle();
  let asked = 0;
  for (const server of cluster.servers) {
    const error = new KvraftError('NO_SPACE', 'no space left', { retryable: true });
    Object.defineProperty(server, 'refusal', { get: () => (asked++, error) });
  }
  const call = script.append('k', 'b', 20_000);
  script.settle();
  assert.deepEqual([call.error?.code, call.error?.outcome], ['NO_SPACE', 'not-applied']);
  assert(asked > 5 && asked < 40, `asked ${asked} times`);
});

test('a write that was sent is unknown once it is given up; one that was not surely did not happen', () => {
  const cluster = new FakeCluster(9);
  const core = cluster.connected();
  const script = new Script(cluster, core);
  script.append('k', 'a');
  script.settle();
  for (const server of cluster.servers) server.isIsolated = true;
  const sent = script.append('k', 'b', 2_000);
  script.settle();
  assert.deepEqual([sent.error?.code, sent.error?.outcome], ['TIMEOUT', 'unknown']);
  for (const server of cluster.servers) server.crash();
  cluster.scheduler.runFor(10);
  const unsent = script.append('k', 'c', 2_000);
  const aborted = script.append('k', 'd');
  aborted.abort();
  script.settle();
  assert.deepEqual([unsent.error?.code, unsent.error?.outcome], ['TIMEOUT', 'not-applied']);
  assert.deepEqual([aborted.error?.code, aborted.error?.outcome], ['ABORTED', 'not-applied']);
  assert.match(unsent.error?.cause instanceof Error ? unsent.error.cause.message : '', /connection refused/);
});

test('a number that was given up is left behind: no late copy of it is executed', () => {
  const cluster = new FakeCluster(10);
  const core = cluster.connected();
  const script = new Script(cluster, core);
  script.append('k', 'a');
  script.settle();
  // The first copy is held up in a server that is cut off; the call is given up, and another one is answered.
  const holder = cluster.servers.find(({ pipes }) => pipes.size > 0);
  assert(holder !== undefined);
  holder.isIsolated = true;
  cluster.leaderId = (holder.id + 1) % 3;
  const late = script.append('k', 'late', 200);
  script.settle();
  assert.equal(late.error?.outcome, 'unknown');
  holder.crash();
  const next = script.append('k', 'b');
  script.settle();
  assert.equal(next.error, null);
  holder.isIsolated = false;
  cluster.scheduler.runFor(10_000);
  holder.isUp = true;
  const read = script.get('k');
  script.settle();
  assert.equal(read.value, 'ab');
});

test('a session that expired while nothing was under way is replaced without a word', () => {
  const cluster = new FakeCluster(11, 3, { sessionTtlMs: 10_000 });
  const core = cluster.connected();
  const script = new Script(cluster, core);
  script.append('k', 'a');
  script.settle();
  for (const server of cluster.servers) server.crash();
  cluster.scheduler.runFor(60_000);
  cluster.machine.apply(cluster.machine.deadlineCommand(), Math.floor(cluster.nowMs));
  for (const server of cluster.servers) server.isUp = true;
  const call = script.append('k', 'b', 30_000);
  script.settle();
  assert.equal(call.error, null);
  const read = script.get('k');
  script.settle();
  assert.equal(read.value, 'ab');
});

test('a session lives while its client does nothing', () => {
  const cluster = new FakeCluster(12, 3, { sessionTtlMs: 10_000 });
  const core = cluster.connected();
  const script = new Script(cluster, core);
  script.append('k', 'a');
  script.settle();
  for (let minute = 0; minute < 10; minute++) {
    cluster.scheduler.runFor(6_000);
    cluster.machine.apply(cluster.machine.deadlineCommand(), Math.floor(cluster.nowMs));
    assert.equal(cluster.machine.sessionCount, 1);
  }
  script.close();
  assert.equal(cluster.machine.sessionCount, 0, 'a client that goes ends its session');
});

test('a write whose session expired before it was answered is unknown, and is never executed again', () => {
  const cluster = new FakeCluster(13, 3, { sessionTtlMs: 10_000 });
  const core = cluster.connected();
  const script = new Script(cluster, core);
  script.append('k', 'a');
  script.settle();
  // Executed, but the client is cut off before it hears of it, until the session has expired.
  const before = cluster.applied;
  const call = script.append('k', 'b', 120_000);
  cluster.scheduler.runUntil(() => cluster.applied > before, cluster.nowMs + 1_000);
  for (const server of cluster.servers) server.crash();
  cluster.scheduler.runFor(60_000);
  cluster.machine.apply(cluster.machine.deadlineCommand(), Math.floor(cluster.nowMs));
  for (const server of cluster.servers) server.isUp = true;
  script.settle();
  assert.deepEqual([call.error?.code, call.error?.outcome], ['SESSION_EXPIRED', 'unknown']);
  const next = script.append('k', 'c');
  script.settle();
  assert.equal(next.error, null);
  const read = script.get('k');
  script.settle();
  assert.equal(read.value, 'abc');
});

test('closing ends what is under way, once', () => {
  const cluster = new FakeCluster(14);
  const core = cluster.connected();
  const script = new Script(cluster, core);
  for (const server of cluster.servers) server.isIsolated = true;
  const [write, read] = [script.append('k', 'a'), script.get('k')];
  cluster.scheduler.runFor(100);
  script.close();
  assert.deepEqual([write.error?.code, read.error?.code], ['CLOSED', 'CLOSED']);
  assert.deepEqual([write.answers, read.answers], [1, 1]);
  cluster.scheduler.runFor(60_000);
  assert.deepEqual([write.answers, read.answers], [1, 1]);
  assert(cluster.servers.every(({ pipes }) => pipes.size === 0));
});

test('connecting says why it cannot', () => {
  const failure = (change: (cluster: FakeCluster) => void, clusterId = ''): KvraftError | null => {
    const cluster = new FakeCluster(15);
    change(cluster);
    try {
      cluster.connected({ clusterId });
    } catch (error) {
      if (error instanceof KvraftError) return error;
      throw error;
    }
    return null;
  };
  const down = failure((cluster) => cluster.servers.forEach((server) => server.crash()));
  assert.equal(down?.code, 'UNREACHABLE');
  assert.match(down.message, /fake:8000 cannot be reached: connection refused/);
  const unfounded = failure((cluster) => (cluster.clusterId = ''));
  assert.equal(unfounded?.code, 'UNREACHABLE');
  assert.match(unfounded.message, /has not been founded yet/);
  const frozen = failure((cluster) => cluster.servers.forEach((server) => (server.isFrozen = true)));
  assert.match(frozen?.message ?? '', /did not introduce itself/);
  assert.equal(
    failure(() => undefined, CLUSTER_ID),
    null,
  );
  assert.equal(failure(() => undefined, 'f'.repeat(32))?.code, 'WRONG_CLUSTER');
});
