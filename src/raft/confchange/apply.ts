import type { ConfChangeStep, ConfState, MemberId } from '../types.ts';

export const isJoint = (conf: ConfState): boolean => conf.votersOutgoing.length > 0;

/** Every member, whatever its part. */
export function members(conf: ConfState): Set<MemberId> {
  return new Set([...conf.voters, ...conf.votersOutgoing, ...conf.learners, ...conf.learnersNext]);
}

export const isVoter = (conf: ConfState, member: MemberId): boolean =>
  conf.voters.includes(member) || conf.votersOutgoing.includes(member);

/**
 * The configuration after a change, or null when the change cannot be made: empty steps outside of a joint
 * configuration, any other steps inside of one, no voter left, or a member removed that is none. More than one voter
 * that comes or goes makes a joint configuration (paper §6); up to one is safe in a single step (thesis §4.1).
 */
export function applyConfChange(conf: ConfState, steps: readonly ConfChangeStep[]): ConfState | null {
  if (isJoint(conf)) return steps.length === 0 ? leaveJoint(conf) : null;
  if (steps.length === 0) return null;
  const voters = new Set(conf.voters);
  const learners = new Set(conf.learners);
  for (const { type, member } of steps) {
    const known = voters.delete(member);
    if (!learners.delete(member) && !known && type === 'remove') return null;
    if (type === 'add-voter') voters.add(member);
    if (type === 'add-learner') learners.add(member);
  }
  if (voters.size === 0) return null;
  const changed = conf.voters.filter((voter) => !voters.has(voter)).length;
  const added = [...voters].filter((voter) => !conf.voters.includes(voter)).length;
  if (changed + added <= 1) {
    return { voters: sorted(voters), votersOutgoing: [], learners: sorted(learners), learnersNext: [] };
  }
  // A voter that becomes a learner keeps its vote in the old half until the joint configuration is left.
  const demoted = new Set([...learners].filter((member) => conf.voters.includes(member)));
  return {
    voters: sorted(voters),
    votersOutgoing: conf.voters,
    learners: sorted([...learners].filter((member) => !demoted.has(member))),
    learnersNext: sorted(demoted),
  };
}

/** The configuration behind a joint one. */
export function leaveJoint(conf: ConfState): ConfState {
  return {
    voters: conf.voters,
    votersOutgoing: [],
    learners: sorted([...conf.learners, ...conf.learnersNext]),
    learnersNext: [],
  };
}

const sorted = (list: Iterable<MemberId>): MemberId[] => [...new Set(list)].sort((a, b) => a - b);
