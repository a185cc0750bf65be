import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { SystemName } from '../load/job.ts';
import { freePorts } from './free-ports.ts';
import { ServerProcess } from './server-process.ts';
import { System, type SystemSetup } from './system.ts';

/** How a store that is one server is started. */
interface Recipe {
  readonly name: SystemName;
  readonly command: string;
  readonly args: (port: number, folder: string) => string[];
}

/** Every write is on the disk before it is answered; nothing else is saved. */
const redis: Recipe = {
  name: 'redis',
  command: 'redis-server',
  args: (port, folder) => [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
    ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
  ],
};

/** Memory alone, with room for all keys. */
const memcached: Recipe = {
  name: 'memcached',
  command: 'memcached',
  args: (port) => [
    '-p',
    String(port),
    '-l',
    '127.0.0.1',
    '-U',
    '0',
    '-m',
    '4096',
    '-c',
    '4096',
    '-u',
    'nobody',
  ],
};

/** What the generator costs by itself: a server that counts requests and thinks nothing of them. */
const echo: Recipe = {
  name: 'echo',
  command: process.execPath,
  args: (port) => [join(import.meta.dirname, 'echo-server.js'), String(port)],
};

class SingleServer extends System {
  readonly name: SystemName;
  readonly servers: readonly ServerProcess[];
  readonly ports: readonly number[];

  constructor(recipe: Recipe, setup: SystemSetup, port: number) {
    super(setup);
    this.name = recipe.name;
    this.ports = [port];
    mkdirSync(setup.folder, { recursive: true });
    const log = join(setup.folder, 'log');
    this.servers = [new ServerProcess(recipe.command, recipe.args(port, setup.folder), log)];
  }

  findLeader(): Promise<number | null> {
    return new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: this.ports[0] ?? 0 });
      socket.once('connect', () => {
        socket.destroy();
        resolve(0);
      });
      socket.once('error', () => resolve(null));
    });
  }
}

const maker = (recipe: Recipe) => async (setup: SystemSetup) => {
  const [port = 0] = await freePorts(1);
  return new SingleServer(recipe, setup, port);
};

export const createRedis = maker(redis);
export const createMemcached = maker(memcached);
export const createEcho = maker(echo);
