import { KvraftError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Prng } from '../base/prng.ts';
import { generationOf, type MemberId } from '../raft/types.ts';
import type { PeerIdentity } from '../net/transport.ts';
import type { ReplicaRecord } from './envelope.ts';
import { randomHex, type Identity } from './identity.ts';
import type { Membership } from './membership.ts';

/**
 * How servers with empty folders become a cluster: the first leader writes the cluster's id, then ties each member
 * to the data folder that it was first seen with. Until a member is tied in the log, every server that met it has
 * pinned its folder durably, so that a folder that was emptied in between is recognised.
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

  constructor(membership: Membership, identity: Identity, logger: Logger) {
    this.#membership = membership;
    this.#identity = identity;
    this.#logger = logger;
    this.#unbound.set(identity.member, identity.incarnation);
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
      this.#logger.info({ clusterId }, 'founding the cluster');
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
