import type { ViewState } from '../../primary-backup/view-state.ts';
import { isAcknowledged, NO_VIEW_STATE } from '../../primary-backup/view-state.ts';
import { AnyStage, RELIABLE_NETWORK } from '../scenarios/any-stage.ts';
import { SMALL_LOG } from '../scenarios/stage.ts';
import { PrimaryBackupCluster } from './cluster.ts';
import type { AnyMachine, MonitorMachine, PrimaryBackupMachine } from './machines.ts';
import { drawPrimaryBackupWorld, type PrimaryBackupWorldOptions } from './world-options.ts';

/** A cluster in which nothing fails unless the scenario says so. */
function quietWorld(seed: number): PrimaryBackupWorldOptions {
  return {
    ...drawPrimaryBackupWorld(seed),
    servers: 3,
    monitors: 1,
    pingIntervalMs: 10,
    deadPings: 5,
    clients: 0,
    rates: {},
    crashPointChance: 0,
    clockDrift: 0,
    network: RELIABLE_NETWORK,
    disk: {},
    replica: { ...SMALL_LOG, logBytesMax: 64_000 },
    segmentBytes: 16_384,
    flushBytes: 4_000,
    sessionTtlMs: 600_000,
    requestTimeoutMs: 1_500,
    clientTimeoutMs: 3_000,
  };
}

/** A simulated cluster of the primary/backup engine that a scenario tells what to do. */
export class PrimaryBackupStage extends AnyStage<AnyMachine, PrimaryBackupMachine, PrimaryBackupCluster> {
  constructor(
    seed: number,
    options: Partial<PrimaryBackupWorldOptions> = {},
    onLine: ((line: string) => void) | null = null,
  ) {
    const world = { ...quietWorld(seed), ...options };
    super(seed, world, onLine, (scheduler, prng, transcript) => {
      return new PrimaryBackupCluster(world, scheduler, prng, transcript);
    });
  }

  get monitors(): readonly MonitorMachine[] {
    return this.cluster.monitors;
  }

  get views(): ViewState {
    return this.cluster.views() ?? NO_VIEW_STATE;
  }

  get viewNumber(): number {
    return this.views.view.number;
  }

  /** Waits for a primary among the servers whose view is the last one and acknowledged. */
  leader(among: readonly PrimaryBackupMachine[] = this.servers): PrimaryBackupMachine {
    let found: PrimaryBackupMachine | undefined;
    this.until('a primary', () => {
      found = among.find(({ id, leads }) => leads && id === this.views.view.primary?.server);
      return found !== undefined && isAcknowledged(this.views);
    });
    return found as PrimaryBackupMachine;
  }

  /** Waits until the backup of the last view is in sync. */
  pair(): { primary: PrimaryBackupMachine; backup: PrimaryBackupMachine; spare: PrimaryBackupMachine } {
    this.until('primary and backup are in sync', () => this.views.inSync && this.cluster.leader() !== null);
    const primary = this.leader();
    const { backup: named } = this.views.view;
    const backup = this.servers.find(({ id }) => id === named?.server) as PrimaryBackupMachine;
    const [spare = backup] = this.others(primary, backup);
    return { primary, backup, spare };
  }

  /** What the leading monitor says to whoever asks why nothing happens. */
  get waiting(): string {
    const statuses = this.monitors.map(({ open }) => open?.monitor.status().waiting ?? '');
    return statuses.find((text) => text !== '') ?? '';
  }

  /** Nothing passes between the two, in either direction. */
  cut(a: AnyMachine, ...others: readonly AnyMachine[]): void {
    for (const b of others) {
      this.network.cut(a.id, b.id);
      this.network.cut(b.id, a.id);
    }
  }

  protected isSettled(): boolean {
    return this.clients.idle && this.cluster.isWhole();
  }
}
