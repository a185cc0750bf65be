import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { freePorts } from '../support/ports.ts';
import { until } from '../support/processes.ts';

/** The version of the memcached that is installed, or null. */
export function installedMemcached(): string | null {
  const { status, stdout } = spawnSync('memcached', ['-V'], { encoding: 'utf8' });
  return status === 0 ? (/\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? null) : null;
}

/** A memcached of its own, to compare with. */
export class ReferenceServer {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  static async start(): Promise<ReferenceServer> {
    const [port = 0] = await freePorts(1);
    const root = process.getuid?.() === 0 ? ['-u', 'root'] : [];
    const args = ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-t', '2', ...root];
    const child = spawn('memcached', args, { stdio: 'ignore' });
    await until('memcached listens', () => canConnect(port));
    return new ReferenceServer(port, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
