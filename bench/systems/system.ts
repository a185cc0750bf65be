import { rmSync } from 'node:fs';
import type { SystemName } from '../load/job.ts';
import { LoadGenerator } from '../load/load-generator.ts';
import type { ServerProcess } from './server-process.ts';

const POLL_MS = 25;
const PATIENCE_MS = 120_000;

/** Polls until `probe` gives something. */
export async function until<T>(what: string, probe: () => Promise<T | null>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    const found = await probe();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`waited in vain until ${what}`);
}

export interface SystemSetup {
  /** For its data, made for it alone. */
  readonly folder: string;
  /** Most keys that will be written to it. */
  readonly keysMax: number;
}

/** A store under measurement: its servers, and the process that makes loads on it. */
export abstract class System {
  abstract readonly name: SystemName;
  abstract readonly servers: readonly ServerProcess[];
  /** For clients, one a server. */
  abstract readonly ports: readonly number[];
  readonly folder: string;
  readonly keysMax: number;
  #generator: LoadGenerator | null = null;

  constructor({ folder, keysMax }: SystemSetup) {
    this.folder = folder;
    this.keysMax = keysMax;
  }

  /** Which server leads, null while none is known to; a store without replication is led by its only server. */
  abstract findLeader(): Promise<number | null>;

  /** Processes of the servers that run. */
  get pids(): number[] {
    return this.servers.filter(({ isRunning }) => isRunning).map(({ pid }) => pid);
  }

  get generator(): LoadGenerator {
    this.#generator ??= new LoadGenerator(this.name, this.keysMax);
    return this.#generator;
  }

  async start(): Promise<void> {
    for (const server of this.servers) server.start();
    await this.leader();
  }

  async leader(): Promise<number> {
    try {
      return await until(`${this.name} has a leader`, async () => {
        const dead = this.servers.findIndex(({ isRunning }) => !isRunning);
        if (dead >= 0) throw new Error(`server ${dead} of ${this.name} ended`);
        const leader = await this.findLeader();
        return leader === null ? null : { leader };
      }).then(({ leader }) => leader);
    } catch (error) {
      throw new Error(
        `${(error as Error).message}\n${this.servers.map((server) => server.log()).join('\n')}`,
        {
          cause: error,
        },
      );
    }
  }

  /** Ends everything and removes the data. */
  async stop(): Promise<void> {
    await this.#generator?.stop();
    await Promise.all(this.servers.map((server) => server.kill('SIGKILL')));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
