import type { Clock } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Prng } from '../base/prng.ts';
import type { Forward, ForwardRefused, Transport } from '../net/transport.ts';
import { NO_MEMBER, type MemberId, type ReadState } from '../raft/types.ts';
import type { Store } from '../store/store.ts';
import type { Wal } from '../wal/wal-types.ts';
import { Deadlines } from './deadlines.ts';
import type { Proposal } from './envelope.ts';
import type { LogTime } from './log-time.ts';
import type { ReplicaOptions } from './options.ts';
import { ProposalRouter, type ProposalNode } from './proposal-router.ts';
import { Reads } from './reads.ts';
import type { ProposeOutcome, ReadOutcome } from './replicator.ts';
import { Rounds } from './rounds.ts';
import type { StateMachine } from './state-machine.ts';

/** The part of a core, of either engine, that orders proposals and confirms reads. */
export type RequestNode = ProposalNode & {
  readIndex(
    context: number,
    asker: { readonly from: MemberId; readonly minIndex: number; readonly stampMs: number },
  ): boolean;
};

interface RequestParts<Result> {
  readonly node: RequestNode;
  readonly machine: StateMachine<Result>;
  readonly store: Store;
  readonly transport: Transport;
  readonly wal: Pick<Wal, 'segmentBytes'>;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly options: ReplicaOptions;
}

interface Surroundings {
  readonly logTime: LogTime;
  /** Whether this server leads, and takes proposals. */
  readonly mayPropose: () => boolean;
  /** Asks for a turn. */
  readonly schedule: () => void;
}

/**
 * What is wanted of a replica of either engine, from the call to the answer: proposals and reads, which go out in
 * rounds, and before them what falls due by the cluster's time.
 */
export class Requests<Result> {
  readonly #parts: RequestParts<Result>;
  readonly #around: Surroundings;
  readonly #router: ProposalRouter<Result>;
  readonly #deadlines: Deadlines;
  readonly #reads: Reads;
  readonly #rounds: Rounds;
  #stopped = false;

  constructor(parts: RequestParts<Result>, around: Surroundings) {
    const { node, transport, clock, prng, options, wal } = parts;
    const { logTime, schedule } = around;
    this.#parts = parts;
    this.#around = around;
    this.#router = new ProposalRouter({
      node,
      transport,
      clock,
      boot: prng.uint32(),
      entryBytes: Math.min(limits.appendBytesMax, wal.segmentBytes / 2),
      logTimeMs: () => logTime.nowMs(),
    });
    this.#deadlines = new Deadlines(parts, this.#router, logTime);
    this.#reads = new Reads(prng.below(2 ** 21) * 2 ** 32);
    const { tickMs } = options;
    this.#rounds = new Rounds({ router: this.#router, reads: this.#reads, clock, tickMs, schedule });
  }

  propose(command: Uint8Array, deadlineMs: number, done: (outcome: ProposeOutcome<Result>) => void): void {
    if (this.#stopped) {
      this.#parts.clock.defer(() => done({ ok: false, error: stoppedError() }));
      return;
    }
    this.#router.add(command, deadlineMs, done);
    this.#around.schedule();
  }

  read(deadlineMs: number, done: (outcome: ReadOutcome) => void): void {
    if (this.#stopped) {
      this.#parts.clock.defer(() => done({ ok: false, error: stoppedError() }));
      return;
    }
    this.#reads.add(deadlineMs, done);
    this.#around.schedule();
  }

  /** At the beginning of a turn: sends what may go now. */
  send(hasSpace: boolean): void {
    this.#router.hasSpace = hasSpace;
    const due = this.#rounds.due();
    if (due.proposals) {
      this.#deadlines.take();
      this.#router.send(this.#around.mayPropose());
    }
    if (due.reads) this.#askReads();
  }

  /** Executes the proposals of an entry, and answers those of this server. */
  apply(proposals: readonly Proposal[], stampMs: number): void {
    const { machine, node } = this.#parts;
    for (const { origin, boot, id, command } of proposals) {
      const result = machine.apply(command, stampMs);
      if (origin === node.id) this.#router.applied(boot, id, result);
    }
  }

  confirm(state: ReadState): void {
    this.#reads.confirm(state);
  }

  /** All that can be applied is: answers the reads that waited for it. */
  applied(): void {
    const { index, stampMs } = this.#parts.store.position;
    this.#reads.applied(index, stampMs);
    this.#router.tellCommit();
  }

  /** At the end of a turn. */
  next(): void {
    this.#rounds.next();
  }

  tick(nowMs: number): void {
    const { electionTimeoutMs } = this.#parts.options;
    this.#deadlines.take();
    this.#router.tick(nowMs, electionTimeoutMs);
    this.#reads.expire(nowMs);
    this.#reads.takeBackAskedBefore(nowMs - electionTimeoutMs);
  }

  /** Another server leads, or another term has begun: what was under way goes out again. */
  onLeaderChange(): void {
    this.#deadlines.reset();
    this.#router.onLeaderChange();
    this.#reads.takeBackAll();
  }

  onForward(from: MemberId, forward: Forward): void {
    this.#deadlines.take();
    this.#router.onForward(from, forward, this.#around.mayPropose());
  }

  onRefused(from: MemberId, refused: ForwardRefused): void {
    this.#router.onRefused(from, refused);
  }

  /** Asks the core for the index that reads of `from` must include. False when there is nobody to ask. */
  readIndex(context: number, from: MemberId): boolean {
    const minIndex = this.#deadlines.take();
    return this.#parts.node.readIndex(context, { from, minIndex, stampMs: this.#around.logTime.nowMs() });
  }

  /** Fails everything that waits, and takes nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#rounds.stop();
    this.#router.failAll(stoppedError());
    this.#reads.failAll(stoppedError());
  }

  #askReads(): void {
    const { node, clock } = this.#parts;
    if (node.leaderId === NO_MEMBER) return;
    const context = this.#reads.ask(clock.monotonicMs());
    if (!this.readIndex(context, node.id)) this.#reads.takeBack(context);
  }
}

const stoppedError = (): KvraftError =>
  new KvraftError('STOPPED', 'the server is stopping', { retryable: true });
