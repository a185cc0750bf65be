import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Command } from 'commander';
import { listenerName } from '../server/config-listeners.ts';
import { readConfig, type ClusterConfig, type ServerConfig } from '../server/config.ts';
import type { TextDialectName } from '../wire/text-dialects.ts';
import { exitCodes } from './exit-codes.ts';
import { NODE_FLAGS, serverEnvironment } from './node-flags.ts';
import { configOption, dialectOption, logLevelOption } from './options.ts';
import { askStatus, type StatusRow } from './status-command.ts';

const POLL_MS = 100;
/** After this long without a leader the user is told what is known, and the wait goes on. */
const PATIENCE_MS = 10_000;
const KVRAFT = join(import.meta.dirname, '..', '..', 'bin', 'kvraft.js');

export function registerCluster(program: Command): void {
  program
    .command('cluster')
    .description('run every server of the configuration on this machine, each as a process of its own')
    .addOption(configOption())
    .addOption(dialectOption())
    .addOption(logLevelOption('warn'))
    .action(async (options: ClusterOptions) => {
      const config = readConfig(options.config, { dialect: options.dialect });
      process.exitCode = await new Cluster(config, options).run();
    });
}

interface ClusterOptions {
  readonly config: string;
  readonly dialect?: TextDialectName;
  readonly logLevel: string;
}

/** The processes of a cluster, from their start until the last one is gone. */
class Cluster {
  readonly #config: ClusterConfig;
  /** By what runs there: `server 0`, `monitor 1`. */
  readonly #children = new Map<string, ChildProcess>();
  #stopping = false;
  #started = false;
  #exitCode: number = exitCodes.done;

  constructor(config: ClusterConfig, { config: file, dialect, logLevel }: ClusterOptions) {
    this.#config = config;
    const names = [
      ...config.monitors.map(({ id }) => ['monitor', String(id)]),
      ...config.servers.map(({ id }) => ['server', String(id)]),
    ];
    for (const name of names) {
      const args = [...NODE_FLAGS, KVRAFT, ...name, '--config', file, '--log-level', logLevel];
      if (dialect !== undefined && name[0] === 'server') args.push('--dialect', dialect);
      // Servers get a process group of their own: Ctrl-C reaches only this process, which then stops them in order.
      // The channel tells them when this process is gone without a word: then they stop, too.
      const child = spawn(process.execPath, args, {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        detached: true,
        env: serverEnvironment(),
      });
      this.#children.set(name.join(' '), child);
    }
  }

  /** Resolves with the exit code when all servers are gone. */
  async run(): Promise<number> {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => this.#stop());
    const gone = Promise.all([...this.#children].map(([name, child]) => this.#watch(name, child)));
    void this.#announce();
    await gone;
    return this.#exitCode;
  }

  #watch(name: string, child: ChildProcess): Promise<void> {
    return new Promise((resolve) => {
      const ended = (how: string, code: number): void => {
        if (!this.#children.delete(name)) return;
        if (!this.#stopping) {
          console.error(`${name} ended (${how})`);
          if (!this.#started) {
            this.#exitCode = code;
            this.#stop();
          }
        }
        resolve();
      };
      child.on('error', (error) => ended(error.message, exitCodes.failed));
      child.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`, code ?? exitCodes.failed));
    });
  }

  async #announce(): Promise<void> {
    const began = performance.now();
    let patient = true;
    while (!this.#stopping) {
      const rows = await askStatus(this.#config.servers);
      const leader = rows.find((row) => row.up && row.leaderId === row.id);
      const allUp = rows.every(({ up }) => up);
      if (leader !== undefined && (allUp || !patient)) {
        this.#started = true;
        return console.log(this.#greeting(rows, leader.id));
      }
      if (patient && performance.now() - began > PATIENCE_MS) {
        patient = false;
        console.error('still waiting for a leader: do the servers reach one another?');
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  #greeting(rows: readonly StatusRow[], leaderId: number): string {
    const lines = this.#config.servers.map((server) => {
      const up = rows.some((row) => row.id === server.id && row.up);
      const role = rows.find((row) => row.id === server.id && row.up) as { role?: string } | undefined;
      const note = !up ? '  (does not answer)' : server.id === leaderId ? `  (${role?.role})` : '';
      return `  server ${server.id}  ${address(server)}${note}${furtherListeners(server)}`;
    });
    const [first] = this.#config.servers;
    return [
      `kvraft runs ${this.#config.servers.length} servers, data in ${this.#config.path}; server ${leaderId} leads.`,
      ...lines,
      '',
      'Any of them answers. Try:',
      `  printf 'set greeting 0 5\\r\\nhello\\r\\nget greeting\\r\\n' | nc -q 1 ${first?.hostname} ${first?.clientPort}`,
      '  npx kvraft status',
      'Ctrl-C stops them all.',
    ].join('\n');
  }

  /** The first call asks the servers to stop, the second does not ask. */
  #stop(): void {
    const signal = this.#stopping ? 'SIGKILL' : 'SIGTERM';
    this.#stopping = true;
    for (const child of this.#children.values()) child.kill(signal);
  }
}

const address = ({ hostname, clientPort }: ServerConfig): string => `${hostname}:${clientPort}`;

const furtherListeners = ({ listeners }: ServerConfig): string =>
  listeners
    .slice(1)
    .map((listener) => `  ${listenerName(listener)}:${listener.port}`)
    .join('');
