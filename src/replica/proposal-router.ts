import type { Clock } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import { Pace } from '../base/pace.ts';
import type { RawNode } from '../raft/raw-node.ts';
import { NO_MEMBER, type MemberId } from '../raft/types.ts';
import type { Forward, ForwardRefused, Transport } from '../net/transport.ts';
import { decodeEntry, encodeProposals, proposalBytes, type Proposal } from './envelope.ts';
import { Proposals, type Outgoing } from './proposals.ts';
import type { ProposeOutcome } from './replicator.ts';
import { TakenForwards } from './taken-forwards.ts';

/** How long a refused proposal waits before it is sent again. */
const RETRY_AFTER_MS = 50;
/** Election timeouts without an answer after which a forward counts as lost. */
const FORWARD_LOST_AFTER = 4;

/** The part of a core, of either engine, that orders proposals. */
export type ProposalNode = Pick<RawNode, 'id' | 'leaderId' | 'commitIndex' | 'sendCommit'> & {
  readonly role: string;
  propose(data: Uint8Array, stampMs: number): number | string;
};

export interface ProposalRouterOptions {
  readonly node: ProposalNode;
  readonly transport: Transport;
  readonly clock: Clock;
  /** Names this start of the server, so that the answers to an earlier one's proposals fit nothing. */
  readonly boot: number;
  /** Proposals are gathered into entries of at most this many bytes; a larger one gets its own. */
  readonly entryBytes: number;
  readonly logTimeMs: () => number;
}

/**
 * Brings this server's proposals to the leader, itself or another server, and takes other servers' when it leads.
 * The reply always comes from this server's own state machine, once the entry is applied here.
 */
export class ProposalRouter<Result> {
  readonly #options: ProposalRouterOptions;
  readonly #proposals = new Proposals<Result>();
  /** The proposals in each forward that may still be refused. */
  readonly #forwards = new Map<number, readonly number[]>();
  #nextForward = 1;
  #retryAtMs = 0;
  readonly #pace = new Pace();
  /** Followers that wait for an entry of theirs, up to which index: they are told of its commit at once. */
  readonly #eager = new Map<MemberId, number>();
  readonly #taken = new TakenForwards();
  #toldCommit = 0;
  /** Whether the disk takes changes; if not, proposals are refused and nothing is lost. */
  hasSpace = true;

  constructor(options: ProposalRouterOptions) {
    this.#options = options;
  }

