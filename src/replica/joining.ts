import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { RawNode } from '../raft/raw-node.ts';
import { generationOf, serverOf, type ConfChangeStep, type MemberId } from '../raft/types.ts';
import type { Transport } from '../net/transport.ts';
import { membersOf } from './membership.ts';

const ASK_EVERY_MS = 500;
/** Entries that a learner may be behind when it becomes a voter: the rest takes it a moment. */
const BEHIND_MAX = 1_000;

export interface JoiningOptions {
  readonly node: RawNode;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly logTimeMs: () => number;
}

/**
 * How a rebuilt server becomes a member again: it asks to, the leader makes it a learner, and when it has caught up,
 * one joint change puts it in the place of its earlier life. It votes in nothing before that.
 */
export class Joining {
  readonly #options: JoiningOptions;
  /** Members that this server has a connection with. */
  readonly #met = new Set<MemberId>();
  #askedMs = -Infinity;

  constructor(options: JoiningOptions) {
    this.#options = options;
  }

  /** Why a rebuilt server does not serve yet; empty when it does. */
  get waiting(): string {
    return this.#asks() ? 'to be made a member again: the other members must have a leader' : '';
  }

  onConnected(peer: MemberId): void {
    this.#met.add(peer);
  }

  /** As the leader: a rebuilt server asks. Its data folder is tied to it in the log already. */
  onJoin(from: MemberId): void {
    const { node, logger } = this.#options;
    if (membersOf(node.confState()).includes(from)) return;
    const result = this.#change([{ type: 'add-learner', member: from }]);
    if (typeof result === 'number') logger.info({ peer: serverOf(from) }, 'a rebuilt server learns');
  }

  tick(): void {
    const { node, transport, clock } = this.#options;
    if (node.role === 'leader') return this.#promote();
    if (!this.#asks()) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#askedMs < ASK_EVERY_MS) return;
    this.#askedMs = nowMs;
    for (const member of this.#met) transport.send(member, { type: 'Join' });
  }

  #asks(): boolean {
    const { node } = this.#options;
    // The change that made it a member may have been lost with the leader that began it: then no other one knows.
    return generationOf(node.id) > 0 && !(node.hearsLeader && membersOf(node.confState()).includes(node.id));
  }

  /** Puts a learner that has caught up in the place of its server's earlier life. */
  #promote(): void {
    const { node, logger } = this.#options;
    const conf = node.confState();
    if (conf.learners.length === 0) return;
    for (const { member, isLearner, state, matchIndex, recentActive } of node.progress()) {
      if (!isLearner || generationOf(member) === 0 || state !== 'replicate' || !recentActive) continue;
      if (node.lastIndex - matchIndex > BEHIND_MAX) continue;
      const former = conf.voters.filter((voter) => serverOf(voter) === serverOf(member));
      const removals = former.map((voter) => ({ type: 'remove', member: voter }) as const);
      const result = this.#change([{ type: 'add-voter', member }, ...removals]);
      if (typeof result === 'number') logger.info({ peer: serverOf(member) }, 'a rebuilt server votes again');
      return;
    }
  }

  #change(steps: readonly ConfChangeStep[]): ReturnType<RawNode['proposeConfChange']> {
    const { node, logTimeMs } = this.#options;
    return node.proposeConfChange({ steps, context: new Uint8Array(0) }, logTimeMs());
  }
}
