import { countVote } from './election.ts';
import type { Raft } from './raft.ts';
import { stepFollower } from './step-follower.ts';
import type { Message, RequestVoteResponse } from './types.ts';

/** A message of the current term, to a candidate or one that asks whether it should become one. */
export function stepCandidate(raft: Raft, message: Message): void {
  switch (message.type) {
    case 'RequestVoteResponse':
      return stepVote(raft, message);
    case 'AppendEntries':
    case 'InstallSnapshot':
    case 'Heartbeat':
      // Somebody else has won this term.
      raft.becomeFollower(message.term, message.from);
      return stepFollower(raft, message);
    default:
  }
}

/** An answer counts only for what was asked: the kind of campaign, and for a pre-vote the term that would be next. */
function stepVote(raft: Raft, { from, term, preVote, granted }: RequestVoteResponse): void {
  if (preVote !== (raft.role === 'pre-candidate')) return;
  if (preVote && granted && term !== raft.term + 1) return;
  countVote(raft, from, granted);
}
