import { handleRequestVote, hearsLeader } from './election.ts';
import type { Raft } from './raft.ts';
import { stepCandidate } from './step-candidate.ts';
import { stepFollower } from './step-follower.ts';
import { stepLeader } from './step-leader.ts';
import { NO_MEMBER, type Message } from './types.ts';

const fromLeader = (message: Message): boolean =>
  message.type === 'AppendEntries' || message.type === 'Heartbeat' || message.type === 'InstallSnapshot';

/** No term ever gets there. A peer that says so is broken, and would leave no next term to anybody. */
const TERM_MAX = 2 ** 52;

/** Takes one message: first what its term means (paper §5.1), then what the role makes of it. */
export function step(raft: Raft, message: Message): void {
  if (message.from === raft.id || message.to !== raft.id || message.term > TERM_MAX) return;
  if (message.term > raft.term && !stepHigherTerm(raft, message)) return;
  if (message.term < raft.term) return stepLowerTerm(raft, message);
  if (message.type === 'RequestVote') return handleRequestVote(raft, message);
  switch (raft.role) {
    case 'leader':
      return stepLeader(raft, message);
    case 'follower':
      return stepFollower(raft, message);
    case 'candidate':
    case 'pre-candidate':
      return stepCandidate(raft, message);
  }
}

/** Whether the message is to be looked at further. */
function stepHigherTerm(raft: Raft, message: Message): boolean {
  if (message.type === 'RequestVote') {
    if (!message.transfer && hearsLeader(raft)) return false;
    if (message.preVote) return true;
  }
  // A pre-vote is granted in a term that nobody is in yet.
  if (message.type === 'RequestVoteResponse' && message.preVote && message.granted) return true;
  raft.becomeFollower(message.term, fromLeader(message) ? message.from : NO_MEMBER);
  return true;
}

/** Nothing of an earlier term counts, but its sender is told of the newer one where that helps it on. */
function stepLowerTerm(raft: Raft, message: Message): void {
  if (fromLeader(message)) {
    // This member is cut off from elections by the others' contact with that leader, and the leader cannot reach it
    // in its term: the answer makes the leader step down, and all go on in a newer term.
    raft.sendAfterAppend({
      type: 'AppendEntriesResponse',
      to: message.from,
      success: false,
      index: 0,
      hintIndex: 0,
      hintTerm: 0,
    });
  } else if (message.type === 'RequestVote') {
    raft.sendAfterAppend({
      type: 'RequestVoteResponse',
      to: message.from,
      preVote: message.preVote,
      granted: false,
    });
  }
}
