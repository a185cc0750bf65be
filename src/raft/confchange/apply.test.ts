import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkConfState, checkConfStep } from '../invariants.ts';
import { jointVoteResult } from '../quorum/joint.ts';
import { change, conf } from '../test-messages.ts';
import type { ConfChangeStep, ConfState, MemberId } from '../types.ts';
import { applyConfChange, isJoint, leaveJoint, members } from './apply.ts';

const seed = 1;
const apply = (before: ConfState, ...steps: string[]): ConfState | null =>
  applyConfChange(before, change(...steps).steps);

const anyStep: fc.Arbitrary<ConfChangeStep> = fc.record({
  type: fc.constantFrom('add-voter', 'add-learner', 'remove'),
  member: fc.integer({ min: 1, max: 7 }),
});
const anySteps = fc.array(anyStep, { maxLength: 4 });
const anyConf = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }),
    fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { maxLength: 3 }),
  )
  .map(([voters, learners]) =>
    conf(
      voters.toSorted((a, b) => a - b),
      { learners: learners.filter((learner) => !voters.includes(learner)).toSorted((a, b) => a - b) },
    ),
  );

test('§4.1 one voter comes or goes in a single step', () => {
  assert.deepEqual(apply(conf([1, 2, 3]), '+4'), conf([1, 2, 3, 4]));
  assert.deepEqual(apply(conf([1, 2, 3]), '-2'), conf([1, 3]));
});

test('§4.2.1 learners come, go and become voters in a single step', () => {
  assert.deepEqual(apply(conf([1, 2]), '~3', '~4'), conf([1, 2], { learners: [3, 4] }));
  assert.deepEqual(apply(conf([1, 2], { learners: [3] }), '+3'), conf([1, 2, 3]));
  assert.deepEqual(apply(conf([1, 2], { learners: [3] }), '-3'), conf([1, 2]));
  assert.deepEqual(apply(conf([1, 2, 3]), '~3'), conf([1, 2], { learners: [3] }));
});

test('§4.3 more than one voter changes through a joint configuration', () => {
  assert.deepEqual(apply(conf([1, 2, 3]), '+4', '-3'), conf([1, 2, 4], { votersOutgoing: [1, 2, 3] }));
  assert.deepEqual(apply(conf([1]), '+2', '+3'), conf([1, 2, 3], { votersOutgoing: [1] }));
});

test('§4.3 a voter that becomes a learner through a joint configuration votes until that is left', () => {
  const joint = apply(conf([1, 2, 3]), '~3', '+4');
  assert.deepEqual(joint, conf([1, 2, 4], { votersOutgoing: [1, 2, 3], learnersNext: [3] }));
  assert.deepEqual(joint && apply(joint), conf([1, 2, 4], { learners: [3] }));
});

test('changes that cannot be made are refused', () => {
  assert.equal(apply(conf([1, 2])), null, 'nothing to leave');
  assert.equal(apply(conf([1])), null);
  assert.equal(apply(conf([1]), '-1'), null, 'no voter left');
  assert.equal(apply(conf([1]), '~1'), null, 'no voter left');
  assert.equal(apply(conf([1, 2]), '-9'), null, 'unknown member');
  assert.equal(apply(conf([1, 2], { votersOutgoing: [1, 3] }), '+4'), null, 'joint already');
});

test('whatever is changed, configurations stay well-formed and are entered and left in order', () => {
  let joint = 0;
  fc.assert(
    fc.property(anyConf, anySteps, (before, steps) => {
      const after = applyConfChange(before, steps);
      if (after === null) return;
      checkConfState(after);
      checkConfStep(before, after);
      if (!isJoint(after)) return;
      joint++;
      const left = leaveJoint(after);
      checkConfState(left);
      checkConfStep(after, left);
      assert.deepEqual(members(left), new Set([...after.voters, ...after.learners, ...after.learnersNext]));
    }),
    { seed, numRuns: 1_000 },
  );
  assert.ok(joint > 100, `${joint} joint configurations`);
});

test('§4.1, §4.3 a quorum before a change and one after it share a voter', () => {
  const side = fc.uniqueArray(fc.integer({ min: 1, max: 7 }));
  const wins = (of: ConfState, who: readonly MemberId[]): boolean =>
    jointVoteResult(of, (voter) => who.includes(voter)) === 'won';
  fc.assert(
    fc.property(anyConf, anySteps, side, side, (before, steps, first, second) => {
      const after = applyConfChange(before, steps);
      if (after === null || !wins(before, first) || !wins(after, second)) return;
      assert.ok(first.some((member) => second.includes(member)));
    }),
    { seed, numRuns: 2_000 },
  );
});

test('what a change says of a member last is what it becomes', () => {
  fc.assert(
    fc.property(anyConf, anySteps, (before, steps) => {
      const after = applyConfChange(before, steps);
      if (after === null) return;
      const settled = isJoint(after) ? leaveJoint(after) : after;
      const last = new Map(steps.map(({ type, member }) => [member, type]));
      for (const [member, type] of last) {
        assert.equal(settled.voters.includes(member), type === 'add-voter');
        assert.equal(settled.learners.includes(member), type === 'add-learner');
      }
    }),
    { seed, numRuns: 500 },
  );
});
