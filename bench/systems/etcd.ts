import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from './free-ports.ts';
import { ServerProcess } from './server-process.ts';
import { System, type SystemSetup } from './system.ts';

const SERVERS = 3;
/** More than the default of 2 GiB, which a long run would fill; it changes nothing else. */
const QUOTA_BYTES = 8 * 2 ** 30;

interface EtcdStatus {
  readonly leader?: string;
  readonly header: { readonly member_id: string };
}

/** Three servers of etcd with its default settings. */
export class Etcd extends System {
  readonly name = 'etcd';
  readonly servers: readonly ServerProcess[];
  readonly ports: readonly number[];

  private constructor(setup: SystemSetup, ports: readonly number[]) {
    super(setup);
    const { folder } = setup;
    mkdirSync(folder, { recursive: true });
    this.ports = ports.slice(0, SERVERS);
    const peers = ports.slice(SERVERS).map((port) => `http://127.0.0.1:${port}`);
    const cluster = peers.map((peer, id) => `e${id}=${peer}`).join(',');
    this.servers = peers.map((peer, id) => {
      const client = `http://127.0.0.1:${this.ports[id]}`;
      const args = [
        ...['--name', `e${id}`, '--data-dir', join(folder, `data-${id}`), '--log-level', 'error'],
        ...['--listen-client-urls', client, '--advertise-client-urls', client],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ...['--initial-cluster', cluster, '--initial-cluster-state', 'new'],
        ...['--quota-backend-bytes', String(QUOTA_BYTES)],
      ];
      return new ServerProcess('etcd', args, join(folder, `log-${id}`));
    });
  }

  static async create(setup: SystemSetup): Promise<Etcd> {
    return new Etcd(setup, await freePorts(SERVERS * 2));
  }

  async findLeader(): Promise<number | null> {
    const rows = await Promise.all(this.ports.map((port) => status(port)));
    const leader = rows.findIndex((row) => row?.leader !== undefined && row.leader === row.header.member_id);
    const isWhole = leader >= 0 && rows.every((row) => row?.leader === rows[leader]?.leader);
    return isWhole ? leader : null;
  }
}

async function status(port: number): Promise<EtcdStatus | null> {
  try {
    const url = `http://127.0.0.1:${port}/v3/maintenance/status`;
    const response = await fetch(url, { method: 'POST', body: '{}', signal: AbortSignal.timeout(2_000) });
    return response.ok ? ((await response.json()) as EtcdStatus) : null;
  } catch {
    return null;
  }
}
