import { assert } from '../base/assert.ts';
import { createPrng } from '../base/prng.ts';
import type { Prng } from '../base/prng.ts';
import { drawActions } from './chaos-actions.ts';
import { Cluster } from './cluster-harness.ts';
import { describeMessage, describeNode } from './describe.ts';
import { EventQueue } from './event-queue.ts';
import type { TestNode, Tuning } from './test-node.ts';
import type { MemberId, Message } from './types.ts';

/** Time units of one tick; delays of network and disk are drawn in units. */
export const TICK = 10;

/** How bad a run is; drawn from its seed. */
export interface Weather {
  readonly dropChance: number;
  readonly duplicateChance: number;
  /** A few messages are late by this much. */
  readonly lateChance: number;
  readonly lateUnitsMax: number;
  readonly delayUnitsMax: number;
  readonly diskUnitsMax: number;
  readonly applyUnitsMax: number;
  /** Mean time between two actions of clients, operators and faults. */
  readonly actionUnits: number;
}

/** What happened in a run; tests demand that over all seeds everything did. */
export interface ChaosReport {
  readonly counts: Map<string, number>;
  /** Hash of all messages delivered and states reached: two runs of a seed give the same. */
  traceHash: number;
  committed: number;
  /** Ticks that the healed cluster needed until its last leader was elected, and until all agreed. */
  electionTicks: number;
  healTicks: number;
}

export interface ChaosOptions {
  /** How long the faults go on. */
  readonly ticks?: number;
  /** Gets one line for every event, to read a failing seed. */
  readonly trace?: (line: string) => void;
}

const CHAOS_TICKS = 600;
/** In election timeouts: how long a healed cluster may take to elect its leader. */
const ELECTION_TIMEOUTS_MAX = 12;
/** The same to bring up all members, through the small windows that some runs have, and agree. */
const HEAL_TIMEOUTS_MAX = 40;

/** A cluster under random faults, driven by one seed. */
export class Chaos {
  readonly prng: Prng;
  readonly cluster: Cluster;
  readonly report: ChaosReport = {
    counts: new Map(),
    traceHash: 0,
    committed: 0,
    electionTicks: 0,
    healTicks: 0,
  };
  weather: Weather;
  /** No more faults, clients or operators: the cluster is left to recover. */
  isHealed = false;
  readonly #queue = new EventQueue();
  readonly #options: ChaosOptions;
  readonly #drawAction: () => (chaos: Chaos) => void;
  /** Lives of each member, so that what a crashed one had scheduled comes to nothing. */
  readonly #lives = new Map<MemberId, number>();
  readonly #diskBusy = new Set<MemberId>();
  readonly #applyBusy = new Set<MemberId>();
  #electedAt = 0;
  /** Skew of each member's clock, for the stamps it gives. */
  readonly #skews = new Map<MemberId, number>();

  constructor(seed: number, options: ChaosOptions = {}) {
    this.prng = createPrng(seed);
    this.#options = options;
    this.weather = drawWeather(this.prng);
    this.#drawAction = drawActions(this.prng);
    const voters = Array.from(
      { length: [1, 2, 3, 3, 3, 4, 5, 5][this.prng.below(8)] as number },
      (_, i) => i + 1,
    );
    const learners = this.prng.chance(0.2) ? [voters.length + 1] : [];
    this.cluster = new Cluster({ voters, learners, seed, tuning: drawTuning(this.prng) });
    this.cluster.autoSnapshot = false;
    this.cluster.onSend = (message) => this.#onSend(message);
    this.cluster.onDeliver = (message) => this.#traced(() => describeMessage(message));
    for (const node of this.cluster.nodes) this.enlist(node);
    this.#queue.after(0, () => this.#act());
  }

  get now(): number {
    return this.#queue.now;
  }

  /** Time as a member sees it, in milliseconds. */
  stampOf(id: MemberId): number {
    return Math.max(0, this.#queue.now + (this.#skews.get(id) ?? 0));
  }

  count(what: string, by = 1): void {
    this.report.counts.set(what, (this.report.counts.get(what) ?? 0) + by);
  }

  trace(line: () => string): void {
    this.#options.trace?.(`${this.#queue.now} ${line()}`);
  }

  /** Traces what also makes the hash of the run. */
  #traced(line: () => string): void {
    const text = line();
    let hash = this.report.traceHash;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    this.report.traceHash = hash >>> 0;
    this.trace(() => text);
  }

