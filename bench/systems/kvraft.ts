import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askAdmin } from '#dist/net/admin-client.js';
import type { ServerStatus } from '#dist/server/status.js';
import { freePorts } from './free-ports.ts';
import { ServerProcess } from './server-process.ts';
import { System, type SystemSetup } from './system.ts';

const KVRAFT = join(import.meta.dirname, '..', '..', '..', 'bin', 'kvraft.js');
const SERVERS = 3;
const STATUS_TIMEOUT_MS = 2_000;

/** Three servers of this checkout, with the defaults of a configuration. */
export class Kvraft extends System {
  readonly name = 'kvraft';
  readonly servers: readonly ServerProcess[];
  readonly ports: readonly number[];
  readonly #logPorts: readonly number[];

  private constructor(setup: SystemSetup, ports: readonly number[]) {
    super(setup);
    const { folder } = setup;
    mkdirSync(folder, { recursive: true });
    this.ports = ports.slice(0, SERVERS);
    this.#logPorts = ports.slice(SERVERS);
    const servers = this.ports.map((ClientPort, Id) => {
      return { Id, Hostname: '127.0.0.1', ClientPort, LogPort: this.#logPorts[Id] };
    });
    const config = join(folder, 'config.json');
    writeFileSync(config, JSON.stringify({ path: 'data', servers }));
    this.servers = servers.map(({ Id }) => {
      const args = ['server', String(Id), '--config', config];
      return new ServerProcess(KVRAFT, args, join(folder, `log-${Id}`));
    });
  }

  static async create(setup: SystemSetup): Promise<Kvraft> {
    return new Kvraft(setup, await freePorts(SERVERS * 2));
  }

  async findLeader(): Promise<number | null> {
    const rows = await Promise.all(this.#logPorts.map((port) => status(port)));
    const leader = rows.findIndex((row) => row?.role === 'leader');
    const isWhole = rows.every(
      (row) => row !== null && row.term === rows[leader]?.term && row.leaderId === leader,
    );
    return isWhole ? leader : null;
  }
}

async function status(port: number): Promise<ServerStatus | null> {
  const address = { host: '127.0.0.1', port, timeoutMs: STATUS_TIMEOUT_MS };
  try {
    return (await askAdmin(address, { ask: 'status' })) as ServerStatus | null;
  } catch {
    return null;
  }
}
