import { AssertionError } from '../base/assert.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { createPrng, type Prng } from '../base/prng.ts';
import type { Clock } from '../base/clock.ts';
import type { PeerMessage } from '../net/transport.ts';
import type { DurableState } from '../raft/invariants.ts';
import { NO_MEMBER } from '../raft/types.ts';
import type { Position, Store } from '../store/store.ts';
import { openSimStore } from '../store/sim-backend.ts';
import type { Vfs } from '../wal/vfs.ts';
import type { Wal } from '../wal/wal-types.ts';
import { SimFailure } from './failure.ts';
import { SimDisk, type CrashChoices } from './disk.ts';
import type { SimNetwork, SimTransport } from './network.ts';
import { SimProcess, type ClockSkew } from './process.ts';
import type { Scheduling } from './scheduler.ts';
import type { WorldOptions } from './world-options.ts';

/** Thrown where a process crashes in the middle of what it does; ends the event. */
class Crashed extends Error {}

/** The parts of a server that its machine has to know. */
export interface OpenParts {
  readonly replica: { stop(): void };
  readonly wal: Wal;
  readonly store: Store;
}

/** What a machine tells the world that it lives in. */
export interface MachineEvents<Machine> {
  /** Called after everything that happened in the machine's process. */
  observe(machine: Machine): void;
  started(machine: Machine): void;
  /** The process ended, for `reason`; of its own accord, if nobody who will start it again had asked for it. */
  ended(machine: Machine, reason: string, ownAccord: boolean): void;
  sent(machine: Machine, message: PeerMessage): void;
  /** The state machine stands at a further position. */
  advanced(machine: Machine, position: Position): void;
  /** Something that no fault excuses. */
  fail(message: string, cause?: unknown): never;
  log(machine: Machine, text: string): void;
}

/** What of a world a machine needs to know. */
export type MachineWorld = Pick<
  WorldOptions,
  'clockDrift' | 'crashPointChance' | 'disk' | 'replica' | 'segmentBytes' | 'flushBytes' | 'sessionTtlMs'
> &
  Partial<Pick<WorldOptions, 'requestTimeoutMs'>>;

export interface MachineOptions<Machine> {
  readonly serverId: number;
  readonly world: MachineWorld;
  readonly scheduler: Scheduling;
  readonly network: SimNetwork;
  readonly prng: Prng;
  readonly events: MachineEvents<Machine>;
}

/** What a process that starts is given of its machine. */
export interface Surroundings {
  readonly vfs: Vfs;
  readonly clock: Clock;
  readonly transport: SimTransport;
  readonly prng: Prng;
  readonly logger: Logger;
  readonly openStore: (folder: string) => Store;
  readonly onFatal: (error: Error) => void;
}

/** One run of a process. */
interface Run<Open> {
  readonly process: SimProcess;
  stopping: boolean;
  open: Open | null;
  /** Errors that the disk had made when it began. */
  readonly diskErrorsBefore: number;
}

/** One machine: a disk that stays, and processes on it that come and go. What they run is production code. */
export abstract class SimMachine<Open extends OpenParts> {
  readonly id: number;
  readonly disk: SimDisk;
  readonly skew: ClockSkew;
  readonly #machine: MachineOptions<this>;
  #run: Run<Open> | null = null;
  /** Called when the process is gone: connections of clients break. */
  readonly #onEnd = new Set<() => void>();
  /** Whether processes die in the middle of blocking changes. */
  crashPointsOn = true;
  /** It said that it is damaged. */
  refusal: string | null = null;
  /** What its disk was told to be durable when it was last alive; holds over restarts. */
  promised: DurableState = { term: 0, votedFor: NO_MEMBER, lastIndex: 0 };

  protected constructor(options: MachineOptions<SimMachine<Open>>) {
    const { serverId, prng, world } = options;
    this.id = serverId;
    this.#machine = options;
    const drift = (prng.float() * 2 - 1) * world.clockDrift;
    this.skew = { rate: 1 + drift, wallOffsetMs: prng.below(1_000_000) };
    this.disk = new SimDisk({
      prng: createPrng(prng.uint32()),
      schedule: (delayMs, callback) => this.#run?.process.after(delayMs, callback),
      faults: world.disk,
    });
    this.disk.onBlockingChange = () => {
      if (this.crashPointsOn && prng.chance(world.crashPointChance)) this.#crashHere();
    };
  }

  /** Opens what runs here; it is started right after. */
  protected abstract opened(surroundings: Surroundings, process: SimProcess): Open;

  /** Starts what was opened. */
  protected abstract begin(open: Open): void;

  /** Whether an error at the start or later is excused by what was done to the machine: it then refuses to run. */
  protected excuses(_code: unknown, _wasOpen: boolean): boolean {
    return false;
  }

  get process(): SimProcess | null {
    return this.#run?.process ?? null;
  }

  get isUp(): boolean {
    return this.#run !== null;
  }

  get isStopping(): boolean {
    return this.#run?.stopping === true;
  }

  get open(): Open | null {
    return this.#run?.open ?? null;
  }

  /** What a message that leaves now may promise. */
  get durable(): DurableState {
    const open = this.open;
    return open === null ? this.promised : durableOf(open, open.wal.synced.lastIndex);
  }

