import { messageOf } from '../../base/errors.ts';
import { createPrng, type Prng } from '../../base/prng.ts';
import { isServerMessage, type PeerMessage } from '../../net/transport.ts';
import { PrimaryBackupInvariants } from '../../primary-backup/cluster-invariants.ts';
import { describeView } from '../../primary-backup/describe.ts';
import type { ViewState } from '../../primary-backup/view-state.ts';
import { MONITOR_IDS_FROM } from '../../replica/monitor-ids.ts';
import type { Position } from '../../store/store.ts';
import { describePeerMessage } from '../describe-message.ts';
import { SimFailure } from '../failure.ts';
import type { MachineEvents, OpenParts, SimMachine } from '../machine.ts';
import { SimNetwork } from '../network.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Transcript } from '../transcript.ts';
import { peerWireFormat } from '../wire-format.ts';
import type { FaultKind } from '../world-options.ts';
import type { SimulatedCluster } from '../world.ts';
import { MonitorMachine, PrimaryBackupMachine, type AnyMachine } from './machines.ts';
import type { PrimaryBackupWorldOptions } from './world-options.ts';

const RESTART_MS_MAX = 300;

type Machine = SimMachine<OpenParts>;

/** The servers and monitors of one world and their network: every promise is checked after every event. */
export class PrimaryBackupCluster implements MachineEvents<Machine>, SimulatedCluster<AnyMachine> {
  readonly network: SimNetwork;
  readonly servers: readonly PrimaryBackupMachine[];
  readonly monitors: readonly MonitorMachine[];
  readonly machines: readonly AnyMachine[];
  readonly held = new Set<number>();
  readonly #scheduler: Scheduler;
  readonly #prng: Prng;
  readonly #transcript: Transcript;
  readonly #invariants = new PrimaryBackupInvariants();
  /** By index: the hash of the state there, as the first server that applied it had it. */
  readonly #states = new Map<
    number,
    { readonly view: number; readonly hash: string; readonly server: number }
  >();
  #deaths = 0;

  constructor(world: PrimaryBackupWorldOptions, scheduler: Scheduler, prng: Prng, transcript: Transcript) {
    this.#scheduler = scheduler;
    this.#prng = prng;
    this.#transcript = transcript;
    const fork = (): Prng => createPrng(prng.uint32());
    this.network = new SimNetwork(scheduler, fork(), peerWireFormat(), world.network);
    this.network.onDelivery = (from, to, message, checksum) =>
      transcript.addLater(checksum, () => describePeerMessage(from, to, message));
    const serverIds = Array.from({ length: world.servers }, (_, i) => i + 1);
    const monitorIds = Array.from({ length: world.monitors }, (_, i) => MONITOR_IDS_FROM + i);
    const options = (serverId: number): ConstructorParameters<typeof PrimaryBackupMachine>[0] => ({
      serverId,
      serverIds,
      monitorIds,
      timings: { pingIntervalMs: world.pingIntervalMs, deadPings: world.deadPings },
      world,
      scheduler,
      network: this.network,
      prng: fork(),
      events: this,
    });
    this.servers = serverIds.map((id) => new PrimaryBackupMachine(options(id)));
    this.monitors = monitorIds.map((id) => new MonitorMachine(options(id)));
    this.machines = [...this.servers, ...this.monitors];
  }

  get commitIndex(): number {
    return this.#invariants.commitIndex;
  }

