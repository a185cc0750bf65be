import type { ConfState, MemberId } from '../types.ts';
import { committedIndex, voteResult, type VoteResult } from './majority.ts';

type Voters = Pick<ConfState, 'voters' | 'votersOutgoing'>;

/** What both majorities of a joint configuration have reached (paper §6); of a simple one, what its majority has. */
export function jointCommittedIndex(conf: Voters, matchIndex: (voter: MemberId) => number): number {
  return Math.min(committedIndex(conf.voters, matchIndex), committedIndex(conf.votersOutgoing, matchIndex));
}

/** A vote is won with both majorities, and lost as soon as one of them cannot be had any more. */
export function jointVoteResult(conf: Voters, vote: (voter: MemberId) => boolean | undefined): VoteResult {
  const incoming = voteResult(conf.voters, vote);
  const outgoing = voteResult(conf.votersOutgoing, vote);
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending';
}
