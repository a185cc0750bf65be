import { campaign } from './election.ts';
import type { Raft } from './raft.ts';
import { handleAppendEntries, handleInstallSnapshot } from './replication.ts';
import type { Message } from './types.ts';

/** A message of the current term, to a follower. */
export function stepFollower(raft: Raft, message: Message): void {
  switch (message.type) {
    case 'AppendEntries':
      hear(raft, message);
      return handleAppendEntries(raft, message);
    case 'InstallSnapshot':
      hear(raft, message);
      return handleInstallSnapshot(raft, message);
    case 'Heartbeat':
      hear(raft, message);
      raft.commitTo(Math.min(message.leaderCommit, raft.log.lastIndex));
      answerHeartbeat(raft, message.from, message.readRound);
      return;
    case 'TimeoutNow':
      return campaign(raft, true);
    case 'ReadIndexResponse':
      if (!raft.askedReads.delete(message.context)) return;
      raft.readStates.push({ context: message.context, index: message.index, stampMs: message.stampMs });
      return;
    default:
  }
}

function hear(raft: Raft, message: Message): void {
  raft.leaderId = message.from;
  raft.electionElapsed = 0;
}

/** The answer vouches for the term: once a later one was promised, it must not be given any more. */
function answerHeartbeat(raft: Raft, to: number, readRound: number): void {
  const { term, votedFor } = raft.durableVote;
  const durable = term === raft.term && votedFor === raft.votedFor;
  if (durable) raft.send({ type: 'HeartbeatResponse', to, readRound });
  else raft.sendAfterAppend({ type: 'HeartbeatResponse', to, readRound });
}
