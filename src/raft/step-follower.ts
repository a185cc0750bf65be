import { campaign } from './election.ts';
import type { Raft } from './raft.ts';
import { handleAppendEntries, handleInstallSnapshot } from './replication.ts';
import { NO_MEMBER, type Message } from './types.ts';

/** A message of the current term, to a follower. */
export function stepFollower(raft: Raft, message: Message): void {
  switch (message.type) {
    case 'AppendEntries':
      return hear(raft, message) ? handleAppendEntries(raft, message) : undefined;
    case 'InstallSnapshot':
      return hear(raft, message) ? handleInstallSnapshot(raft, message) : undefined;
    case 'Heartbeat':
      if (!hear(raft, message)) return;
      raft.commitTo(Math.min(message.leaderCommit, raft.log.lastIndex));
      answerHeartbeat(raft, message.from, message.readRound);
      return;
    case 'TimeoutNow':
      return campaign(raft, true);
    case 'ReadIndexResponse':
      if (!raft.askedReads.take(message.context)) return;
      raft.readStates.push({ context: message.context, index: message.index, stampMs: message.stampMs });
      return;
    default:
  }
}

/** Whether the message is from the leader of the term. There is only one (§5.2), so anybody else is no leader. */
function hear(raft: Raft, { from }: Message): boolean {
  if (raft.leaderId !== NO_MEMBER && raft.leaderId !== from) return false;
  raft.leaderId = from;
  raft.electionElapsed = 0;
  return true;
}

/** The answer vouches for the term: once a later one was promised, it must not be given any more. */
function answerHeartbeat(raft: Raft, to: number, readRound: number): void {
  const { term, votedFor } = raft.durableVote;
  const durable = term === raft.term && votedFor === raft.votedFor;
  const queue = durable ? raft.messages : raft.messagesAfterAppend;
  queue.push({ type: 'HeartbeatResponse', from: raft.id, to, term: raft.term, readRound });
}
