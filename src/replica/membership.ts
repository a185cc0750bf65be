import { KvraftError } from '../base/errors.ts';
import type { ConfState, MemberId } from '../raft/types.ts';
import { generationOf, memberId, serverOf } from '../raft/types.ts';
import { namespaces, type StateStorage } from '../store/store.ts';
import type { PeerIdentity } from '../net/transport.ts';
import type { ReplicaRecord } from './envelope.ts';

const KEY_MEMBERSHIP = `${namespaces.replica}membership`;
const KEY_CONF = `${namespaces.replica}conf`;

interface MembershipState {
  clusterId: string;
  servers: number[];
  incarnations: Record<string, string>;
}

/**
 * What the log says of the cluster itself: its id, its configuration, and which data folder (incarnation) each
 * member is. Part of the replicated state, so a snapshot carries it.
 */
export class Membership {
  readonly #storage: StateStorage;
  #state: MembershipState = { clusterId: '', servers: [], incarnations: {} };

  constructor(storage: StateStorage) {
    this.#storage = storage;
    this.load();
  }

  /** Empty until the founding record is applied. */
  get clusterId(): string {
    return this.#state.clusterId;
  }

  /** Server ids of the founding configuration; empty until it is applied. */
  get foundingServers(): readonly number[] {
    return this.#state.servers;
  }

  incarnationOf(member: MemberId): string | undefined {
    return this.#state.incarnations[String(member)];
  }

  /** Members that a data folder was tied to, those included that did not become members after all. */
  get bound(): MemberId[] {
    return Object.keys(this.#state.incarnations).map(Number);
  }

  load(): void {
    const bytes = this.#storage.get(KEY_MEMBERSHIP);
    this.#state =
      bytes === undefined
        ? { clusterId: '', servers: [], incarnations: {} }
        : (JSON.parse(Buffer.from(bytes).toString('utf8')) as MembershipState);
  }

  /** Whether the record changed anything: the first one of its kind and member counts. */
  apply(record: ReplicaRecord): boolean {
    if (record.record === 'found') {
      if (this.#state.clusterId !== '') return false;
      this.#state.clusterId = record.clusterId;
      this.#state.servers = [...record.servers];
    } else {
      if (this.incarnationOf(record.member) !== undefined) return false;
      this.#state.incarnations[String(record.member)] = record.incarnation;
    }
    this.#storage.put(KEY_MEMBERSHIP, Buffer.from(JSON.stringify(this.#state), 'utf8'));
    return true;
  }

  saveConf(conf: ConfState): void {
    this.#storage.put(KEY_CONF, encodeConf(conf));
  }

  loadConf(): ConfState | null {
    const bytes = this.#storage.get(KEY_CONF);
    return bytes === undefined ? null : decodeConf(bytes);
  }
}

export function encodeConf(conf: ConfState): Uint8Array {
  return Buffer.from(JSON.stringify(conf), 'utf8');
}

/** Throws a `PROTOCOL` error on anything but a configuration. */
export function decodeConf(bytes: Uint8Array): ConfState {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<keyof ConfState, unknown>;
    const members = (list: unknown): MemberId[] => {
      if (!Array.isArray(list) || !list.every((m) => Number.isSafeInteger(m) && (m as number) >= 0)) {
        throw new TypeError('not a list of members');
      }
      return list as MemberId[];
    };
    return {
      voters: members(value.voters),
      votersOutgoing: members(value.votersOutgoing),
      learners: members(value.learners),
      learnersNext: members(value.learnersNext),
    };
  } catch (cause) {
    throw new KvraftError('PROTOCOL', 'a configuration that cannot be read', { cause });
  }
}

/** The configuration of a cluster that is being founded: all servers of its configuration, in their first life. */
export function foundingConf(servers: readonly number[]): ConfState {
  const voters = servers.map((server) => memberId(server, 0)).sort((a, b) => a - b);
  return { voters, votersOutgoing: [], learners: [], learnersNext: [] };
}

export const membersOf = (conf: ConfState): MemberId[] => [
  ...new Set([...conf.voters, ...conf.votersOutgoing, ...conf.learners, ...conf.learnersNext]),
];

/**
 * Why not to talk with a peer that introduced itself, or null. `pinned` is the incarnation that this server saw
 * the member with first, where the log does not say yet.
 */
export function refusalOf(
  peer: PeerIdentity,
  self: PeerIdentity,
  known: { incarnation: string | undefined; conf: ConfState },
): string | null {
  const server = serverOf(peer.member);
  if (peer.clusterId !== '' && self.clusterId !== '' && peer.clusterId !== self.clusterId) {
    return (
      `server ${server} belongs to cluster ${peer.clusterId}, this one (${serverOf(self.member)}) to ${self.clusterId}: ` +
      'check Hostname, LogPort and the data folder of both, and whether one of the clusters was founded by mistake'
    );
  }
  if (server === serverOf(self.member)) {
    return `a second server runs under id ${server}: ids must be unique, and one data folder belongs to one server`;
  }
  const newer = membersOf(known.conf).find(
    (member) => serverOf(member) === server && generationOf(member) > generationOf(peer.member),
  );
  if (newer !== undefined || (known.incarnation !== undefined && known.incarnation !== peer.incarnation)) {
    return (
      `server ${server} comes with a data folder that is not the one its cluster knows: ` +
      'give it back its old data folder, or rebuild it from the others'
    );
  }
  return null;
}
