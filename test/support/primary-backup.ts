import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askAdmin } from '#dist/net/admin-client.js';
import type { MonitorStatus } from '#dist/server/status.js';
import { Command } from './command.ts';
import { freePorts } from './ports.ts';
import { ProcessCluster, until } from './processes.ts';

interface MonitorAddress {
  readonly Id: number;
  readonly Hostname: string;
  readonly Port: number;
}

/** Real processes of the engine primary-backup: servers, and the monitors of their view service. */
export class PrimaryBackupCluster {
  readonly servers: ProcessCluster;
  readonly monitors: readonly MonitorAddress[];
  readonly #running = new Map<number, Command>();

  private constructor(servers: ProcessCluster, monitors: readonly MonitorAddress[]) {
    this.servers = servers;
    this.monitors = monitors;
  }

  /** Lays the configuration out; nothing runs yet. */
  static async create(
    servers: number,
    monitors: number,
    extraOf?: (server: number) => object,
  ): Promise<PrimaryBackupCluster> {
    const ports = await freePorts(monitors);
    const addresses = ports.map((Port, Id) => ({ Id, Hostname: '127.0.0.1', Port }));
    // Patient, so that no view changes because this machine is busy: that a process is gone is seen at once all the same.
    const extra = { engine: 'primary-backup', monitors: addresses, pingIntervalMs: 50, deadPings: 40 };
    return new PrimaryBackupCluster(await ProcessCluster.create(servers, extra, extraOf), addresses);
  }

  /** Starts everything, and waits until there are two copies. */
  async startAll(): Promise<void> {
    this.startMonitors(...this.monitors.map(({ Id }) => Id));
    this.servers.startAll();
    await this.inSync();
  }

  startMonitors(...ids: readonly number[]): void {
    for (const id of ids) this.startMonitor(id);
  }

  /** Starts a monitor with further arguments. */
  startMonitor(id: number, ...more: readonly string[]): Command {
    const command = new Command('monitor', String(id), '--config', this.servers.configFile, ...more);
    this.#running.set(id, command);
    return command;
  }

  /** What the monitor has told since its start. */
  logOf(id: number): string {
    return this.#running.get(id)?.stderr ?? '';
  }

  async killMonitors(...ids: readonly number[]): Promise<void> {
    await Promise.all(
      ids.map(async (id) => {
        const command = this.#running.get(id);
        this.#running.delete(id);
        command?.process.kill('SIGKILL');
        await command?.ended();
      }),
    );
  }

  /** Has one server reach the monitors at another port from now on: that of a proxy. Gives its configuration file. */
  configThrough(port: number): string {
    const config = JSON.parse(readFileSync(this.servers.configFile, 'utf8')) as {
      monitors: MonitorAddress[];
    };
    const monitors = config.monitors.map((monitor) => ({ ...monitor, Port: port }));
    const file = join(this.servers.folder, `config-through-${port}.json`);
    writeFileSync(file, JSON.stringify({ ...config, monitors }));
    return file;
  }

  async monitorStatus(id: number): Promise<MonitorStatus | null> {
    const { Hostname, Port } = this.monitors[id] as MonitorAddress;
    try {
      const address = { host: Hostname, port: Port, timeoutMs: 2_000 };
      return (await askAdmin(address, { ask: 'status' })) as MonitorStatus | null;
    } catch {
      return null;
    }
  }

  /** What the leading monitor says. */
  async service(): Promise<MonitorStatus | null> {
    const rows = await Promise.all(this.monitors.map(({ Id }) => this.monitorStatus(Id)));
    return rows.find((row) => row?.role === 'leader') ?? null;
  }

  /** Waits until the view service says that there are two copies; gives the view. */
  inSync(more: (status: MonitorStatus) => boolean = () => true): Promise<MonitorStatus> {
    return until('primary and backup are in sync', async () => {
      const status = await this.service();
      return status?.inSync === true && more(status) ? status : null;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killMonitors(...this.#running.keys());
    await this.servers[Symbol.asyncDispose]();
  }
}
