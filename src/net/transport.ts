import type { Ping, ServerMessage, ViewNotice } from '../primary-backup/types.ts';
import type { MemberId, Message } from '../raft/types.ts';

/** A proposal that a server that does not lead passes to the one that does. */
export interface Forward {
  readonly type: 'Forward';
  /** Opaque: what the leader appends. */
  readonly data: Uint8Array;
  /** Names the proposal to its sender. */
  readonly proposal: number;
}

/** The receiver of a Forward surely did not append it. */
export interface ForwardRefused {
  readonly type: 'ForwardRefused';
  readonly proposal: number;
  readonly reason: 'not-leader' | 'overloaded' | 'no-space';
}

/** One piece of a snapshot; the first (`seq` 0) opens the transfer, `last` ends it. */
export interface SnapshotChunk {
  readonly type: 'SnapshotChunk';
  /** Names the transfer; unique per sender and start. */
  readonly transfer: number;
  readonly seq: number;
  readonly term: number;
  readonly index: number;
  readonly indexTerm: number;
  readonly stampMs: number;
  /** The configuration at `index`, encoded by the replica. */
  readonly conf: Uint8Array;
  readonly data: Uint8Array;
  readonly last: boolean;
}

/** Pieces below `next` are staged; `failed` gives the transfer up. */
export interface SnapshotAck {
  readonly type: 'SnapshotAck';
  readonly transfer: number;
  readonly next: number;
  readonly failed: boolean;
}

/** A rebuilt server, under a member id that the cluster does not know yet, asks the leader to make it a member. */
export interface Join {
  readonly type: 'Join';
}

/** The leader tells its followers what time it is in the cluster: one that was away would take up time too late. */
export interface LogTimeNotice {
  readonly type: 'LogTime';
  readonly term: number;
  readonly logTimeMs: number;
}

/** Everything that servers say to one another. */
export type PeerMessage =
  | Message
  | ServerMessage
  | Ping
  | ViewNotice
  | Forward
  | ForwardRefused
  | SnapshotChunk
  | SnapshotAck
  | Join
  | LogTimeNotice;

/** Whether the message is one of Raft's. */
export const isRaftMessage = (message: PeerMessage): message is Message =>
  'from' in message && 'term' in message;

/** Whether the message is one between servers of the primary/backup engine. */
export const isServerMessage = (message: PeerMessage): message is ServerMessage =>
  'from' in message && 'view' in message;

/** Who somebody is, told at the start of every connection. */
export interface PeerIdentity {
  /** 32 hexadecimal digits, or empty while the cluster is being founded. */
  readonly clusterId: string;
  readonly member: MemberId;
  /** Drawn when the data folder was made: 16 hexadecimal digits. */
  readonly incarnation: string;
}

export interface TransportHandler {
  /** This server's identity, asked anew at every handshake. */
  identity(): PeerIdentity;
  /** Whether to talk with the peer that introduced itself: null, or the reason that it and the log are told. */
  admit(peer: PeerIdentity): string | null;
  onMessage(from: MemberId, message: PeerMessage): void;
  /** A connection to the peer was made and its identity admitted. */
  onConnected(peer: MemberId): void;
  /**
   * The connection to the peer's server broke; called again with `refused` when an attempt to connect anew was then
   * refused by its machine: no process listens there.
   */
  onDisconnected(serverId: number, refused: boolean): void;
}

/**
 * Carries messages between servers: unreliable by contract (a message is lost, never altered). Two servers have two
 * channels, each in order as long as its connection stands: AppendEntries and Prepare with entries, SnapshotChunk and
 * Forward go over one, everything else over the other and may overtake them. Never blocks; what exceeds its limits is
 * dropped.
 */
export interface Transport {
  start(handler: TransportHandler): void;
  /** Queues; goes out at the end of the turn. */
  send(to: MemberId, message: PeerMessage): void;
  /** Whether a connection for sending stands. */
  connected(serverId: number): boolean;
  close(done: () => void): void;
}
