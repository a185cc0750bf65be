import type { Prng } from '../base/prng.ts';
import { applyConfChange } from '../raft/confchange/apply.ts';
import type { ConfChangeStep, ConfState, MemberId } from '../raft/types.ts';
import { serverOf } from '../raft/types.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { SimServer } from './sim-server.ts';

const CHANGES_AT_ONCE = [1, 1, 1, 2, 3] as const;

/** Changes of who is a member and who leads, asked of whoever believes to lead, a deposed leader too. */
export class MembershipFaults {
  readonly #cluster: SimCluster;
  readonly #prng: Prng;

  constructor(cluster: SimCluster, prng: Prng) {
    this.#cluster = cluster;
    this.#prng = prng;
  }

  /** Proposes one to three steps in one change; what was done, or null if it could not be. */
  reconfigure(): string | null {
    const leader = this.#anyLeader();
    const node = leader?.open?.replica.node;
    if (leader === undefined || node === undefined) return null;
    const conf = node.confState();
    const steps = Array.from({ length: this.#pick(CHANGES_AT_ONCE) }, () => this.#step(conf));
    const next = applyConfChange(conf, steps);
    if (next === null || !this.#cluster.survives([next], ({ isIntact }) => !isIntact)) return null;
    let result: number | string = 'not-leader';
    leader.run(() => {
      result = node.proposeConfChange({ steps, context: new Uint8Array(0) }, node.lastStampMs);
    });
    if (typeof result !== 'number') return null;
    const told = steps.map(({ type, member }) => `${type} ${serverOf(member)}`).join(', ');
    return `at ${leader.id}: ${told}`;
  }

  /** Hands leadership to a random voter, ready for it or not. */
  transfer(): string | null {
    const leader = this.#anyLeader();
    const node = leader?.open?.replica.node;
    if (leader === undefined || node === undefined) return null;
    const to = this.#pick(node.confState().voters);
    let taken = false;
    leader.run(() => (taken = node.transferLeadership(to)));
    return taken ? `from ${leader.id} to ${serverOf(to)}` : null;
  }

  #step({ voters, learners }: ConfState): ConfChangeStep {
    // Who is being rebuilt asks to become a member once: it would not come to that if it were removed meanwhile.
    const rebuilt = this.#cluster.servers.filter(({ isRebuilt }) => isRebuilt).map(({ member }) => member);
    const known = [...voters, ...learners].filter((member) => !rebuilt.includes(member));
    const outside = this.#cluster.servers
      .filter(({ member, isIntact }) => isIntact && !known.includes(member))
      .map(({ member }) => member);
    const any = this.#pick(known);
    const joining: MemberId = outside.length > 0 ? this.#pick(outside) : any;
    switch (this.#prng.below(5)) {
      case 0:
        return { type: 'add-learner', member: joining };
      case 1:
        return { type: 'add-learner', member: any };
      case 2:
        return { type: 'remove', member: any };
      default:
        return { type: 'add-voter', member: joining };
    }
  }

  #anyLeader(): SimServer | undefined {
    const leaders = this.#cluster.servers.filter(({ leads }) => leads);
    return leaders.length === 0 ? undefined : this.#pick(leaders);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#prng.below(list.length)] as T;
  }
}
