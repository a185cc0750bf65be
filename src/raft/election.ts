/** Elections (paper §5.2, §5.4.1; pre-vote, thesis §9.6). */
import { jointVoteResult } from './quorum/joint.ts';
import type { Raft } from './raft.ts';
import { members } from './confchange/apply.ts';
import { NO_MEMBER, type MemberId, type RequestVote } from './types.ts';

/** Asks whether an election could be won before one is started, so that a member that was cut off disturbs nobody. */
export function preCampaign(raft: Raft): void {
  if (!raft.promotable) return;
  raft.becomePreCandidate();
  requestVotes(raft, { preVote: true, transfer: false });
  // Nothing is promised by a pre-vote, so the own one counts at once.
  countVote(raft, raft.id, true);
}

/** `transfer`: the leader asked for it, so nobody need protect that leader. */
export function campaign(raft: Raft, transfer: boolean): void {
  if (!raft.promotable) return;
  raft.becomeCandidate();
  requestVotes(raft, { preVote: false, transfer });
  // The own vote is counted once it is durable: see `RawNode.persisted`.
}

/**
 * Vote requests leave after the new term is durable, though they promise nothing: a candidate that forgot its term
 * in a crash, and part of its log with it, would ask in that term again, and take a late answer to the longer log
 * for one to the shorter.
 */
function requestVotes(raft: Raft, { preVote, transfer }: { preVote: boolean; transfer: boolean }): void {
  for (const member of members(raft.conf)) {
    const votes = raft.conf.voters.includes(member) || raft.conf.votersOutgoing.includes(member);
    if (!votes || member === raft.id) continue;
    const queue = preVote ? raft.messages : raft.messagesAfterAppend;
    queue.push({
      type: 'RequestVote',
      from: raft.id,
      to: member,
      term: preVote ? raft.term + 1 : raft.term,
      preVote,
      transfer,
      lastLogIndex: raft.log.lastIndex,
      lastLogTerm: raft.log.lastTerm,
    });
  }
}

/** An answer, or the own vote. Each member's first one of a campaign counts. */
export function countVote(raft: Raft, from: MemberId, granted: boolean): void {
  if (!raft.votes.has(from)) raft.votes.set(from, granted);
  const result = jointVoteResult(raft.conf, (voter) => raft.votes.get(voter));
  if (result === 'lost') {
    raft.becomeFollower(raft.term, NO_MEMBER);
  } else if (result === 'won') {
    if (raft.role === 'pre-candidate') campaign(raft, false);
    else raft.becomeLeader();
  }
}

/** Whether a leader was heard so recently that nobody should be helped to replace it (thesis §4.2.3, §6.4.1). */
export function hearsLeader(raft: Raft): boolean {
  return raft.leaderId !== NO_MEMBER && raft.electionElapsed < raft.config.electionTicks;
}

/** A request of this term, or, for a pre-vote, of one to come. */
export function handleRequestVote(raft: Raft, message: RequestVote): void {
  const { from, preVote, lastLogIndex, lastLogTerm } = message;
  const free =
    raft.votedFor === from ||
    (raft.votedFor === NO_MEMBER && raft.leaderId === NO_MEMBER) ||
    (preVote && message.term > raft.term);
  const upToDate =
    lastLogTerm > raft.log.lastTerm ||
    (lastLogTerm === raft.log.lastTerm && lastLogIndex >= raft.log.lastIndex);
  const granted = free && upToDate;
  if (granted && !preVote) {
    // Who helps another to this term no longer asks for the next one.
    if (raft.role === 'pre-candidate') raft.becomeFollower(raft.term, NO_MEMBER);
    raft.votedFor = from;
    raft.resetElectionTimer();
  }
  const queue = preVote ? raft.messages : raft.messagesAfterAppend;
  queue.push({
    type: 'RequestVoteResponse',
    from: raft.id,
    to: from,
    // A pre-vote is granted for the term that was asked for; a refusal tells the own one.
    term: preVote && granted ? message.term : raft.term,
    preVote,
    granted,
  });
}
