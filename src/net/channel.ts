import { limits } from '../base/limits.ts';
import { netLimits } from './net-limits.ts';
import type { PeerMessage } from './transport.ts';

/**
 * The two connections that a server makes to each other one. Small messages have one of their own, so that
 * heartbeats and votes never wait behind the bytes of a log.
 */
export type Channel = 'control' | 'bulk';

export const channels: readonly Channel[] = ['control', 'bulk'];

export function channelOf(message: PeerMessage): Channel {
  switch (message.type) {
    case 'AppendEntries':
    case 'Prepare':
      return message.entries.length > 0 ? 'bulk' : 'control';
    case 'SnapshotChunk':
    case 'Forward':
      return 'bulk';
    default:
      return 'control';
  }
}

/** Longest payload of a frame, in bytes. */
export const frameBytesMax: Readonly<Record<Channel, number>> = {
  control: netLimits.controlFrameBytesMax,
  bulk: limits.frameBytesMax,
};

/** Bytes that may wait to be sent. */
export const queueBytesMax: Readonly<Record<Channel, number>> = {
  control: netLimits.controlQueueBytesMax,
  bulk: netLimits.bulkQueueBytesMax,
};
