import type { Prng } from '../base/prng.ts';
import { namespaces } from '../store/store.ts';
import { readLog } from '../wal/recovery.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { SimServer } from './sim-server.ts';
import type { WorldOptions } from './world-options.ts';

/** Where the replica keeps what the log says of the members. */
const MEMBERSHIP_KEY = `${namespaces.replica}membership`;
const LOG_FOLDER = 'data/log';

/** Takes what servers hold durably, from so few that every majority still has everything. */
export class DataLoss {
  readonly #cluster: SimCluster;
  readonly #prng: Prng;
  readonly #world: WorldOptions;

  constructor(cluster: SimCluster, prng: Prng, world: WorldOptions) {
    this.#cluster = cluster;
    this.#prng = prng;
    this.#world = world;
  }

  /** Empties the data folder of a server; it comes back with it, and is rebuilt some time later. */
  wipe(server: SimServer): string | null {
    if (!this.#mayTake(server) || !this.#isKnown(server) || this.#mayFound(server)) return null;
    server.wipe();
    this.#cluster.startAfter(server, this.#delayMs());
    this.#cluster.rebuildAfter(server, this.#delayMs() * 3);
    return `of ${server.id}`;
  }

  /** Changes a bit or more of a byte that the server's log surely had durable, while it runs or after killing it. */
  damage(server: SimServer): string | null {
    if (!this.#mayTake(server) || !this.#isFounded(server)) return null;
    if (this.#prng.chance(0.7)) {
      server.crash();
      server.disk.writeBack();
    }
    const place = this.#placeToDamage(server);
    if (place !== null) {
      server.isDamaged = true;
      const mask = 1 + this.#prng.below(255);
      server.disk.damage(place.path, place.offset, (byte) => byte ^ mask);
    }
    this.#cluster.startAfter(server, this.#delayMs());
    return place === null ? null : `of ${server.id}: ${place.path} at ${place.offset}`;
  }

  #delayMs(): number {
    return this.#prng.float() * this.#world.faultLengthMsMax;
  }

  /** Whether the cluster can do without the server, too, whatever configuration it comes to. */
  #mayTake(server: SimServer): boolean {
    if (!server.isIntact) return false;
    return this.#cluster.survives(this.#cluster.confs(), (each) => each === server || !each.isIntact);
  }

  /**
   * Whether the server and those that are empty now could found a second cluster: where new servers do not wait for all,
   * and the others, removed ones among them, are not heard of for as long as they wait.
   */
  #mayFound(server: SimServer): boolean {
    const { servers } = this.#cluster;
    const empty = servers.filter((each) => each.isWiped || each === server);
    return this.#world.replica.foundingWaitMs !== Infinity && empty.length * 2 > servers.length;
  }

  /** Whether another server knows a cluster that the server can be rebuilt from: before that all new ones may have to meet. */
  #isFounded(server: SimServer): boolean {
    const others = this.#cluster.servers.filter((other) => other !== server && other.isIntact);
    return others.some(({ open }) => (open?.replica.status().clusterId ?? '') !== '');
  }

  /** Whether all others have applied the record that ties the server to its data folder. */
  #isKnown(server: SimServer): boolean {
    const others = this.#cluster.servers.filter((other) => other !== server && other.isIntact);
    return others.every((other) => knowsFolderOf(other, server));
  }

  #placeToDamage({ disk }: SimServer): { path: string; offset: number } | null {
    if (!disk.image().has(`${LOG_FOLDER}/hard-state`)) return null;
    // Power may yet take back what says how far the log was durable: then the damage looks like a torn tail.
    if (disk.unsyncedSectors().some(({ path }) => path.startsWith(LOG_FOLDER))) return null;
    const { segments, knownDurable } = readLog(disk.peek(), LOG_FOLDER);
    const whole = segments.filter(({ header }) => header.sequence <= knownDurable.segment);
    const segment = whole[this.#prng.below(Math.max(1, whole.length))];
    if (segment === undefined) return null;
    const end = segment.header.sequence === knownDurable.segment ? knownDurable.offset : segment.end;
    return { path: segment.path, offset: this.#prng.below(end) };
  }
}

/** Whether the server runs and has applied the record that ties the other one to its data folder. */
export function knowsFolderOf({ open }: SimServer, { member }: SimServer): boolean {
  const bytes = open?.store.get(MEMBERSHIP_KEY);
  return bytes !== undefined && Buffer.from(bytes).includes(`"${member}":`);
}