  get counts(): Record<string, number> {
    return { deaths: this.#deaths, views: this.views()?.view.number ?? 0 };
  }

  /** The latest state of the view service that any running monitor has applied. */
  views(): ViewState | null {
    const states = this.monitors.flatMap(({ open }) => (open === null ? [] : [open.machine.state]));
    return states.reduce<ViewState | null>(
      (latest, state) => (latest === null || state.view.number >= latest.view.number ? state : latest),
      null,
    );
  }

  /** The running primary of the highest view. */
  leader(): PrimaryBackupMachine | null {
    const leaders = this.servers.filter(({ leads }) => leads);
    leaders.sort((a, b) => viewOf(b) - viewOf(a));
    return leaders[0] ?? null;
  }

  startAfter(machine: Machine, delayMs: number): void {
    this.#scheduler.schedule(delayMs, () => {
      if (!this.held.has(machine.id)) machine.start();
    });
  }

  special(kind: FaultKind): string | null {
    const leader = kind === 'hand-over' ? this.leader() : null;
    if (leader === null) return null;
    leader.run(() => leader.open?.replica.handOver());
    // It says so because it is about to stop.
    this.#scheduler.schedule(this.#prng.below(RESTART_MS_MAX), () => leader.stop());
    return `by ${leader.id}`;
  }

  /** A lost server may be the only one with the data: all are needed. */
  core(): readonly AnyMachine[] {
    return this.machines;
  }

  isWhole(): boolean {
    const places = this.servers.map(({ open }) => open?.replica.node.place);
    const indexes = this.servers.flatMap(({ open }) => [
      open?.store.position.index ?? -1,
      open?.replica.node.commitIndex ?? -2,
    ]);
    const backups = this.servers.length > 1 ? 1 : 0;
    return (
      this.leader()?.open?.replica.node.sync === (backups > 0 ? 'in-sync' : 'alone') &&
      places.filter((place) => place === 'backup').length === backups &&
      new Set(indexes).size === 1
    );
  }

  checkWhole(): void {
    for (const { open, id } of this.servers) {
      if (open !== null) this.#checkState(id, open.store.position, open.machine.stateHash());
    }
  }

  // What machines say.

  started(machine: Machine): void {
    if (!(machine instanceof PrimaryBackupMachine) || machine.open === null) return;
    const { node } = machine.open.replica;
    const { term, lastIndex } = machine.promised;
    this.log(machine, `started in v${node.term} with log ${node.firstIndex}..${node.lastIndex}`);
    if (node.term < term || node.lastIndex < lastIndex)
      this.fail(`server ${machine.id} forgot what was durable: v${term} last ${lastIndex}`);
    this.#guard(() => this.#invariants.restarted(node));
    this.#checkState(machine.id, machine.open.store.position, machine.open.machine.stateHash());
  }

  observe(machine: Machine): void {
    this.#guard(() => {
      if (machine instanceof MonitorMachine) {
        if (machine.open !== null) this.#invariants.observeViews(machine.open.machine.state);
      } else if (machine instanceof PrimaryBackupMachine && machine.open !== null) {
        this.#invariants.observe(machine.open.replica.node);
      }
    });
  }

  ended(machine: Machine, reason: string, ownAccord: boolean): void {
    this.log(machine, `ended: ${reason}`);
    if (!ownAccord) return;
    this.#deaths++;
    this.startAfter(machine, this.#prng.below(RESTART_MS_MAX));
  }

  sent(machine: Machine, message: PeerMessage): void {
    if (isServerMessage(message)) this.#guard(() => this.#invariants.sent(message, machine.durable));
  }

  advanced(machine: Machine, position: Position): void {
    if (machine instanceof PrimaryBackupMachine && machine.open !== null)
      this.#checkState(machine.id, position, machine.open.machine.stateHash());
  }

  log(machine: Machine, text: string): void {
    const name = machine instanceof MonitorMachine ? 'monitor' : 'server';
    this.#transcript.add(`${name} ${machine.id}: ${text}`);
  }

  fail(message: string, cause?: unknown): never {
    throw new SimFailure(message, { cause });
  }

  /** The view service's state in one line. */
  describeViews(): string {
    const state = this.views();
    return state === null ? 'no monitor' : `${describeView(state.view)}${state.inSync ? ', in sync' : ''}`;
  }

  /** Servers at the same operation hold the same state. */
  #checkState(server: number, { index, term: view }: Position, hash: string): void {
    const known = this.#states.get(index);
    if (known === undefined) this.#states.set(index, { view, hash, server });
    else if (known.hash !== hash || known.view !== view)
      this.fail(`server ${server} has another state at ${index}/${view} than server ${known.server} had`);
  }

  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (error instanceof SimFailure) throw error;
      this.fail(messageOf(error), error);
    }
  }
}

const viewOf = ({ open }: PrimaryBackupMachine): number => open?.replica.node.term ?? 0;