  /** Takes a new server in: its disk and state machine get slow, its clock gets skewed, its ticks start. */
  enlist(node: TestNode): void {
    node.autoDisk = false;
    node.autoApply = false;
    node.onReady = (ready) => {
      if (ready.snapshot !== null) this.count('snapshots installed');
      if (ready.softState !== null) this.count(`became ${ready.softState.role}`);
      if (ready.softState?.role === 'leader') this.#electedAt = this.now;
      const last = node.disk.baseIndex + node.disk.entries.length;
      if (ready.entries[0] !== undefined && ready.entries[0].index <= last) this.count('tails replaced');
    };
    this.#skews.set(node.id, this.prng.below(400) - 200);
    this.#started(node);
  }

  #started(node: TestNode): void {
    this.#lives.set(node.id, (this.#lives.get(node.id) ?? 0) + 1);
    this.#diskBusy.delete(node.id);
    this.#applyBusy.delete(node.id);
    this.#later(node, this.prng.below(TICK), () => this.#tick(node));
    this.arm(node);
  }

  /** Runs something on a member later, unless it crashes before. */
  #later(node: TestNode, delay: number, run: () => void): void {
    const life = this.#lives.get(node.id);
    this.#queue.after(delay, () => {
      if (!node.isUp || this.#lives.get(node.id) !== life) return;
      run();
      if (node.isUp) this.arm(node);
    });
  }

  #tick(node: TestNode): void {
    node.call((raw) => raw.tick());
    this.#later(node, TICK - 2 + this.prng.below(5), () => this.#tick(node));
  }

  /** Has the disk, the state machine and the snapshots of a member go on with what there is to do. */
  arm(node: TestNode): void {
    const { prng, weather } = this;
    if (node.pendingWrites > 0 && !this.#diskBusy.has(node.id)) {
      this.#diskBusy.add(node.id);
      const count = prng.chance(0.7) ? node.pendingWrites : 1 + prng.below(node.pendingWrites);
      this.#later(node, prng.below(weather.diskUnitsMax), () => {
        this.#diskBusy.delete(node.id);
        node.completeWrites(count);
      });
    }
    if (node.pendingEntries > 0 && !this.#applyBusy.has(node.id)) {
      this.#applyBusy.add(node.id);
      this.#later(node, prng.below(weather.applyUnitsMax), () => {
        this.#applyBusy.delete(node.id);
        node.applyEntries(1 + prng.below(Math.max(1, node.pendingEntries)));
      });
    }
    if (node.snapshotsWanted.length > 0) {
      this.count('snapshots sent', node.snapshotsWanted.length);
      this.cluster.sendSnapshots(node);
    }
  }

  #onSend(message: Message): boolean {
    const { prng, weather } = this;
    const copies = prng.chance(weather.duplicateChance) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const isLate = prng.chance(weather.lateChance);
      const delay = 1 + prng.below(isLate ? weather.lateUnitsMax : weather.delayUnitsMax);
      // Chunks of a snapshot take their time.
      const duration = message.type === 'InstallSnapshot' ? delay * 5 : delay;
      const isDropped = prng.chance(weather.dropChance);
      this.#queue.after(duration, () => {
        const receiver = this.cluster.node(message.to);
        if (isDropped) this.cluster.lose(message);
        else this.cluster.deliver(message);
        if (receiver.isUp) this.arm(receiver);
      });
    }
    return true;
  }

  #act(): void {
    if (this.isHealed) return;
    this.#drawAction()(this);
    for (const node of this.cluster.nodes) if (node.isUp) this.arm(node);
    this.#queue.after(1 + this.prng.below(2 * this.weather.actionUnits), () => this.#act());
  }

  /** Does something a few ticks from now, unless peace has come. */
  soon(run: () => void): void {
    this.#queue.after(this.prng.below(4 * TICK), () => {
      if (!this.isHealed) run();
    });
  }

  crash(node: TestNode): void {
    this.#traced(() => `crash ${node.id}`);
    this.cluster.crash(node.id, this.prng.below(node.pendingWrites + 1));
    const down = TICK * (1 + this.prng.below(60));
    this.#queue.after(down, () => this.restart(node));
  }

  restart(node: TestNode): void {
    if (node.isUp) return;
    this.cluster.restart(node.id);
    this.#traced(() => `restart ${describeNode(node.raw)}`);
    this.#started(node);
  }

  /** The faults, then peace; throws when an invariant breaks or the healed cluster does not recover. */
  run(): ChaosReport {
    const end = (this.#options.ticks ?? CHAOS_TICKS) * TICK;
    while (this.#queue.now < end) this.#queue.runNext();
    this.#heal();
    this.cluster.checkLogs();
    this.report.committed = this.cluster.invariants.commitIndex;
    return this.report;
  }

  #heal(): void {
    this.isHealed = true;
    this.trace(() => 'heal');
    this.cluster.heal();
    this.weather = { ...calm };
    for (const node of this.cluster.nodes) this.restart(node);
    const start = this.#queue.now;
    const end = start + HEAL_TIMEOUTS_MAX * this.cluster.tuning.electionTicks * TICK;
    // What was late arrives late, too; nobody is confused by it.
    let proposed = 0;
    this.#runUntil('a leader that commits', end, () => {
      const leader = this.cluster.leader();
      if (leader === null) return false;
      if (proposed === 0 || leader.raw.lastIndex < proposed) proposed = this.#proposeTo(leader);
      return proposed > 0 && leader.raw.commitIndex >= proposed;
    });
    this.#runUntil('agreement of all members', end, () => this.cluster.isConverged());
    this.report.healTicks = Math.ceil((this.#queue.now - start) / TICK);
    this.report.electionTicks = Math.max(0, Math.ceil((this.#electedAt - start) / TICK));
    const electionTicksMax = ELECTION_TIMEOUTS_MAX * this.cluster.tuning.electionTicks;
    assert(
      this.report.electionTicks <= electionTicksMax,
      `healed cluster: the last election came ${this.report.electionTicks} ticks after peace`,
    );
    this.#readEverywhere(end);
  }

  #proposeTo(leader: TestNode): number {
    const result = leader.call((raw) => raw.propose(Buffer.from('healed'), this.stampOf(leader.id)));
    this.arm(leader);
    return typeof result === 'number' ? result : 0;
  }

  /** Reads of all members of a healthy cluster are confirmed. */
  #readEverywhere(end: number): void {
    const conf = this.cluster.leader()?.raw.confState();
    assert(conf !== undefined, 'a healed cluster has a leader');
    const reads = [...conf.voters, ...conf.learners].map((id) => [id, this.cluster.read(id)] as const);
    for (const [id] of reads) this.arm(this.cluster.node(id));
    this.#runUntil('reads on all members', end, () =>
      reads.every(([id, context]) => this.cluster.isConfirmed(id, context)),
    );
  }

  #runUntil(what: string, end: number, holds: () => boolean): void {
    while (!holds()) {
      if (this.#queue.now < end && this.#queue.runNext()) continue;
      const states = this.cluster.nodes.map((node) =>
        node.isUp ? describeNode(node.raw) : `${node.id} down`,
      );
      assert(false, `healed cluster: ${what} did not come about:\n${states.join('\n')}`);
    }
  }
}

