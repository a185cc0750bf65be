// A first figure: durable writes a second, kvraft beside etcd (where it is installed) on this machine, in turn.
// Three servers each, fsync on, one request in flight per connection, 256-byte values.
//
//   node bench/writes.mjs [--connections 50] [--seconds 5] [--rounds 3]
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, install } from '../scripts/build.mjs';

const { values: options } = parseArgs({
  options: {
    connections: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
  },
});
const connections = Number(options.connections);
const seconds = Number(options.seconds);
const rounds = Number(options.rounds);
const KEYS = 100_000;
const value = Buffer.alloc(256, 'v');
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), 'kvraft-bench-'));
const children = [];

install();
build();
try {
  const targets = [await startKvraft()];
  if (spawnSync('etcd', ['--version']).status === 0 && spawnSync('h2load', ['--version']).status === 0) {
    targets.push(await startEtcd());
  } else {
    console.log('etcd or h2load is not installed: kvraft alone');
  }
  const rates = targets.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, target] of targets.entries()) rates[i].push(await target.measure());
  }
  const medians = rates.map((list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]);
  for (const [i, { name }] of targets.entries()) {
    console.log(
      `${name.padEnd(8)} ${Math.round(medians[i])} writes/s  (${rates[i].map(Math.round).join(', ')})`,
    );
  }
  if (medians.length === 2) console.log(`kvraft / etcd  ${(medians[0] / medians[1]).toFixed(2)}`);
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function start(command, args) {
  const child = spawn(command, args, { stdio: 'ignore' });
  children.push(child);
  return child;
}

async function until(what, probe) {
  for (let i = 0; i < 600; i++) {
    const found = await probe();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain until ${what}`);
}

async function startKvraft() {
  const ports = await freePorts(6);
  const servers = [0, 1, 2].map((id) => ({
    Id: id,
    Hostname: '127.0.0.1',
    ClientPort: ports[id],
    LogPort: ports[3 + id],
  }));
  const config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify({ path: 'data', servers }));
  const kvraft = join(root, 'bin', 'kvraft.js');
  for (const id of [0, 1, 2]) start(process.execPath, [kvraft, 'server', String(id), '-c', config]);
  const leader = await until('kvraft has a leader', () => {
    const { stdout } = spawnSync(process.execPath, [kvraft, 'status', '--json', '-c', config]);
    const rows = JSON.parse(stdout.toString()).servers;
    return rows.every(({ up }) => up) && rows.find(({ role }) => role === 'leader');
  });
  return { name: 'kvraft', measure: () => measureText(servers[leader.id].ClientPort) };
}

/** A closed loop of `set` requests over the text protocol. Every reply is checked. */
async function measureText(port) {
  let replies = 0;
  let running = true;
  const ended = [];
  const began = performance.now();
  for (let i = 0; i < connections; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    const tail = Buffer.concat([value, Buffer.from('\r\n')]).toString('latin1');
    const next = () => {
      const key = Math.floor(Math.random() * KEYS);
      socket.write(`set key-${key} 0 ${value.length}\r\n${tail}`, 'latin1');
    };
    ended.push(
      new Promise((resolve, reject) => {
        socket.on('data', (chunk) => {
          if (!chunk.toString('latin1').startsWith('OK ')) reject(new Error(`unexpected reply ${chunk}`));
          replies++;
          if (running) next();
          else socket.end(resolve);
        });
        socket.on('error', reject);
      }),
    );
    socket.once('connect', next);
  }
  setTimeout(() => (running = false), seconds * 1000);
  await Promise.all(ended);
  return replies / ((performance.now() - began) / 1000);
}

async function startEtcd() {
  const ports = await freePorts(6);
  const cluster = [0, 1, 2].map((id) => `e${id}=http://127.0.0.1:${ports[3 + id]}`).join(',');
  for (const id of [0, 1, 2]) {
    const client = `http://127.0.0.1:${ports[id]}`;
    const peer = `http://127.0.0.1:${ports[3 + id]}`;
    start('etcd', [
      ...['--name', `e${id}`, '--data-dir', join(folder, `etcd-${id}`), '--log-level', 'error'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', cluster, '--initial-cluster-state', 'new'],
    ]);
  }
  const port = await until('etcd has a leader', async () => {
    for (const candidate of ports.slice(0, 3)) {
      try {
        const url = `http://127.0.0.1:${candidate}/v3/maintenance/status`;
        const status = await (await fetch(url, { method: 'POST', body: '{}' })).json();
        if (status.leader !== undefined && status.leader === status.header.member_id) return candidate;
      } catch {
        // Not up yet.
      }
    }
    return null;
  });
  const body = join(folder, 'put.grpc');
  writeFileSync(body, grpcPut(Buffer.from('key-12345'), value));
  return { name: 'etcd', measure: () => measureEtcd(port, body) };
}

/** A gRPC frame with an etcdserverpb.PutRequest: field 1 the key, field 2 the value. */
function grpcPut(key, bytes) {
  const field = (number, data) => {
    const length = data.length < 128 ? [data.length] : [(data.length & 127) | 128, data.length >> 7];
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), data]);
  };
  const message = Buffer.concat([field(1, key), field(2, bytes)]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

async function measureEtcd(port, body) {
  const { stdout } = await new Promise((resolve) => {
    const child = spawn('h2load', [
      ...['-c', String(connections), '-m', '1', '-D', String(seconds), '-d', body],
      ...['-H', 'content-type: application/grpc', '-H', 'te: trailers'],
      `http://127.0.0.1:${port}/etcdserverpb.KV/Put`,
    ]);
    let out = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.on('close', () => resolve({ stdout: out }));
  });
  const rate = /finished in [^,]*, ([\d.]+) req\/s/.exec(stdout)?.[1];
  if (rate === undefined || !/, 0 failed, 0 errored/.test(stdout))
    throw new Error(`h2load failed: ${stdout}`);
  return Number(rate);
}
