import { assert } from '../base/assert.ts';
import { createPrng } from '../base/prng.ts';
import { ClusterInvariants } from './cluster-invariants.ts';
import { describeMember } from './describe.ts';
import type { RawNode } from './raw-node.ts';
import { bytes, change, initialOf } from './test-messages.ts';
import type { LogSketch } from './test-messages.ts';
import { TestNode, testTuning } from './test-node.ts';
import type { AppliedState, Disk, Tuning, World } from './test-node.ts';
import type { ConfState, MemberId, Message, SnapshotMeta } from './types.ts';
import { NO_MEMBER } from './types.ts';

export interface ClusterOptions {
  readonly voters: readonly MemberId[];
  readonly learners?: readonly MemberId[];
  readonly seed?: number;
  readonly tuning?: Partial<Tuning>;
  /** What members start with; those not named start empty. */
  readonly logs?: Readonly<Record<number, LogSketch>>;
}

/** Delivered more often than this without rest, messages answer each other for ever. */
const SETTLE_STEPS_MAX = 100_000;

/**
 * An in-memory cluster, stepped by its test. Messages wait in `inFlight` until they are delivered; links can be
 * cut. Invariants are checked after every call of every core. The same calls with the same seed give the same
 * history, message for message.
 */
export class Cluster {
  readonly invariants = new ClusterInvariants();
  readonly tuning: Tuning;
  readonly #seed: number;
  readonly #nodes = new Map<MemberId, TestNode>();
  /** Links that lose everything, as `from>to`. */
  readonly #cuts = new Set<string>();
  /** Hash of the state after each index; a snapshot of the index carries it. */
  readonly #states = new Map<number, AppliedState>();
  #inFlight: Message[] = [];
  #contexts = 0;
  /** Whether wanted snapshots are sent by themselves. */
  autoSnapshot = true;
  /** Called for each message as it leaves; takes it out of `inFlight` when it returns true. */
  onSend: ((message: Message) => boolean) | null = null;
  onDeliver: ((message: Message) => void) | null = null;

  constructor(options: ClusterOptions) {
    this.tuning = { ...testTuning, ...options.tuning };
    this.#seed = options.seed ?? 1;
    const { voters, learners = [], logs = {} } = options;
    this.#states.set(0, { index: 0, term: 0, stampMs: 0, hash: 0 });
    for (const id of [...voters, ...learners]) this.#add(id, voters, logs[id] ?? { terms: [] }, learners);
  }