  /** Milliseconds until what waits is to be sent, 0: now; Infinity when nothing waits. */
  sendInMs(nowMs: number): number {
    if (!this.#proposals.hasUnsent) return Infinity;
    return Math.max(this.#retryAtMs - nowMs, this.#pace.waitMs(this.#proposals.hasSent, nowMs));
  }

  add(command: Uint8Array, deadlineMs: number, done: (outcome: ProposeOutcome<Result>) => void): void {
    this.#proposals.add(command, deadlineMs, done);
  }

  /** A proposal of this server was applied. */
  applied(boot: number, id: number, result: Result): void {
    if (boot === this.#options.boot) this.#proposals.complete(id, result);
  }

  /** Sends what waits: into the own log, to the leader, or not yet when there is none or it may not propose. */
  send(mayPropose: boolean): void {
    const { node, clock } = this.#options;
    const leads = node.role === 'leader';
    if (leads ? !mayPropose && this.hasSpace : node.leaderId === NO_MEMBER) return;
    const nowMs = clock.monotonicMs();
    this.#pace.began(nowMs);
    for (const chunk of this.#chunks(this.#proposals.takeUnsent(nowMs))) {
      const data = encodeProposals(chunk);
      const ids = chunk.map(({ id }) => id);
      if (leads) this.#append(data, ids);
      else this.#forward(data, ids);
    }
  }

  /** Appends a command that nobody waits for. Returns its index, or null when it was refused. */
  appendOwn(command: Uint8Array, stampMs: number): number | null {
    const { node, boot } = this.#options;
    const index = node.propose(encodeProposals([{ origin: node.id, boot, id: 0, command }]), stampMs);
    return typeof index === 'number' ? index : null;
  }

  onForward(from: MemberId, forward: Forward, mayPropose: boolean): void {
    const { node, transport, logTimeMs } = this.#options;
    const refuse = (reason: ForwardRefused['reason']): void =>
      transport.send(from, { type: 'ForwardRefused', proposal: forward.proposal, reason });
    const boot = bootOf(forward.data);
    if (boot !== null && this.#taken.has(from, boot, forward.proposal)) return;
    if (node.role !== 'leader') return refuse('not-leader');
    if (!this.hasSpace) return refuse('no-space');
    if (!mayPropose || boot === null) return refuse('overloaded');
    const index = node.propose(forward.data, logTimeMs());
    if (typeof index !== 'number') return refuse(index === 'overloaded' ? 'overloaded' : 'not-leader');
    this.#taken.add(from, boot, forward.proposal);
    this.#eager.set(from, index);
  }

  onRefused(from: MemberId, refused: ForwardRefused): void {
    const ids = this.#forwards.get(refused.proposal);
    if (ids === undefined || from !== this.#options.node.leaderId) return;
    this.#forwards.delete(refused.proposal);
    if (refused.reason === 'no-space') this.#refuse(ids);
    else this.#retry(ids);
  }

  /** Tells followers that wait for their own proposals how far the commit index is now. */
  tellCommit(): void {
    const { node } = this.#options;
    if (this.#eager.size === 0 || node.commitIndex === this.#toldCommit) return;
    this.#toldCommit = node.commitIndex;
    for (const [member, index] of this.#eager) {
      node.sendCommit(member);
      if (index <= node.commitIndex) this.#eager.delete(member);
    }
  }

  onLeaderChange(): void {
    this.#forwards.clear();
    this.#eager.clear();
    this.#retryAtMs = 0;
    this.#proposals.returnAll();
  }

  tick(nowMs: number, electionTimeoutMs: number): void {
    this.#proposals.expire(nowMs);
    if (this.#options.node.role === 'leader') return;
    this.#proposals.returnSentBefore(nowMs - FORWARD_LOST_AFTER * electionTimeoutMs);
    if (this.#proposals.count === 0) this.#forwards.clear();
  }

  failAll(error: KvraftError): void {
    this.#proposals.failAll(error);
  }

  #append(data: Uint8Array, ids: readonly number[]): void {
    if (!this.hasSpace) return this.#refuse(ids);
    const index = this.#options.node.propose(data, this.#options.logTimeMs());
    if (typeof index !== 'number') this.#retry(ids);
  }

  #forward(data: Uint8Array, ids: readonly number[]): void {
    const proposal = this.#nextForward++;
    this.#forwards.set(proposal, ids);
    this.#options.transport.send(this.#options.node.leaderId, { type: 'Forward', proposal, data });
  }

  #retry(ids: readonly number[]): void {
    this.#retryAtMs = this.#options.clock.monotonicMs() + RETRY_AFTER_MS;
    for (const id of ids) this.#proposals.returnUnsent(id);
  }

  #refuse(ids: readonly number[]): void {
    const message = 'the leader has no disk space left: free some, nothing else is needed';
    for (const id of ids)
      this.#proposals.refuse(id, new KvraftError('NO_SPACE', message, { retryable: true }));
  }

  *#chunks(outgoing: readonly Outgoing[]): Generator<readonly Proposal[]> {
    const { node, boot, entryBytes } = this.#options;
    let chunk: Proposal[] = [];
    let bytes = 0;
    for (const { id, command } of outgoing) {
      if (chunk.length > 0 && bytes + proposalBytes(command) > entryBytes) {
        yield chunk;
        chunk = [];
        bytes = 0;
      }
      chunk.push({ origin: node.id, boot, id, command });
      bytes += proposalBytes(command);
    }
    if (chunk.length > 0) yield chunk;
  }
}

/**
 * Which start of a server made the proposals of a forward. Null if it holds none: it is appended as it came, and
 * what is not proposals would fail where it is applied, on every server.
 */
function bootOf(data: Uint8Array): number | null {
  try {
    const content = decodeEntry(data);
    return content.kind === 'proposals' ? (content.proposals[0]?.boot ?? null) : null;
  } catch {
    return null;
  }
}
