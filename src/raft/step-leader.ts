import { jointVoteResult } from './quorum/joint.ts';
import type { Raft } from './raft.ts';
import { checkSnapshotArrived, handleAppendEntriesResponse } from './replication.ts';
import type { PendingRead } from './read-only.ts';
import type { Progress } from './tracker/progress.ts';
import type { HeartbeatResponse, Message } from './types.ts';

/** A message of the current term, to its leader. */
export function stepLeader(raft: Raft, message: Message): void {
  if (message.type === 'ReadIndex') {
    takeRead(raft, {
      context: message.context,
      from: message.from,
      minIndex: 0,
      stampMs: raft.log.lastStampMs,
      index: 0,
    });
    return;
  }
  const progress = raft.tracker.get(message.from);
  if (progress === undefined) return;
  if (message.type === 'AppendEntriesResponse') {
    progress.recentActive = true;
    handleAppendEntriesResponse(raft, progress, message);
  } else if (message.type === 'HeartbeatResponse') {
    progress.recentActive = true;
    handleHeartbeatResponse(raft, progress, message);
  }
}

/**
 * Besides confirming leadership, the answer tells that messages get through: what may be lost is sent anew. Not more
 * than once an interval, as rounds of reads are answered in the same way, thousands of times a second.
 */
function handleHeartbeatResponse(raft: Raft, progress: Progress, message: HeartbeatResponse): void {
  if (progress.matchIndex < raft.log.lastIndex && progress.takeBeat()) {
    if (progress.state === 'snapshot') checkSnapshotArrived(raft, progress);
    else if (progress.stuck) progress.becomeProbe();
    progress.probeSent = false;
    raft.appendsDue = true;
  }
  if (raft.readOnly.acknowledge(message.from, message.readRound)) confirmReads(raft);
}

/** Whether there was room for the read. */
export function takeRead(raft: Raft, read: PendingRead): boolean {
  return raft.readOnly.add(read, raft.commitIsKnown, raft.commitIndex);
}

/** Starts a round for the reads that wait, unless one is under way. */
export function startReadRound(raft: Raft): void {
  if (!raft.readOnly.roundDue) return;
  raft.readOnly.startRound(raft.id);
  sendHeartbeats(raft);
  confirmReads(raft);
}

export function sendHeartbeats(raft: Raft): void {
  for (const progress of raft.tracker.peers) {
    const leaderCommit = Math.min(progress.matchIndex, raft.commitIndex);
    progress.toldCommit = Math.max(progress.toldCommit, leaderCommit);
    raft.messages.push({
      type: 'Heartbeat',
      from: raft.id,
      to: progress.member,
      term: raft.term,
      leaderCommit,
      readRound: raft.readOnly.round,
    });
  }
}

/** Once a heartbeat interval. A round that is under way goes along again, as its messages may have been lost. */
export function beat(raft: Raft): void {
  for (const progress of raft.tracker.peers) progress.beat();
  sendHeartbeats(raft);
  // The configuration may have shrunk since the last answer to the round, and nobody else need answer it.
  if (raft.readOnly.roundUnderWay) confirmReads(raft);
}

/** Reads are safe once a quorum has answered a heartbeat that was sent after they came (thesis §6.4). */
function confirmReads(raft: Raft): void {
  const { readOnly } = raft;
  if (jointVoteResult(raft.conf, (voter) => readOnly.acknowledgedBy(voter)) !== 'won') return;
  for (const { context, from, index, stampMs } of readOnly.endRound()) {
    if (from === raft.id) raft.readStates.push({ context, index, stampMs });
    else raft.send({ type: 'ReadIndexResponse', to: from, context, index, stampMs });
  }
}
