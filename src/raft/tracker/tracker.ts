import type { ConfState, MemberId } from '../types.ts';
import { members } from '../confchange/apply.ts';
import { jointCommittedIndex, jointVoteResult } from '../quorum/joint.ts';
import { Progress, type FlowLimits } from './progress.ts';

/** What a leader knows of every member but itself, and what follows from it. */
export class Tracker {
  readonly #self: MemberId;
  readonly #limits: FlowLimits;
  #peers = new Map<MemberId, Progress>();
  /** This server's own log is durable up to here, while the committed index is looked for. */
  #own = 0;

  constructor(self: MemberId, limits: FlowLimits) {
    this.#self = self;
    this.#limits = limits;
  }

  get peers(): IterableIterator<Progress> {
    return this.#peers.values();
  }

  get(member: MemberId): Progress | undefined {
    return this.#peers.get(member);
  }

  /** A new leader knows nothing of the others, not even whether they are there. */
  reset(conf: ConfState, lastIndex: number): void {
    this.#peers = new Map();
    this.follow(conf, lastIndex);
    for (const progress of this.#peers.values()) progress.recentActive = false;
  }

  /** The configuration changed: members that left are forgotten, new ones are given an election timeout to answer. */
  follow(conf: ConfState, lastIndex: number): void {
    const present = members(conf);
    for (const member of this.#peers.keys()) if (!present.has(member)) this.#peers.delete(member);
    for (const member of present) {
      if (member === this.#self || this.#peers.has(member)) continue;
      const progress = new Progress(member, lastIndex + 1, this.#limits);
      progress.recentActive = true;
      this.#peers.set(member, progress);
    }
  }

  /** The highest index that a quorum holds durably; `own` is this server's. */
  committedIndex(conf: ConfState, own: number): number {
    this.#own = own;
    return jointCommittedIndex(conf, this.#matchIndex);
  }

  readonly #matchIndex = (voter: MemberId): number =>
    voter === this.#self ? this.#own : (this.#peers.get(voter)?.matchIndex ?? 0);

  /** Whether a quorum was heard since the last call (check-quorum, thesis §6.2). */
  takeQuorumActive(conf: ConfState): boolean {
    const active = jointVoteResult(conf, (voter) =>
      voter === this.#self ? true : (this.#peers.get(voter)?.recentActive ?? false),
    );
    for (const progress of this.#peers.values()) progress.recentActive = false;
    return active === 'won';
  }
}
