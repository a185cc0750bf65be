import type { ViewState } from '../../primary-backup/view-state.ts';
import { isAcknowledged, NO_VIEW_STATE } from '../../primary-backup/view-state.ts';
import { AnyStage } from '../scenarios/any-stage.ts';
import { quietWorld } from '../scenarios/stage.ts';
import { PrimaryBackupCluster } from './cluster.ts';
import type { AnyMachine, MonitorMachine, PrimaryBackupMachine } from './machines.ts';
import type { PrimaryBackupWorldOptions } from './world-options.ts';

/** A simulated cluster of the primary/backup engine that a scenario tells what to do. */
export class PrimaryBackupStage extends AnyStage<AnyMachine, PrimaryBackupMachine, PrimaryBackupCluster> {
  constructor(
    seed: number,
    options: Partial<PrimaryBackupWorldOptions> = {},
    onLine: ((line: string) => void) | null = null,
  ) {
    const view = { monitors: 1, pingIntervalMs: 10, deadPings: 5 };
    const world = { ...quietWorld(seed), servers: 3, ...view, ...options };
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
