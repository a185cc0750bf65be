import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askAdmin } from '#dist/net/admin-client.js';
import type { ServerStatus } from '#dist/server/status.js';
import { freePorts } from './ports.ts';
import { TextClient } from './text-client.ts';

const KVRAFT = join(import.meta.dirname, '..', '..', '..', 'bin', 'kvraft.js');
const POLL_MS = 20;
const PATIENCE_MS = 30_000;

export interface ServerAddress {
  readonly Id: number;
  readonly Hostname: string;
  readonly ClientPort: number;
  readonly LogPort: number;
}

/** Polls until `probe` gives something; fails with `what` after a long while. The only place that waits by time. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | null | undefined | false>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const value = await probe();
    if (value !== null && value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A cluster of real server processes in a temporary folder. */
export class ProcessCluster {
  readonly folder: string;
  readonly configFile: string;
  readonly servers: readonly ServerAddress[];
  readonly #children = new Map<number, ChildProcess>();
  /** Servers that have a configuration of their own. */
  readonly #configFiles = new Map<number, string>();
  /** What each server wrote to standard error, the end of it. */
  readonly logs = new Map<number, string>();

  private constructor(folder: string, servers: readonly ServerAddress[], extra: object) {
    this.folder = folder;
    this.servers = servers;
    this.configFile = join(folder, 'config.json');
    writeFileSync(this.configFile, JSON.stringify({ path: 'data', servers, ...extra }));
  }

  /**
   * Lays the configuration out; nothing runs yet. `extra` holds further fields of the configuration, `extraOf` those
   * of each server.
   */
  static async create(
    size: number,
    extra: object = {},
    extraOf: (id: number) => object = () => ({}),
  ): Promise<ProcessCluster> {
    const ports = await freePorts(size * 2);
    const servers = Array.from({ length: size }, (_, id) => ({
      Id: id,
      Hostname: '127.0.0.1',
      ClientPort: ports[id] ?? 0,
      LogPort: ports[size + id] ?? 0,
      ...extraOf(id),
    }));
    return new ProcessCluster(mkdtempSync(join(tmpdir(), 'kvraft-test-')), servers, extra);
  }

  /** Has each server reach the others at other ports from now on: those of proxies. */
  routePeers(portOf: (from: number, to: number) => number): void {
    const config = JSON.parse(readFileSync(this.configFile, 'utf8')) as { servers: ServerAddress[] };
    for (const from of this.ids) {
      const servers = config.servers.map((server) =>
        server.Id === from ? server : { ...server, LogPort: portOf(from, server.Id) },
      );
      const file = join(this.folder, `config-${from}.json`);
      writeFileSync(file, JSON.stringify({ ...config, servers }));
      this.#configFiles.set(from, file);
    }
  }

  get ids(): number[] {
    return this.servers.map(({ Id }) => Id);
  }

  get running(): number[] {
    return [...this.#children.keys()];
  }

  start(...ids: number[]): void {
    for (const id of ids) this.#spawn(id);
  }

  startRebuild(id: number): void {
    this.startWith(id, '--rebuild');
  }

  /** Starts a server with further arguments. */
  startWith(id: number, ...more: string[]): void {
    this.#spawn(id, ...more);
  }

  #spawn(id: number, ...more: string[]): void {
    const configFile = this.#configFiles.get(id) ?? this.configFile;
    const args = [KVRAFT, 'server', String(id), '--config', configFile, ...more];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#children.set(id, child);
    child.stderr?.on('data', (chunk: Buffer) => {
      this.logs.set(id, `${this.logs.get(id) ?? ''}${chunk.toString()}`.slice(-20_000));
    });
    child.once('exit', () => {
      if (this.#children.get(id) === child) this.#children.delete(id);
    });
  }

  startAll(): void {
    this.start(...this.ids);
  }

  /** Ends servers and waits until they are gone. Gives back their exit codes, null where a signal ended them. */
  async kill(signal: NodeJS.Signals, ...ids: number[]): Promise<(number | null)[]> {
    return Promise.all(
      ids.map(async (id) => {
        const child = this.#children.get(id);
        if (child === undefined) throw new Error(`server ${id} does not run`);
        const exit = once(child, 'exit');
        child.kill(signal);
        const [code] = (await exit) as [number | null];
        return code;
      }),
    );
  }

  /** Waits until the server has ended by itself. */
  async exitOf(id: number): Promise<number | null> {
    const child = this.#children.get(id);
    if (child === undefined) throw new Error(`server ${id} does not run`);
    return ((await once(child, 'exit')) as [number | null])[0];
  }

  signal(signal: NodeJS.Signals, id: number): void {
    this.#children.get(id)?.kill(signal);
  }

  address(id: number): ServerAddress {
    const server = this.servers.find(({ Id }) => Id === id);
    if (server === undefined) throw new Error(`no server ${id}`);
    return server;
  }

  client(id: number): Promise<TextClient> {
    return TextClient.connect(this.address(id).ClientPort);
  }

  async status(id: number): Promise<ServerStatus | null> {
    const { Hostname, LogPort } = this.address(id);
    try {
      return (await askAdmin(
        { host: Hostname, port: LogPort, timeoutMs: 2_000 },
        { ask: 'status' },
      )) as ServerStatus;
    } catch {
      return null;
    }
  }

  /** Waits until every server that was started answers. */
  async up(): Promise<void> {
    await until('all servers answer', async () => {
      const rows = await Promise.all(this.running.map((id) => this.status(id)));
      return rows.every((row) => row !== null);
    });
  }

  /** Waits until one of the running servers leads and has been heard by a majority of all; gives its id. */
  leader(): Promise<number> {
    return until('a leader is known', async () => {
      const rows = await Promise.all(this.running.map((id) => this.status(id)));
      const leader = rows.find((row) => row?.role === 'leader');
      if (leader === undefined || leader === null) return null;
      const followers = rows.filter((row) => row?.leaderId === leader.id && row.term === leader.term);
      return followers.length * 2 > this.servers.length ? { id: leader.id } : null;
    }).then(
      ({ id }) => id,
      (error: unknown) => {
        const logs = [...this.logs].map(([id, log]) => `server ${id}: …${log.slice(-600)}`);
        throw new Error([String(error), `running: ${this.running.join(', ')}`, ...logs].join('\n'));
      },
    );
  }

  /** Waits until all running servers stand at the same index, then checks that their states are equal. */
  async converged(): Promise<ServerStatus> {
    const rows = await until('all servers have applied the same', async () => {
      const all = await Promise.all(this.running.map((id) => this.status(id)));
      const first = all[0];
      const same = all.every(
        (row) =>
          row !== null && row.lastApplied === first?.lastApplied && row.commitIndex === row.lastApplied,
      );
      return same ? all : null;
    });
    const [first] = rows;
    if (first === null || first === undefined) throw new Error('no server runs');
    for (const row of rows) {
      if (row?.stateHash !== first.stateHash || row.keys !== first.keys) {
        throw new Error(`states differ: ${JSON.stringify(rows)}`);
      }
    }
    return first;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGKILL', ...this.running);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