  #add(
    id: MemberId,
    voters: readonly MemberId[],
    sketch: LogSketch,
    learners: readonly MemberId[],
  ): TestNode {
    const { hardState, entries, confState } = initialOf(voters, sketch, learners);
    const applied = this.#states.get(0) as AppliedState;
    const disk: Disk = { hardState, baseIndex: 0, baseTerm: 0, entries: [...entries], applied, confState };
    const prng = createPrng(this.#seed * 1000 + id);
    const node = new TestNode(id, disk, prng, this.tuning, this.#world());
    this.#nodes.set(id, node);
    return node;
  }

  #world(): World {
    const { invariants } = this;
    return {
      observe: (raw) => invariants.observe(raw),
      restarted: (raw) => invariants.restarted(raw),
      sent: (message, disk) => {
        invariants.sent(message, disk);
        if (this.onSend === null || !this.onSend(message)) this.#inFlight.push(message);
      },
      applied: (member, entry, state) => {
        invariants.applied(member, entry);
        const known = this.#states.get(entry.index);
        assert(known === undefined || known.hash === state.hash, `states differ at ${entry.index}`);
        if (known === undefined) this.#states.set(entry.index, state);
      },
      installed: (member, snapshot) => invariants.installed(member, snapshot.index),
      stateOf: (snapshot) => {
        const state = this.#states.get(snapshot.index);
        assert(
          state !== undefined && state.term === snapshot.term,
          `no state for snapshot ${snapshot.index}`,
        );
        return state;
      },
      readConfirmed: (_member, read) => invariants.readConfirmed(read.context, read.index),
    };
  }

  get ids(): MemberId[] {
    return [...this.#nodes.keys()];
  }

  get nodes(): TestNode[] {
    return [...this.#nodes.values()];
  }

  node(id: MemberId): TestNode {
    const node = this.#nodes.get(id);
    assert(node !== undefined, `no member ${id}`);
    return node;
  }

  raw(id: MemberId): RawNode {
    return this.node(id).raw;
  }

  /** A server that is no member yet: it learns the membership from the log or a snapshot. */
  addServer(id: MemberId): TestNode {
    return this.#add(id, [], { terms: [] }, []);
  }

  call<T>(id: MemberId, action: (raw: RawNode) => T): T {
    return this.node(id).call(action);
  }

  // Network

  /** Messages that left and did not arrive yet, oldest first. */
  get inFlight(): readonly Message[] {
    return this.#inFlight;
  }

  /** Both directions between two members. */
  cut(a: MemberId, b: MemberId): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  cutOneWay(from: MemberId, to: MemberId): void {
    this.#cuts.add(`${from}>${to}`);
  }

  isolate(id: MemberId): void {
    for (const other of this.ids) if (other !== id) this.cut(id, other);
  }

  /** Members hear only those of their own group; those in no group hear nobody. */
  partition(...groups: readonly (readonly MemberId[])[]): void {
    this.heal();
    const groupOf = (id: MemberId) => groups.findIndex((group) => group.includes(id));
    for (const a of this.ids) {
      for (const b of this.ids) {
        if (a !== b && (groupOf(a) !== groupOf(b) || groupOf(a) < 0)) this.cutOneWay(a, b);
      }
    }
  }

  heal(): void {
    this.#cuts.clear();
  }

  isCut(from: MemberId, to: MemberId): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }

  /** Removes the messages that fulfil the condition and returns them. */
  drop(which: (message: Message) => boolean = () => true): Message[] {
    const dropped = this.#inFlight.filter(which);
    this.#inFlight = this.#inFlight.filter((message) => !which(message));
    for (const message of dropped) this.lose(message);
    return dropped;
  }

  /** Delivers the oldest message that fulfils the condition; false when there is none. */
  deliverOne(which: (message: Message) => boolean = () => true): boolean {
    const at = this.#inFlight.findIndex(which);
    if (at < 0) return false;
    const [message] = this.#inFlight.splice(at, 1) as [Message];
    this.deliver(message);
    return true;
  }

  /** Delivers a message now, unless its link is cut or its receiver down. */
  deliver(message: Message): void {
    const receiver = this.#nodes.get(message.to);
    if (receiver === undefined || !receiver.isUp || this.isCut(message.from, message.to)) {
      this.lose(message);
      return;
    }
    this.onDeliver?.(message);
    receiver.call((raw) => raw.step(message));
  }

  /** Who streams a snapshot learns that it failed; any other message is lost without notice. */
  lose(message: Message): void {
    const sender = this.#nodes.get(message.from);
    if (message.type !== 'InstallSnapshot' || sender === undefined || !sender.isUp) return;
    sender.call((raw) => raw.snapshotFailed(message.to));
  }

  /** Delivers messages, and those that they cause, until none that fulfils the condition is left. */
  settle(which?: (message: Message) => boolean): void {
    for (let step = 0; step < SETTLE_STEPS_MAX; step++) {
      if (this.autoSnapshot) for (const node of this.nodes) this.sendSnapshots(node);
      if (!this.deliverOne(which)) return;
    }
    assert(false, 'messages never come to rest');
  }

  /** Starts to stream a snapshot to every follower that the node's core wants one for. */
  sendSnapshots(node: TestNode): void {
    for (const to of node.snapshotsWanted.splice(0)) {
      if (!node.isUp || node.raw.role !== 'leader' || node.state.index < node.raw.firstIndex - 1) continue;
      const snapshot = node.snapshot();
      node.call((raw) => raw.snapshotStarted(to, snapshot.index));
      this.sendSnapshot(node, to, snapshot);
    }
  }

  sendSnapshot(node: TestNode, to: MemberId, snapshot: SnapshotMeta): void {
    const message: Message = { type: 'InstallSnapshot', from: node.id, to, term: node.raw.term, snapshot };
    if (this.onSend === null || !this.onSend(message)) this.#inFlight.push(message);
  }

  // Time and clients

  tick(id: MemberId, times = 1): void {
    for (let i = 0; i < times; i++) this.call(id, (raw) => raw.tick());
  }

  /** Ticks all running members, and lets messages come to rest after each tick. */
  tickAll(times = 1): void {
    for (let i = 0; i < times; i++) {
      for (const node of this.nodes) if (node.isUp) node.call((raw) => raw.tick());
      this.settle();
    }
  }

  /** Ticks all until something holds; throws after `ticksMax`. Returns the number of ticks. */
  tickUntil(what: string, holds: () => boolean, ticksMax = 20 * this.tuning.electionTicks): number {
    for (let ticks = 0; ticks <= ticksMax; ticks++) {
      if (holds()) return ticks;
      this.tickAll();
    }
    assert(false, `${what} did not come about in ${ticksMax} ticks`);
  }

  /** Has a member campaign and all messages delivered; it must win. */
  elect(id: MemberId): void {
    this.call(id, (raw) => raw.campaign());
    this.settle();
    assert(
      this.raw(id).role === 'leader',
      `member ${describeMember(id)} is ${this.raw(id).role}, not leader`,
    );
  }

  /** The running leader of the highest term. */
  leader(): TestNode | null {
    const leaders = this.nodes.filter((node) => node.isUp && node.raw.role === 'leader');
    leaders.sort((a, b) => b.raw.term - a.raw.term);
    return leaders[0] ?? null;
  }

  /** Proposes, which must not be refused, and returns the index. */
  propose(id: MemberId, text: string, stampMs = 0): number {
    const result = this.call(id, (raw) => raw.propose(bytes(text), stampMs));
    assert(typeof result === 'number', `proposal refused: ${result}`);
    return result;
  }

  /** Asks a member for a read and returns the context, which is new each time. */
  read(id: MemberId): number {
    const context = ++this.#contexts;
    this.invariants.readAsked(context);
    this.call(id, (raw) => raw.readIndex(context));
    return context;
  }

  changeMembers(id: MemberId, ...steps: readonly string[]): number {
    const result = this.call(id, (raw) => raw.proposeConfChange(change(...steps), 0));
    assert(typeof result === 'number', `change of the membership refused: ${result}`);
    return result;
  }

  isConfirmed(id: MemberId, context: number): boolean {
    return this.node(id).reads.some((read) => read.context === context);
  }

  // Servers

  crash(id: MemberId, writesSurviving = 0): void {
    this.node(id).crash(writesSurviving);
  }

  restart(id: MemberId): void {
    this.node(id).start();
  }

  /** Whether all running members of the leader's configuration have the same log, committed and applied. */
  isConverged(): boolean {
    const leader = this.leader()?.raw;
    if (leader === undefined || leader.commitIndex !== leader.lastIndex) return false;
    const { voters, votersOutgoing, learners }: ConfState = leader.confState();
    if (votersOutgoing.length > 0 || !voters.includes(leader.id)) return false;
    return [...voters, ...learners].every((id) => {
      const node = this.#nodes.get(id);
      if (node === undefined || !node.isUp) return true;
      const { leaderId, lastIndex, commitIndex, appliedIndex } = node.raw;
      return (
        leaderId !== NO_MEMBER && [lastIndex, commitIndex, appliedIndex].every((i) => i === leader.lastIndex)
      );
    });
  }

  /** The checks that cost the length of the logs. */
  checkLogs(): void {
    for (const node of this.nodes) if (node.isUp) this.invariants.checkWhole(node.raw);
  }
}
