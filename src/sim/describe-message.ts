import { isServerMessage, type PeerMessage } from '../net/transport.ts';
import { describeMonitorMessage, describeServerMessage } from '../primary-backup/describe.ts';
import { describeMessage } from '../raft/describe.ts';

/** A message between two machines in one line, for people. */
export function describePeerMessage(from: number, to: number, message: PeerMessage): string {
  switch (message.type) {
    case 'Forward':
      return `${from}->${to} Forward ${message.proposal} of ${message.data.length} bytes`;
    case 'ForwardRefused':
      return `${from}->${to} ForwardRefused ${message.proposal} ${message.reason}`;
    case 'SnapshotChunk':
      return `${from}->${to} t${message.term} SnapshotChunk ${message.seq} of ${message.index}${message.last ? ', last' : ''}`;
    case 'SnapshotAck':
      return `${from}->${to} SnapshotAck ${message.failed ? 'failed' : message.next}`;
    case 'LogTime':
      return `${from}->${to} LogTime ${message.logTimeMs}`;
    case 'Join':
      return `${from}->${to} Join`;
    case 'Ping':
    case 'ViewNotice':
      return `${from}->${to} ${describeMonitorMessage(message)}`;
    default:
      return isServerMessage(message) ? describeServerMessage(message) : describeMessage(message);
  }
}
