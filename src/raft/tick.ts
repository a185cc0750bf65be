import { preCampaign } from './election.ts';
import type { Raft } from './raft.ts';
import { beat } from './step-leader.ts';
import { NO_MEMBER } from './types.ts';

/** Lets one tick pass: the only measure of time that a member has. */
export function tick(raft: Raft, mayCampaign: boolean): void {
  if (raft.role === 'leader') tickLeader(raft);
  else tickOther(raft, mayCampaign);
}

function tickLeader(raft: Raft): void {
  const { electionTicks, heartbeatTicks } = raft.config;
  // The one to take over did not in time: proposals are taken again (thesis §3.10).
  if (raft.transferee !== NO_MEMBER && ++raft.transferElapsed >= electionTicks) raft.transferee = NO_MEMBER;
  if (++raft.electionElapsed >= electionTicks) {
    raft.electionElapsed = 0;
    // Check-quorum (thesis §6.2): clients must not wait for a leader that reaches nobody.
    if (!raft.tracker.takeQuorumActive(raft.conf)) return raft.becomeFollower(raft.term, NO_MEMBER);
  }
  if (++raft.heartbeatElapsed >= heartbeatTicks) {
    raft.heartbeatElapsed = 0;
    beat(raft);
  }
}

/** Who has heard no leader for a randomised time asks for votes (§5.2); who may not be elected goes on waiting. */
function tickOther(raft: Raft, mayCampaign: boolean): void {
  if (++raft.electionElapsed < raft.electionTimeout) return;
  raft.resetElectionTimer();
  if (raft.promotable && mayCampaign) preCampaign(raft);
  else raft.leaderId = NO_MEMBER;
}
