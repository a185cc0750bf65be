import { ViewMachine } from '../primary-backup/view-machine.ts';
import { serverOf } from '../raft/types.ts';
import { namespaces } from '../store/store.ts';
import { Monitor, MonitorTransport } from './monitor.ts';
import { MONITOR_IDS_FROM } from './monitor-ids.ts';
import { openReplica, type OpenReplica, type OpenReplicaOptions } from './open-replica.ts';
import type { PrimaryBackupTimings } from './open-primary-backup.ts';

const STATE_KEY = `${namespaces.machine}views`;

export interface OpenMonitorOptions extends Omit<OpenReplicaOptions<ViewMachine>, 'makeMachine'> {
  readonly timings: PrimaryBackupTimings;
}

export interface OpenMonitor extends OpenReplica<ViewMachine> {
  readonly monitor: Monitor;
}

/** Recovers a monitor from its data folder; `serverId` and `servers` are those of monitors, on the transport. */
export function openMonitor(setup: OpenMonitorOptions): OpenMonitor {
  const transport = new MonitorTransport(setup.transport, (id) => serverOf(id) >= MONITOR_IDS_FROM);
  const open = openReplica({
    ...setup,
    transport,
    makeMachine: (storage) => new ViewMachine(storage, STATE_KEY),
  });
  const { clock, prng, logger, timings } = setup;
  const { replica, machine } = open;
  return { ...open, monitor: new Monitor({ replica, machine, transport, clock, prng, logger, timings }) };
}
