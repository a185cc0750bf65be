import type { Clock } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Prng } from '../base/prng.ts';
import type { InitialState } from '../raft/config.ts';
import { NO_MEMBER } from '../raft/types.ts';
import type { StateStorage, Store } from '../store/store.ts';
import type { RecoveredLog, Wal } from '../wal/wal-types.ts';
import { openWal } from '../wal/wal.ts';
import type { Vfs } from '../wal/vfs.ts';
import { Identity } from './identity.ts';
import type { StateMachine } from './state-machine.ts';

/** What a core of either engine starts from. */
export type RecoveredState = Required<Omit<InitialState, 'confState'>>;

export interface FolderSetup<Machine extends StateMachine> {
  readonly serverId: number;
  /** The server ids of the configuration; they found the cluster when the folder is new. */
  readonly servers: readonly number[];
  /** The data folder of this server alone. */
  readonly folder: string;
  readonly vfs: Vfs;
  /** Opens the state in the given folder. */
  readonly openStore: (folder: string) => Store;
  readonly makeMachine: (storage: StateStorage) => Machine;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly logger: Logger;
  readonly segmentBytes: number;
  /** The disk failed, or the state contradicts itself: the process must end. */
  readonly onFatal: (error: Error) => void;
}

export interface OpenFolder<Machine extends StateMachine> {
  readonly identity: Identity;
  readonly store: Store;
  readonly wal: Wal;
  readonly machine: Machine;
  readonly initial: RecoveredState;
}

/**
 * Opens a data folder: identity, state, log, in this order, and checks that they belong together. Throws a
 * `KvraftError` that names what is wrong where they do not.
 */
export function openFolder<Machine extends StateMachine>(
  setup: FolderSetup<Machine>,
  onSpace: (available: boolean) => void,
): OpenFolder<Machine> {
  const { serverId, servers, folder, vfs, clock, prng, logger, onFatal } = setup;
  const identity = Identity.open(vfs, folder, { serverId, foundingServers: servers, prng });
  const walFolder = `${folder}/log`;
  if (identity.logCreated && !(vfs.exists(walFolder) && vfs.list(walFolder).length > 0)) {
    throw new KvraftError('LOG_DAMAGED', `${walFolder} is gone: ${REMEDY}`);
  }
  const store = setup.openStore(`${folder}/state`);
  const { wal, recovered } = openWal(
    vfs,
    walFolder,
    { segmentBytes: setup.segmentBytes, prng, clock },
    { onFatal, onSpace },
  );
  if (!identity.logCreated) identity.markLogCreated();
  const machine = setup.makeMachine(store);
  machine.load();
  store.beforeFreeze = (bytesMax) => machine.save(bytesMax);
  store.onFatal = onFatal;
  const initial = fitTogether(recovered, store, wal, logger);
  store.setLogDurable(initial.entries.at(-1)?.index ?? initial.baseIndex);
  return { identity, store, wal, machine, initial };
}

const REMEDY = 'restore it from a backup, or rebuild this server from the others';

/**
 * Fits log and state together. The state must lie within the log: one that is older than the log's first entry
 * leaves a gap, one that is newer than its last shows that the log lost entries that were durable once. The one
 * exception is a crash while a snapshot was installed, between the switch of the state and the new log.
 */
function fitTogether(recovered: RecoveredLog, store: Store, wal: Wal, logger: Logger): RecoveredState {
  const { index, term, stampMs } = store.position;
  const { baseIndex, baseTerm, entries } = recovered;
  const lastIndex = entries.at(-1)?.index ?? baseIndex;
  if (index < baseIndex) {
    throw new KvraftError(
      'STORE_DAMAGED',
      `the state stands at index ${index}, the log begins at ${baseIndex + 1}: what lies between is lost; ${REMEDY}`,
    );
  }
  const termInLog = index === baseIndex ? baseTerm : entries[index - baseIndex - 1]?.term;
  const commitIndex = Math.max(recovered.hardState.commitIndex, index);
  if (termInLog === term) {
    const hardState = { ...recovered.hardState, commitIndex: Math.min(commitIndex, lastIndex) };
    return {
      hardState,
      baseIndex,
      baseTerm,
      entries,
      appliedIndex: index,
      appliedStampMs: stampMs,
    };
  }
  if (store.installedIndex !== index) {
    throw new KvraftError(
      'LOG_DAMAGED',
      `the state stands at index ${index} of term ${term}, the log ends at ${lastIndex} and does not hold it: ` +
        `the log lost entries that were durable; ${REMEDY}`,
    );
  }
  logger.info({ index }, 'finishing the installation of a snapshot');
  // The term of the snapshot may not have reached the disk: nobody was voted for in it then.
  const known = recovered.hardState.term >= term ? recovered.hardState : { term, votedFor: NO_MEMBER };
  const hardState = { ...known, commitIndex: index };
  wal.reset(index, term, hardState, () => undefined);
  return {
    hardState,
    baseIndex: index,
    baseTerm: term,
    entries: [],
    appliedIndex: index,
    appliedStampMs: stampMs,
  };
}
