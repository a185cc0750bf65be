import type { Reply } from '../kv/replies.ts';
import type { ProposeOutcome, ReadOutcome } from '../replica/replicator.ts';
import type { RpcServerAddress } from '../wire/rpc-handshake.ts';
import type { RpcStatus } from '../wire/rpc-replies.ts';
import type { KvReads } from './kv-reader.ts';

/**
 * What the RPC protocol asks of the server. Callbacks are never called inside the call that took them, and each is
 * called exactly once, at the deadline at the latest. Deadlines are on the monotonic clock.
 */
export interface RpcBackend {
  /** The local state. Linearizable only within the callback of a read barrier. */
  readonly reads: KvReads;
  /** How long a session lives without use, in log time. */
  readonly sessionTtlMs: number;
  readonly serverId: number;
  /** All servers, and where they take clients. */
  readonly servers: readonly RpcServerAddress[];
  /** Empty as long as the cluster is not founded. */
  clusterId(): string;
  leaderId(): number | null;
  propose(command: Uint8Array, deadlineMs: number, done: (outcome: ProposeOutcome<Reply>) => void): void;
  /** Whether a batch with these numbers is to be refused before it is proposed. */
  windowIsFull(session: number, number: number, lowest: number): boolean;
  readBarrier(deadlineMs: number, done: (outcome: ReadOutcome) => void): void;
  /** The cluster's time, as far as this server knows it: what is left of times to live counts from it. */
  logTimeMs(): number;
  status(): Omit<RpcStatus, 'servers'>;
}
