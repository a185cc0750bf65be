import { limits } from '../base/limits.ts';
import type { Transport } from '../net/transport.ts';
import { PrimaryBackup } from '../primary-backup/primary-backup.ts';
import { memberId, type MemberId } from '../raft/types.ts';
import type { Store } from '../store/store.ts';
import type { Wal } from '../wal/wal-types.ts';
import type { Identity } from './identity.ts';
import { openFolder, type FolderSetup, type RecoveredState } from './open-folder.ts';
import { assertOptions, type ReplicaOptions } from './options.ts';
import { PrimaryBackupReplica } from './primary-backup-replica.ts';
import type { StateMachine } from './state-machine.ts';

export interface PrimaryBackupTimings {
  /** How often a server tells the view service that it lives. */
  readonly pingIntervalMs: number;
  /** Silent ping intervals after which it counts as dead. */
  readonly deadPings: number;
}

export interface OpenPrimaryBackupOptions<Machine extends StateMachine> extends FolderSetup<Machine> {
  /** Who keeps the views. */
  readonly monitors: readonly MemberId[];
  readonly transport: Transport;
  readonly options: ReplicaOptions;
  readonly timings: PrimaryBackupTimings;
}

export interface OpenPrimaryBackup<Machine extends StateMachine> {
  readonly replica: PrimaryBackupReplica<ReturnType<Machine['apply']>>;
  readonly machine: Machine;
  readonly store: Store;
  readonly wal: Wal;
}

/** Recovers a server of the primary/backup engine from its data folder. Throws as `openFolder` does. */
export function openPrimaryBackup<Machine extends StateMachine>(
  setup: OpenPrimaryBackupOptions<Machine>,
): OpenPrimaryBackup<Machine> {
  const { clock, prng, logger, options, timings } = setup;
  assertOptions(options);
  let replica: PrimaryBackupReplica<ReturnType<Machine['apply']>> | null = null;
  const folder = openFolder(setup, (available) => replica?.setSpace(available));
  const { identity, store, wal, machine } = folder;
  const servers = setup.servers.map((server) => memberId(server, 0));
  replica = new PrimaryBackupReplica({
    node: new PrimaryBackup(coreConfig(identity, servers, folder.initial, { options, timings })),
    wal,
    store,
    machine: machine as StateMachine<ReturnType<Machine['apply']>>,
    identity,
    servers,
    monitors: setup.monitors,
    transport: setup.transport,
    clock,
    prng,
    logger,
    options,
    pingIntervalMs: timings.pingIntervalMs,
    onFatal: setup.onFatal,
  });
  return { replica, machine, store, wal };
}

function coreConfig(
  identity: Identity,
  servers: readonly MemberId[],
  { hardState, baseIndex, baseTerm, entries, appliedIndex, appliedStampMs }: RecoveredState,
  { options, timings }: { options: ReplicaOptions; timings: PrimaryBackupTimings },
): ConstructorParameters<typeof PrimaryBackup>[0] {
  const ticks = (ms: number): number => Math.max(1, Math.ceil(ms / options.tickMs));
  return {
    life: { server: identity.member, folder: identity.incarnation, boot: identity.countBoot() },
    servers,
    initial: {
      view: hardState.term,
      committed: hardState.commitIndex,
      baseIndex,
      baseView: baseTerm,
      entries,
      appliedIndex,
      appliedStampMs,
    },
    commitTicks: ticks(options.heartbeatIntervalMs),
    unreachableTicks: ticks(timings.pingIntervalMs * timings.deadPings),
    prepareEntriesMax: limits.appendEntriesMax,
    prepareBytesMax: limits.appendBytesMax,
    inflightMessagesMax: limits.inflightMessagesMax,
    inflightBytesMax: limits.inflightBytesMax,
    uncommittedBytesMax: options.uncommittedBytesMax,
    committedBytesMax: limits.appendBytesMax * 4,
  };
}
