import { limits } from '../base/limits.ts';
import type { Prng } from '../base/prng.ts';
import type { Transport } from '../net/transport.ts';
import type { InitialState, RaftConfig } from '../raft/config.ts';
import { RawNode } from '../raft/raw-node.ts';
import { generationOf, type ConfState } from '../raft/types.ts';
import type { Store } from '../store/store.ts';
import type { Wal } from '../wal/wal-types.ts';
import type { Identity } from './identity.ts';
import { foundingConf, Membership } from './membership.ts';
import { openFolder, type FolderSetup } from './open-folder.ts';
import { assertOptions, type ReplicaOptions } from './options.ts';
import { RaftReplica } from './raft-replica.ts';
import type { StateMachine } from './state-machine.ts';

export interface OpenReplicaOptions<Machine extends StateMachine> extends FolderSetup<Machine> {
  readonly transport: Transport;
  readonly options: ReplicaOptions;
}

export interface OpenReplica<Machine extends StateMachine> {
  readonly replica: RaftReplica<ReturnType<Machine['apply']>>;
  readonly machine: Machine;
  readonly store: Store;
  readonly wal: Wal;
}

/**
 * Recovers a server from its data folder: identity, state, log, in this order, and checks that they belong
 * together. Throws a `KvraftError` that names what is wrong where they do not.
 */
export function openReplica<Machine extends StateMachine>(
  setup: OpenReplicaOptions<Machine>,
): OpenReplica<Machine> {
  const { prng, options } = setup;
  assertOptions(options);
  let replica: RaftReplica<ReturnType<Machine['apply']>> | null = null;
  const folder = openFolder(setup, (available) => replica?.setSpace(available));
  const { identity, store, wal, machine } = folder;
  const membership = new Membership(store);
  const initial = { ...folder.initial, confState: membership.loadConf() ?? firstConf(identity) };
  replica = new RaftReplica({
    node: new RawNode(raftConfig(identity, initial, prng, options)),
    wal,
    store,
    machine: machine as StateMachine<ReturnType<Machine['apply']>>,
    membership,
    identity,
    transport: setup.transport,
    clock: setup.clock,
    prng,
    logger: setup.logger,
    options,
  });
  return { replica, machine, store, wal };
}

/** What a server starts from that holds nothing yet. A rebuilt one is no member until the others made it one. */
function firstConf(identity: Identity): ConfState {
  return foundingConf(generationOf(identity.member) === 0 ? identity.foundingServers : []);
}

function raftConfig(
  identity: Identity,
  initial: InitialState,
  prng: Prng,
  options: ReplicaOptions,
): RaftConfig {
  return {
    id: identity.member,
    initial,
    prng,
    electionTicks: Math.ceil(options.electionTimeoutMs / options.tickMs),
    heartbeatTicks: Math.ceil(options.heartbeatIntervalMs / options.tickMs),
    appendEntriesMax: limits.appendEntriesMax,
    appendBytesMax: limits.appendBytesMax,
    inflightMessagesMax: limits.inflightMessagesMax,
    inflightBytesMax: limits.inflightBytesMax,
    uncommittedBytesMax: options.uncommittedBytesMax,
    committedBytesMax: limits.appendBytesMax * 4,
  };
}
