import { KEY_BYTES, keyText } from '../wires/wire.ts';
import { GuardCluster, type Counts, type Sabotage } from './guard-cluster.ts';

/** A fixed pattern of requests. */
export interface Pattern {
  readonly work: 'write' | 'read';
  readonly connections: number;
  readonly depth: number;
}

export const VALUE_BYTES = 256;
const KEYS = 1_000;
const value = 'v'.repeat(VALUE_BYTES);
const LF = 0x0a;

/** What a client wants to be kept of one write. */
export const PAYLOAD_BYTES = KEY_BYTES + VALUE_BYTES;

function lineFeeds(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === LF) count++;
  return count;
}

/** A cluster with some data, and the pattern's clients at work. */
export function startPattern({ work, connections, depth }: Pattern, sabotage?: Sabotage): GuardCluster {
  const cluster = new GuardCluster(sabotage);
  const keys = Array.from({ length: KEYS }, (_, key) => keyText(key));
  cluster.seed(keys, Buffer.from(value));
  for (let client = 0; client < connections; client++) {
    const key = (number: number): string => keys[(client * 37 + number) % KEYS] ?? '';
    const set = (number: number): Buffer =>
      Buffer.from(`set ${key(number)} 0 ${VALUE_BYTES}\r\n${value}\r\n`);
    const get = (number: number): Buffer => Buffer.from(`get ${key(number)}\r\n`);
    // The reply to a write is a line, that to a read a line and a value.
    if (work === 'write') cluster.addClient(depth, set, lineFeeds);
    else cluster.addClient(depth, get, (bytes) => lineFeeds(bytes) / 2);
  }
  // Sessions are opened, windows are full, the first heartbeats are over.
  cluster.runFor(connections * depth * 4);
  return cluster;
}

/** Work for each request. */
export interface Work {
  readonly entries: number;
  readonly leaderWrites: number;
  readonly leaderSyncs: number;
  readonly followerSyncs: number;
  /** Bytes that the leader's log grew by, for each byte of keys and values. */
  readonly leaderLogBytes: number;
  readonly messages: number;
  /** Bytes to and from peers, for each byte of keys and values. */
  readonly messageBytes: number;
  readonly replyWrites: number;
}

/** What `requests` requests of the pattern cost, each. */
export function workOf(pattern: Pattern, requests: number, sabotage?: Sabotage): Work {
  const cluster = startPattern(pattern, sabotage);
  const before = cluster.counts();
  const start = cluster.replies;
  cluster.runFor(requests);
  const after = cluster.counts();
  const done = cluster.replies - start;
  const each = (of: (counts: Counts) => number): number => (of(after) - of(before)) / done;
  return {
    entries: each(({ entries }) => entries),
    leaderWrites: each(({ leaderLog }) => leaderLog.writes),
    leaderSyncs: each(({ leaderLog }) => leaderLog.syncs),
    followerSyncs: each(({ followerLogs }) => followerLogs.syncs),
    leaderLogBytes: each(({ leaderLog }) => leaderLog.writtenBytes) / PAYLOAD_BYTES,
    messages: each(({ messages }) => messages),
    messageBytes: each(({ messageBytes }) => messageBytes) / PAYLOAD_BYTES,
    replyWrites: each(({ replyWrites }) => replyWrites),
  };
}
