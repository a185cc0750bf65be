// Durable writes and linearizable reads under both engines, in turn on this machine and in one run: Raft with three
// servers, primary/backup with two servers and a monitor, and with a spare and three monitors. 256-byte values, one
// request in flight a connection, all connections to the server that leads. A line is the median of the rounds and, in
// brackets, the least and the most of them; takes about two minutes.
//
//   node bench/engines.mjs [--connections 32] [--seconds 2] [--rounds 5]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, install } from '../scripts/build.mjs';

const { values: options } = parseArgs({
  options: {
    connections: { type: 'string', default: '32' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
  },
});
const root = join(import.meta.dirname, '..');
const kvraft = join(root, 'bin', 'kvraft.js');
const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), 'kvraft-engines-'));
const value = 'v'.repeat(256);
const WARM_UP_MS = 500;
const NAME_CHARS = 38;
const COLUMN_CHARS = 26;
const children = [];

install();
build();
try {
  const targets = [
    await start('Raft, 3 servers', 3, 0),
    await start('primary/backup, 2 servers, 1 monitor', 2, 1),
    await start('primary/backup, 3 servers, 3 monitors', 3, 3),
  ];
  const kinds = [
    { kind: 'write, 1 connection', connections: 1, request: write },
    {
      kind: `write, ${options.connections} connections`,
      connections: Number(options.connections),
      request: write,
    },
    {
      kind: `read, ${options.connections} connections`,
      connections: Number(options.connections),
      request: read,
    },
  ];
  for (const { kind, connections, request } of kinds) {
    for (const { port } of targets) await measure(port, connections, request, WARM_UP_MS);
    const rounds = targets.map(() => []);
    for (let round = 0; round < Number(options.rounds); round++) {
      // Every other round backwards: whatever grows in the course of the run falls on all alike.
      const turns = round % 2 === 0 ? [...targets.keys()] : [...targets.keys()].toReversed();
      for (const i of turns) {
        rounds[i].push(await measure(targets[i].port, connections, request, Number(options.seconds) * 1_000));
      }
    }
    console.log(line(`\n${kind}`.padEnd(NAME_CHARS + 1), ['a second', 'p50, ms', 'p99, ms']));
    for (const [i, { name }] of targets.entries()) {
      const column = (at, digits) =>
        spread(
          rounds[i].map((row) => row[at]),
          digits,
        );
      console.log(line(name.padEnd(NAME_CHARS), [column(0, 0), column(1, 2), column(2, 2)]));
    }
  }
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

function write(i, n) {
  return `set key-${i}-${n % 1_000} 0 ${value.length}\r\n${value}\r\n`;
}

function read(i, n) {
  return `get key-${i}-${n % 1_000}\r\n`;
}

/** Requests a second, and the median and 99th percentile of their latencies in milliseconds. */
async function measure(port, connections, request, forMs) {
  const latencies = [];
  const endMs = performance.now() + forMs;
  await Promise.all(
    Array.from({ length: connections }, async (_, i) => {
      const socket = connect(port, '127.0.0.1').setNoDelay(true);
      await once(socket, 'connect');
      for (let n = 0; performance.now() < endMs; n++) {
        const startMs = performance.now();
        socket.write(request(i, n));
        for (let reply = ''; !isWhole(reply);) reply += (await once(socket, 'data'))[0].toString('latin1');
        latencies.push(performance.now() - startMs);
      }
      socket.destroy();
    }),
  );
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.floor(latencies.length * share)] ?? 0;
  return [latencies.length / (forMs / 1_000), at(0.5), at(0.99)];
}

function isWhole(reply) {
  const end = reply.indexOf('\r\n');
  if (end < 0) return false;
  const bytes = /^VALUE (\d+)/.exec(reply)?.[1];
  return bytes === undefined || reply.length >= end + 2 + Number(bytes) + 2;
}

async function start(name, servers, monitors) {
  const ports = await freePorts(2 * servers + monitors);
  const config = join(folder, `${ports[0]}.json`);
  const engine = monitors === 0 ? 'raft' : 'primary-backup';
  const content = {
    path: `data-${ports[0]}`,
    engine,
    servers: Array.from({ length: servers }, (_, Id) => ({
      Id,
      ClientPort: ports[2 * Id],
      LogPort: ports[2 * Id + 1],
    })),
    ...(monitors > 0 && {
      monitors: Array.from({ length: monitors }, (_, Id) => ({ Id, Port: ports[2 * servers + Id] })),
    }),
  };
  writeFileSync(config, JSON.stringify(content));
  const run = (...args) =>
    spawn(process.execPath, [kvraft, ...args, '--config', config], { stdio: ['ignore', 'pipe', 'ignore'] });
  for (const { Id } of content.monitors ?? []) children.push(run('monitor', String(Id)));
  for (const { Id } of content.servers) children.push(run('server', String(Id)));
  for (;;) {
    const status = JSON.parse(await text(run('status', '--json')));
    const leader = status.servers.find(({ id, leaderId }) => id === leaderId);
    const isWhole = monitors === 0 || status.monitors.some(({ inSync }) => inSync);
    if (leader !== undefined && isWhole) return { name, port: content.servers[leader.id].ClientPort };
  }
}

async function text(child) {
  let result = '';
  child.stdout.on('data', (chunk) => (result += chunk));
  await once(child, 'close');
  return result;
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function line(name, columns) {
  return name + columns.map((text) => text.padStart(COLUMN_CHARS)).join('');
}

/** The median, and the least and the most. */
function spread(list, digits) {
  const sorted = list.toSorted((a, b) => a - b);
  const text = (value) =>
    value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const [least, middle, most] = [0, Math.floor(sorted.length / 2), sorted.length - 1].map((at) =>
    text(sorted[at]),
  );
  return `${middle} (${least}–${most})`;
}
