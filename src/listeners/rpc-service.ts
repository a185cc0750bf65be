import type { Clock } from '../base/clock.ts';
import type { KvStateMachine } from '../kv/machine.ts';
import type { Reply } from '../kv/replies.ts';
import type { Replicator } from '../replica/replicator.ts';
import type { RpcServerAddress } from '../wire/rpc-handshake.ts';
import type { Admission } from './admission.ts';
import type { ClientConnection, ConnectionStream } from './client-connection.ts';
import type { KvReads } from './kv-reader.ts';
import type { RpcBackend } from './rpc-backend.ts';
import { RpcConnection, type RpcConnectionSetup } from './rpc-connection.ts';
import { RpcWatchHub } from './rpc-watch-hub.ts';

/** What an engine tells of itself. -1 where there is no leader. */
export interface EngineStatus {
  readonly clusterId: string;
  readonly leaderId: number;
  readonly term: number;
  readonly commitIndex: number;
  readonly lastApplied: number;
  readonly stateHash: string;
  readonly logTimeMs: number;
}

export interface RpcServiceOptions {
  readonly replicator: Replicator<Reply> & { status(): EngineStatus };
  readonly machine: KvStateMachine;
  readonly reads: KvReads;
  readonly clock: Clock;
  /** Shared by all connections of the server, whatever they speak. */
  readonly admission: Admission;
  readonly serverId: number;
  /** All servers, and where they take RPC connections. */
  readonly servers: readonly RpcServerAddress[];
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  readonly requestTimeoutMs: number;
}

/** A connection that counts until it is released. */
export interface AcceptedConnection {
  readonly connection: ClientConnection;
  /** The connection was closed. */
  release(): void;
}

/** The RPC protocol of one server, whatever its connections come through. */
export class RpcService {
  readonly #setup: RpcConnectionSetup;

  constructor(options: RpcServiceOptions) {
    const { reads, clock, admission, keyBytesMax, valueBytesMax, requestTimeoutMs } = options;
    this.#setup = {
      backend: backendOf(options),
      watchHub: new RpcWatchHub(reads),
      clock,
      admission,
      keyBytesMax,
      valueBytesMax,
      requestTimeoutMs,
    };
  }

  /** Serves a connection that comes through no listener; null when there is no room for it. */
  accept(stream: ConnectionStream): AcceptedConnection | null {
    const { admission } = this.#setup;
    const connection = this.connect(stream);
    if (!admission.join(connection)) return null;
    return { connection, release: () => admission.leave(connection) };
  }

  /** The logic of a connection. Its owner joins it to the admission, and tells it what happens on the stream. */
  connect(stream: ConnectionStream): RpcConnection {
    return new RpcConnection(this.#setup, stream);
  }
}

function backendOf({ replicator, machine, reads, serverId, servers }: RpcServiceOptions): RpcBackend {
  return {
    reads,
    sessionTtlMs: machine.sessionTtlMs,
    serverId,
    servers,
    clusterId: () => replicator.status().clusterId,
    leaderId: () => replicator.leaderServer(),
    logTimeMs: () => Math.floor(replicator.status().logTimeMs),
    propose: (command, deadlineMs, done) => replicator.propose(command, deadlineMs, done),
    windowIsFull: (session, number, lowest) => machine.preview(session, number, lowest) === 'window-full',
    readBarrier: (deadlineMs, done) => replicator.read(deadlineMs, done),
    status() {
      const { clusterId, leaderId, term, commitIndex, lastApplied, stateHash } = replicator.status();
      return {
        clusterId,
        serverId,
        leaderId: leaderId === -1 ? null : leaderId,
        term,
        commitIndex,
        lastApplied,
        version: machine.version,
        keys: machine.keyCount,
        stateHash,
      };
    },
  };
}
