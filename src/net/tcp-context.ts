import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Prng } from '../base/prng.ts';
import type { ReasonLog } from './reason-log.ts';
import type { Address } from './tcp-sockets.ts';
import type { TransportHandler } from './transport.ts';

/** What happened so far, for metrics. */
export interface TransportCounters {
  bytesSent: number;
  bytesReceived: number;
  messagesSent: number;
  messagesReceived: number;
  /** Dropped because no connection to the member stands. */
  messagesDroppedUnconnected: number;
  /** Dropped because too much waits to be sent already. */
  messagesDroppedFull: number;
  /** Accepted connections that were closed because they did not introduce themselves as a kvraft. */
  strangers: number;
  /** Connections of peers that were closed because of what they sent. */
  protocolErrors: number;
}

export const newCounters = (): TransportCounters => ({
  bytesSent: 0,
  bytesReceived: 0,
  messagesSent: 0,
  messagesReceived: 0,
  messagesDroppedUnconnected: 0,
  messagesDroppedFull: 0,
  strangers: 0,
  protocolErrors: 0,
});

/** What the parts of a transport share. */
export interface TcpContext {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly logger: Logger;
  readonly reasons: ReasonLog;
  readonly counters: TransportCounters;
  readonly handler: TransportHandler;
  /** Makes a socket that is connecting. */
  readonly dial: (address: Address) => Socket;
  /** Whether the configuration names that server. */
  readonly knows: (serverId: number) => boolean;
}
