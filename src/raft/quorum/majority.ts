import type { MemberId } from '../types.ts';

export type VoteResult = 'won' | 'lost' | 'pending';

/**
 * The highest index that a majority of the voters has reached. No voters agree to everything: it is how the empty
 * half of a joint configuration never holds the other half up.
 */
export function committedIndex(voters: readonly MemberId[], matchIndex: (voter: MemberId) => number): number {
  if (voters.length === 0) return Infinity;
  // Kept in falling order as they come; a handful of voters, and asked for with every acknowledgement.
  const indexes: number[] = [];
  for (const voter of voters) {
    const index = matchIndex(voter);
    let at = indexes.length;
    for (; at > 0 && (indexes[at - 1] ?? 0) < index; at--) indexes[at] = indexes[at - 1] ?? 0;
    indexes[at] = index;
  }
  return indexes[voters.length >> 1] ?? 0;
}

/** How a vote stands; `vote` gives undefined for a voter that has not answered. No voters agree to everything. */
export function voteResult(
  voters: readonly MemberId[],
  vote: (voter: MemberId) => boolean | undefined,
): VoteResult {
  if (voters.length === 0) return 'won';
  let granted = 0;
  let refused = 0;
  for (const voter of voters) {
    const answer = vote(voter);
    if (answer === true) granted++;
    else if (answer === false) refused++;
  }
  const quorum = (voters.length >> 1) + 1;
  if (granted >= quorum) return 'won';
  return voters.length - refused < quorum ? 'lost' : 'pending';
}
