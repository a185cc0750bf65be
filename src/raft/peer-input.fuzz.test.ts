import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrng } from '../base/prng.ts';
import type { Prng } from '../base/prng.ts';
import { describeMessage, describeNode } from './describe.ts';
import { checkNode } from './invariants.ts';
import { RawNode } from './raw-node.ts';
import { bytes, conf, initialOf, vote } from './test-messages.ts';
import { testTuning } from './test-node.ts';
import type { Entry, MemberId, Message, Role } from './types.ts';

/**
 * A peer may be broken, of another version, or the wrong server at a known address. Whatever well-formed message
 * it sends must not stop this server: an assertion that a message can trigger is a way to kill a cluster.
 */

const MEMBER = 1;

/** Small numbers collide with what the core holds; a few are far off. */
const number = (prng: Prng): number => (prng.chance(0.03) ? 2 ** 40 : prng.below(prng.chance(0.5) ? 4 : 14));

const member = (prng: Prng): MemberId => (prng.chance(0.8) ? 1 + prng.below(4) : prng.below(9));

function entries(prng: Prng, prevLogIndex: number, prevLogTerm: number): Entry[] {
  let index = prevLogIndex;
  let term = prevLogTerm;
  let stampMs = prng.below(50);
  return Array.from({ length: prng.below(5) }, () => {
    const isSound = prng.chance(0.9);
    index = isSound ? index + 1 : number(prng);
    term = isSound ? term + prng.below(2) : number(prng);
    stampMs = isSound ? stampMs + prng.below(9) : prng.below(50);
    const type = prng.chance(0.1) ? 'conf-change' : 'normal';
    return { index, term, type, stampMs, data: bytes(prng.chance(0.5) ? 'x' : '{"steps":[]}') };
  });
}

function draw(prng: Prng, core: RawNode): Message {
  const term = prng.chance(0.7) ? core.term + prng.below(3) - 1 : number(prng);
  const envelope = { from: member(prng), to: prng.chance(0.95) ? MEMBER : member(prng), term };
  const index = number(prng);
  const logTerm =
    core.termAt(index) !== undefined && prng.chance(0.7) ? (core.termAt(index) as number) : number(prng);
  const flag = () => prng.chance(0.6);
  switch (prng.below(10)) {
    case 0:
      return {
        ...envelope,
        type: 'RequestVote',
        preVote: flag(),
        transfer: flag(),
        lastLogIndex: index,
        lastLogTerm: logTerm,
      };
    case 1:
      return { ...envelope, type: 'RequestVoteResponse', preVote: flag(), granted: flag() };
    case 2:
    case 3: {
      const list = entries(prng, index, logTerm);
      return {
        ...envelope,
        type: 'AppendEntries',
        prevLogIndex: index,
        prevLogTerm: logTerm,
        entries: list,
        leaderCommit: number(prng),
      };
    }
    case 4:
      return {
        ...envelope,
        type: 'AppendEntriesResponse',
        success: flag(),
        index,
        hintIndex: number(prng),
        hintTerm: logTerm,
      };
    case 5:
      return { ...envelope, type: 'Heartbeat', leaderCommit: number(prng), readRound: number(prng) };
    case 6:
      return { ...envelope, type: 'HeartbeatResponse', readRound: number(prng) };
    case 7: {
      const snapshot = { index, term: logTerm, stampMs: number(prng), confState: conf([1, 2, 3]) };
      return prng.chance(0.2)
        ? { ...envelope, type: 'InstallSnapshot', snapshot }
        : { ...envelope, type: 'TimeoutNow' };
    }
    case 8:
      return { ...envelope, type: 'ReadIndex', context: number(prng) };
    default:
      return { ...envelope, type: 'ReadIndexResponse', context: number(prng), index, stampMs: number(prng) };
  }
}

/** Takes what the core wants done, as a server with a fast disk does. */
function serve(core: RawNode): void {
  while (core.hasReady()) {
    const ready = core.ready();
    core.persisted(ready.seq);
    const last = ready.committedEntries.at(-1)?.index ?? ready.snapshot?.index;
    if (last !== undefined) core.applied(last);
    for (const to of ready.snapshotsWanted) core.snapshotStarted(to, core.appliedIndex);
  }
}

/** Lets a campaign succeed, which random messages hardly ever do. */
function elect(core: RawNode): void {
  core.campaign();
  serve(core);
  for (const preVote of [true, false]) core.step(vote(2, MEMBER, core.term + (preVote ? 1 : 0), { preVote }));
}

/** Feeds one core random messages; what it throws tells the last ones. */
function run(seed: number, rolesSeen: Set<Role>): void {
  const prng = createPrng(seed);
  const terms = Array.from({ length: prng.below(8) }, (_, i) => 1 + (i >> 1));
  const initial = initialOf([1, 2, 3], { terms, commit: prng.below(terms.length + 1) }, [4]);
  const core = new RawNode({ id: MEMBER, prng, initial, ...testTuning });
  const history: string[] = [];
  for (let step = 0; step < 150; step++) {
    serve(core);
    const choice = prng.below(16);
    if (choice === 0) core.tick();
    else if (choice === 1) core.campaign();
    else if (choice === 2) core.propose(bytes('p'), prng.below(50));
    else if (choice === 3) elect(core);
    serve(core);
    rolesSeen.add(core.role);
    const message = draw(prng, core);
    history.push(`${describeNode(core)}\n    ${describeMessage(message)}`);
    try {
      core.step(message);
      serve(core);
      checkNode(core);
    } catch (error) {
      throw new Error(`seed ${seed}:\n${history.slice(-4).join('\n')}`, { cause: error });
    }
  }
}

test('no message of a peer stops a server, whatever its role', () => {
  const rolesSeen = new Set<Role>();
  for (let seed = 1; seed <= 2000; seed++) run(seed, rolesSeen);
  assert.deepEqual([...rolesSeen].sort(), ['candidate', 'follower', 'leader', 'pre-candidate']);
});