const calm: Weather = {
  dropChance: 0,
  duplicateChance: 0,
  lateChance: 0,
  lateUnitsMax: 1,
  delayUnitsMax: 5,
  diskUnitsMax: 4,
  applyUnitsMax: 3,
  actionUnits: 1,
};

function drawWeather(prng: Prng): Weather {
  const isWild = prng.chance(0.5);
  return {
    dropChance: isWild ? prng.float() * 0.2 : 0.01,
    duplicateChance: isWild ? prng.float() * 0.2 : 0,
    lateChance: isWild ? prng.float() * 0.1 : 0,
    lateUnitsMax: 60 * TICK,
    delayUnitsMax: 1 + prng.below(isWild ? 3 * TICK : 8),
    diskUnitsMax: 1 + prng.below(prng.chance(0.3) ? 5 * TICK : 8),
    applyUnitsMax: 1 + prng.below(prng.chance(0.2) ? 5 * TICK : 5),
    actionUnits: [3, 10, 30, 80][prng.below(4)] as number,
  };
}

function drawTuning(prng: Prng): Partial<Tuning> {
  return {
    appendEntriesMax: 1 + prng.below(8),
    appendBytesMax: 8 + prng.below(200),
    inflightMessagesMax: 1 + prng.below(6),
    inflightBytesMax: 20 + prng.below(400),
    uncommittedBytesMax: 50 + prng.below(2000),
    committedBytesMax: 10 + prng.below(200),
  };
}

export function runChaos(seed: number, options: ChaosOptions = {}): ChaosReport {
  return new Chaos(seed, options).run();
}