  /** Starts a process on the disk; nothing happens when one runs. */
  start(): void {
    if (this.#run !== null || this.refusal !== null) return;
    const { scheduler } = this.#machine;
    const process = new SimProcess(scheduler, this.skew, (callback) => this.#perform(process, callback));
    const run: Run<Open> = {
      process,
      stopping: false,
      open: null,
      diskErrorsBefore: this.#diskErrors,
    };
    this.#run = run;
    this.#perform(process, () => this.#open(run));
  }

  /** Kills the process; the page cache survives. */
  crash(): void {
    if (this.#run === null) return;
    this.disk.crashProcess();
    this.#end('crash', false);
  }

  /** Power fails: what was not synced may be gone. */
  losePower(choices: CrashChoices = {}): void {
    this.disk.losePower(choices);
    this.#end('power loss', false);
  }

  /** Ends as on a signal: finishes what is under way and closes everything. */
  stop(): void {
    const run = this.#run;
    if (run?.open == null || run.stopping) return;
    run.stopping = true;
    const { replica, wal, store } = run.open;
    this.#perform(run.process, () => {
      replica.stop();
      wal.close(() => {
        store.close(() => {
          if (this.#run === run) this.#end('stop', true);
        });
      });
    });
  }

  /** Runs in the machine's process, now, if there is one. */
  run(callback: () => void): void {
    if (this.#run !== null) this.#perform(this.#run.process, callback);
  }

  /** Calls back once when the process is gone; returns how to take that back. */
  onEnd(callback: () => void): () => void {
    this.#onEnd.add(callback);
    return () => this.#onEnd.delete(callback);
  }

  /** The process is about to be gone. */
  protected ending(): void {
    const open = this.open;
    // A write that replaces entries may be on the disk in part.
    if (open !== null)
      this.promised = durableOf(open, Math.min(open.wal.synced.lastIndex, open.wal.durableIndex));
  }

  get #diskErrors(): number {
    const { writeErrors, syncErrors, noSpace } = this.disk.counts;
    return writeErrors + syncErrors + noSpace;
  }

  #perform(process: SimProcess, callback: () => void): void {
    try {
      callback();
    } catch (error) {
      if (process.alive) this.#thrown(error);
      return;
    }
    if (process.alive) this.#machine.events.observe(this);
  }

  #crashHere(): void {
    if (this.#run === null) return;
    this.disk.losePower();
    this.#end('power loss in the middle of a change', true);
    throw new Crashed();
  }

  #end(reason: string, ownAccord: boolean): void {
    const run = this.#run;
    if (run === null) return;
    this.ending();
    run.process.crash();
    this.#run = null;
    this.#machine.network.detach(this.id);
    const callbacks = [...this.#onEnd];
    this.#onEnd.clear();
    for (const callback of callbacks) callback();
    this.#machine.events.ended(this, reason, ownAccord);
  }

  /** An error that reached the top of the event loop ends a real process, too. */
  #thrown(error: unknown): void {
    if (error instanceof SimFailure) throw error;
    if (error instanceof AssertionError || !(error instanceof Error) || !('code' in error)) {
      this.#machine.events.fail(`server ${this.id} broke: ${messageOf(error)}`, error);
    }
    this.#fatal(error);
  }

  #fatal(error: Error): void {
    const run = this.#run;
    if (run === null) return;
    const code: unknown = 'code' in error ? error.code : undefined;
    if (this.excuses(code, run.open !== null)) {
      this.refusal = error.message;
    } else if (this.#diskErrors === run.diskErrorsBefore) {
      this.#machine.events.fail(`server ${this.id} died without a reason: ${error.message}`, error);
    }
    this.disk.crashProcess();
    this.#end(`fatal: ${error.message}`, true);
  }

  #open(run: Run<Open>): void {
    const { network, world, prng, events } = this.#machine;
    const { process } = run;
    const vfs = this.disk.mount();
    const seed = prng.uint32();
    const transport = network.attach(this.id, process);
    transport.onSend = (message) => events.sent(this, message);
    const open = this.opened(
      {
        vfs,
        clock: process.clock,
        transport,
        prng: createPrng(seed),
        logger: this.#logger(),
        openStore: (folder) => {
          const { flushBytes } = world;
          const own = { vfs, clock: process.clock, prng: createPrng(seed + 2 ** 32) };
          const store = openSimStore(folder, { ...own, flushBytes });
          const advance = store.advance.bind(store);
          store.advance = (position) => {
            advance(position);
            events.advanced(this, position);
          };
          return store;
        },
        onFatal: (error) => {
          if (process.alive) this.#fatal(error);
        },
      },
      process,
    );
    run.open = open;
    events.started(this);
    this.begin(open);
  }

  #logger(): Logger {
    const say = (fields: object, message: string): void =>
      this.#machine.events.log(this, `${message} ${JSON.stringify(fields)}`);
    return { debug: () => undefined, info: say, warn: say, error: say };
  }
}

function durableOf({ wal, store }: OpenParts, lastIndex: number): DurableState {
  const { term, votedFor } = wal.synced.hardState;
  return { term, votedFor, lastIndex: Math.max(lastIndex, store.durablePosition.index) };
}
