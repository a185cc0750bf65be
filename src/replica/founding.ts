import type { Clock } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Prng } from '../base/prng.ts';
import { generationOf, memberId, serverOf, type MemberId } from '../raft/types.ts';
import type { PeerIdentity } from '../net/transport.ts';
import type { ReplicaRecord } from './envelope.ts';
import { randomHex, type Identity } from './identity.ts';
import type { Membership } from './membership.ts';
import type { ReplicaOptions } from './options.ts';

export interface FoundingOptions {
  readonly membership: Membership;
  readonly identity: Identity;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly options: Pick<ReplicaOptions, 'foundingWaitMs'>;
}

/** Entries of a cluster that takes this server for a member come sooner. */
const REMIND_AFTER_MS = 5_000;

/**
 * How servers with empty folders become a cluster: the first leader writes the cluster's id, then ties each member
 * to the data folder that it was first seen with. Until a member is tied in the log, every server that met it has
 * pinned its folder durably, so that a folder that was emptied in between is recognised.
 *
 * Servers that lost their folders look like new ones. So that they do not found a second cluster beside the one that
 * stands, a founding election waits until all servers of the configuration have met with empty folders, or, where the
 * configuration lets a majority do, for a while; whoever hears of a cluster meanwhile takes no part in it for good.
 */
export class Founding {
  readonly #membership: Membership;
  readonly #identity: Identity;
  readonly #logger: Logger;
  /** Members that were met and that the log does not tie yet. */
  readonly #unbound = new Map<MemberId, string>();
  /** Written by this server in this term: not again. */
  #written = new Set<MemberId>();
  #foundWritten = false;
  #term = 0;
  /** Servers of the configuration that this one has no connection with yet. */
  readonly #missing: Set<MemberId>;
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #waitMs: number;
  #saysWhom = true;
  #reminds = true;

  constructor({ membership, identity, logger, clock, options }: FoundingOptions) {
    this.#membership = membership;
    this.#identity = identity;
    this.#logger = logger;
    this.#unbound.set(identity.member, identity.incarnation);
    this.#missing = new Set(identity.foundingServers.map((server) => memberId(server, 0)));
    this.#missing.delete(identity.member);
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
    this.#waitMs = options.foundingWaitMs;
  }

  /** Whether this server takes part in the election of a candidate: one without a log would found a cluster. */
  mayElect(lastLogIndex: number): boolean {
    return lastLogIndex > 0 || this.#mayBegin();
  }

  /** What a server that holds nothing waits for; empty when it may begin. */
  get waiting(): string {
    if (this.#identity.clusterId !== '') return '';
    const { heardOf } = this.#identity;
    if (heardOf !== '') return `the entries of cluster ${heardOf}, or to be rebuilt with --rebuild`;
    return this.#missing.size === 0 ? '' : `a new cluster: not met yet: ${this.#missingServers}`;
  }

  get #missingServers(): string {
    const servers = [...this.#missing].map(serverOf);
    return `${servers.length === 1 ? 'server' : 'servers'} ${servers.join(', ')}`;
  }

  #mayBegin(): boolean {
    if (this.#identity.clusterId !== '') return true;
    if (this.#identity.heardOf !== '') {
      this.#remind();
      return false;
    }
    if (this.#missing.size === 0 || this.#passed(this.#waitMs)) return true;
    if (this.#saysWhom) {
      this.#saysWhom = false;
      const until = Number.isFinite(this.#waitMs)
        ? `for at most ${this.#waitMs / 1_000} s`
        : 'until all have met';
      this.#logger.info({}, `no cluster yet: waiting for ${this.#missingServers}, ${until}`);
    }
    return false;
  }

  #passed(ms: number): boolean {
    return this.#clock.monotonicMs() - this.#startMs >= ms;
  }

  /** Tells an operator what to do when nothing came of the cluster that was heard of. */
  #remind(): void {
    if (!this.#reminds || !this.#passed(REMIND_AFTER_MS)) return;
    this.#reminds = false;
    this.#logger.warn(
      { clusterId: this.#identity.heardOf },
      'this server holds nothing and founds no cluster, as it has heard of one: if it belongs to that one, start its other ' +
        'servers, or rebuild this one with --rebuild; else remove its data folder and mend the addresses',
    );
  }

  /** A server of the configuration says who it is. Its cluster is remembered by one that holds nothing of any. */
  hear({ member, clusterId }: PeerIdentity): void {
    const identity = this.#identity;
    if (clusterId === '' || this.#membership.clusterId !== '' || identity.clusterId !== '') return;
    const server = serverOf(member);
    if (server === serverOf(identity.member) || !identity.foundingServers.includes(server)) return;
    if (identity.heardOf !== '') return;
    identity.hearOf(clusterId);
    this.#logger.info({ peer: server, clusterId }, 'a cluster stands: this server founds none');
  }

  /** A connection stands, which both ends agreed to. */
  onConnected(peer: MemberId): void {
    this.#missing.delete(peer);
  }

  /** A peer was admitted. */
  meet(peer: PeerIdentity): void {
    if (this.#membership.incarnationOf(peer.member) !== undefined) return;
    if (this.#identity.pinOf(peer.member) === undefined) this.#identity.pin(peer.member, peer.incarnation);
    this.#unbound.set(peer.member, peer.incarnation);
  }

  /** What the leader of `term` should append now; each record once a term. */
  records(term: number, prng: Prng): ReplicaRecord[] {
    if (term !== this.#term) {
      this.#term = term;
      this.#written = new Set();
      this.#foundWritten = false;
    }
    if (this.#membership.clusterId === '') {
      if (this.#foundWritten) return [];
      this.#foundWritten = true;
      const clusterId = randomHex(prng, 4);
      if (this.#missing.size === 0) this.#logger.info({ clusterId }, 'founding the cluster');
      else {
        this.#logger.warn(
          { clusterId },
          `founding a new cluster without ${this.#missingServers}: if an older one has data there, ` +
            'stop this server and see docs/lost-folders.md',
        );
      }
      return [{ record: 'found', clusterId, servers: this.#identity.foundingServers }];
    }
    const records: ReplicaRecord[] = [];
    for (const [member, incarnation] of this.#unbound) {
      if (this.#membership.incarnationOf(member) !== undefined) {
        this.#unbound.delete(member);
      } else if (!this.#written.has(member)) {
        this.#written.add(member);
        records.push({ record: 'bind', member, incarnation });
      }
    }
    return records;
  }

  /** What the log says must fit this server's own folder and configuration; throws when it does not. */
  check(): void {
    const { member, incarnation, foundingServers, clusterId } = this.#identity;
    const known = this.#membership.incarnationOf(member);
    if (known !== undefined && known !== incarnation) {
      throw new KvraftError(
        'WRONG_INCARNATION',
        'the cluster knows this server with another data folder: give it back, or rebuild this one from the others',
      );
    }
    if (this.#membership.clusterId === '') return;
    if (clusterId !== '' && clusterId !== this.#membership.clusterId) {
      throw new KvraftError(
        'WRONG_CLUSTER',
        `this data folder belongs to cluster ${clusterId}, not this one`,
      );
    }
    const founders = this.#membership.foundingServers;
    const isFounder = clusterId === '' && generationOf(member) === 0;
    if (isFounder && founders.join() !== foundingServers.join()) {
      throw new KvraftError(
        'INVALID_CONFIG',
        `the cluster was founded with servers ${founders.join(', ')}, this configuration names ` +
          `${foundingServers.join(', ')}: give every server the same list`,
      );
    }
  }
}
