import { KvStateMachine } from '../../kv/machine.ts';
import { ServerSession } from '../../listeners/server-session.ts';
import { openMonitor, type OpenMonitor } from '../../replica/open-monitor.ts';
import {
  openPrimaryBackup,
  type OpenPrimaryBackup,
  type PrimaryBackupTimings,
} from '../../replica/open-primary-backup.ts';
import { SimMachine, type MachineOptions, type OpenParts, type Surroundings } from '../machine.ts';
import type { SimProcess } from '../process.ts';

const FOLDER = 'data';

export interface PrimaryBackupMachineOptions extends MachineOptions<SimMachine<OpenParts>> {
  /** The ids of all servers, and of all monitors, on the network. */
  readonly serverIds: readonly number[];
  readonly monitorIds: readonly number[];
  readonly timings: PrimaryBackupTimings;
}

/** One server of the primary/backup engine. */
export class PrimaryBackupMachine extends SimMachine<OpenPrimaryBackup<KvStateMachine>> {
  readonly #options: PrimaryBackupMachineOptions;
  #session: ServerSession | null = null;

  constructor(options: PrimaryBackupMachineOptions) {
    super(options);
    this.#options = options;
  }

  get session(): ServerSession | null {
    return this.open === null ? null : this.#session;
  }

  /** Whether it believes to be the primary. */
  get leads(): boolean {
    return !this.isStopping && this.open?.replica.isLeader === true;
  }

  protected override opened(
    surroundings: Surroundings,
    { clock }: SimProcess,
  ): OpenPrimaryBackup<KvStateMachine> {
    const { serverId, serverIds, monitorIds, world, timings } = this.#options;
    const open = openPrimaryBackup({
      ...surroundings,
      serverId,
      servers: serverIds,
      monitors: monitorIds,
      folder: FOLDER,
      makeMachine: (storage) => new KvStateMachine(storage, { sessionTtlMs: world.sessionTtlMs }),
      options: world.replica,
      segmentBytes: world.segmentBytes,
      timings,
    });
    this.#session = new ServerSession(open.replica, open.machine, clock, world.sessionTtlMs);
    return open;
  }

  protected override begin({ replica }: OpenPrimaryBackup<KvStateMachine>): void {
    replica.start();
  }
}

/** One monitor of the view service. */
export class MonitorMachine extends SimMachine<OpenMonitor> {
  readonly #options: PrimaryBackupMachineOptions;

  constructor(options: PrimaryBackupMachineOptions) {
    super(options);
    this.#options = options;
  }

  get leads(): boolean {
    return !this.isStopping && this.open?.replica.isLeader === true;
  }

  protected override opened(surroundings: Surroundings): OpenMonitor {
    const { serverId, monitorIds, world, timings } = this.#options;
    return openMonitor({
      ...surroundings,
      serverId,
      servers: monitorIds,
      folder: FOLDER,
      options: world.replica,
      segmentBytes: world.segmentBytes,
      timings,
    });
  }

  protected override begin({ monitor }: OpenMonitor): void {
    monitor.start();
  }
}

export type AnyMachine = PrimaryBackupMachine | MonitorMachine;
