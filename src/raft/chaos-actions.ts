import type { Prng } from '../base/prng.ts';
import type { Chaos } from './cluster-chaos.ts';
import { bytes, change } from './test-messages.ts';
import type { TestNode } from './test-node.ts';
import type { MemberId } from './types.ts';

/** Servers of one run, those included that join later. */
const SERVERS_MAX = 7;

const pick = <T>(chaos: Chaos, list: readonly T[]): T | undefined =>
  list[chaos.prng.below(Math.max(1, list.length))];

const running = (chaos: Chaos): TestNode[] => chaos.cluster.nodes.filter((node) => node.isUp);

/** Any server that believes to lead, a deposed one too. */
const anyLeader = (chaos: Chaos): TestNode | undefined =>
  pick(
    chaos,
    running(chaos).filter((node) => node.raw.role === 'leader'),
  );

function propose(chaos: Chaos): void {
  const leader = anyLeader(chaos);
  if (leader === undefined) return;
  for (let i = chaos.prng.below(6); i >= 0; i--) {
    const text = `${chaos.now}.${i}`.padEnd(chaos.prng.below(40), '.');
    const last = leader.raw.lastIndex;
    const result = leader.call((raw) => raw.propose(bytes(text), chaos.stampOf(leader.id)));
    chaos.count(typeof result === 'number' ? 'proposals' : `refused ${result}`);
    if (typeof result === 'number' && result !== last + 1)
      throw new Error(`proposed ${result} behind ${last}`);
  }
}

function proposeToFollower(chaos: Chaos): void {
  const node = pick(chaos, running(chaos));
  if (node === undefined || node.raw.role === 'leader') return;
  const result = node.call((raw) => raw.propose(bytes('no'), 0));
  if (result !== 'not-leader') throw new Error(`member ${node.id} takes a proposal as ${node.raw.role}`);
}

function read(chaos: Chaos): void {
  const node = pick(chaos, running(chaos));
  if (node === undefined) return;
  const before = node.reads.length;
  chaos.cluster.read(node.id);
  chaos.count('reads asked');
  if (node.reads.length > before) chaos.count('reads confirmed at once');
}

function readOnLeader(chaos: Chaos): void {
  const leader = anyLeader(chaos);
  if (leader === undefined) return;
  chaos.cluster.read(leader.id);
  chaos.count('reads asked');
}

/** One step that is possible in the leader's configuration, or not, for the refusals. */
function drawStep(chaos: Chaos, leader: TestNode): string {
  const { voters, learners } = leader.raw.confState();
  const known = [...voters, ...learners];
  const outside = chaos.cluster.ids.filter((id) => !known.includes(id));
  if (outside.length === 0 && chaos.cluster.ids.length < SERVERS_MAX) {
    const node = chaos.cluster.addServer(chaos.cluster.ids.length + 1);
    chaos.enlist(node);
    outside.push(node.id);
  }
  const any = pick(chaos, known) as MemberId;
  const joining = pick(chaos, outside) ?? any;
  switch (chaos.prng.below(5)) {
    case 0:
      return `+${joining}`;
    case 1:
      return `~${joining}`;
    case 2:
      return `+${pick(chaos, learners) ?? any}`;
    case 3:
      return `~${any}`;
    default:
      return `-${any}`;
  }
}

function changeMembers(chaos: Chaos): void {
  const leader = anyLeader(chaos);
  if (leader === undefined) return;
  const steps = Array.from({ length: [1, 1, 2, 3, 4][chaos.prng.below(5)] as number }, () =>
    drawStep(chaos, leader),
  );
  const result = leader.call((raw) => raw.proposeConfChange(change(...steps), chaos.stampOf(leader.id)));
  chaos.trace(() => `change at ${leader.id}: ${steps.join(' ')} → ${result}`);
  if (typeof result !== 'number') chaos.count(`change refused ${result}`);
  else chaos.count(leader.raw.confState().votersOutgoing.length > 0 ? 'joint changes' : 'simple changes');
  // The time before a change is committed is short, and the one in which things go wrong.
  if (chaos.prng.chance(0.3)) chaos.soon(() => partition(chaos));
  if (chaos.prng.chance(0.2)) chaos.soon(() => leader.isUp && chaos.crash(leader));
}

function transfer(chaos: Chaos): void {
  const leader = anyLeader(chaos);
  const to = pick(chaos, chaos.cluster.ids);
  if (leader === undefined || to === undefined) return;
  const isTaken = leader.call((raw) => raw.transferLeadership(to));
  chaos.trace(() => `transfer ${leader.id} to ${to}: ${isTaken}`);
  if (isTaken) chaos.count('transfers');
}

function crash(chaos: Chaos): void {
  const node = pick(chaos, running(chaos));
  if (node === undefined) return;
  chaos.count('crashes');
  chaos.crash(node);
}

function crashAll(chaos: Chaos): void {
  if (!chaos.prng.chance(0.2)) return;
  for (const node of running(chaos)) crashOne(chaos, node);
}

function crashOne(chaos: Chaos, node: TestNode): void {
  chaos.count('crashes');
  chaos.crash(node);
}

function partition(chaos: Chaos): void {
  const groups: MemberId[][] = [[], [], []];
  for (const id of chaos.cluster.ids) groups[chaos.prng.below(chaos.prng.chance(0.2) ? 3 : 2)]?.push(id);
  chaos.trace(() => `partition ${groups.map((group) => group.join()).join(' | ')}`);
  chaos.cluster.partition(...groups);
  chaos.count('partitions');
}

function isolateLeader(chaos: Chaos): void {
  const leader = chaos.cluster.leader();
  if (leader === null) return;
  chaos.trace(() => `isolate ${leader.id}`);
  chaos.cluster.isolate(leader.id);
  chaos.count('partitions');
}

/** A leader takes entries that nobody hears of: it ends with a tail that others have to replace. */
function strandLeader(chaos: Chaos): void {
  const leader = chaos.cluster.leader();
  if (leader === null) return;
  chaos.trace(() => `strand ${leader.id}`);
  chaos.cluster.isolate(leader.id);
  for (let i = chaos.prng.below(12); i >= 0; i--) {
    const result = leader.call((raw) => raw.propose(bytes(`${chaos.now}`), chaos.stampOf(leader.id)));
    if (typeof result === 'number') chaos.count('stranded proposals');
  }
}

function cutOneWay(chaos: Chaos): void {
  const from = pick(chaos, chaos.cluster.ids) as MemberId;
  const to = pick(chaos, chaos.cluster.ids) as MemberId;
  if (from === to) return;
  chaos.trace(() => `cut ${from} > ${to}`);
  chaos.cluster.cutOneWay(from, to);
}

function heal(chaos: Chaos): void {
  chaos.trace(() => 'heal links');
  chaos.cluster.heal();
}

function store(chaos: Chaos): void {
  const node = pick(chaos, running(chaos));
  if (node === undefined) return;
  node.flush();
  if (chaos.prng.chance(0.7)) node.compact(node.disk.applied.index - chaos.prng.below(5));
}

/** What the connections and the disk of a server may tell its core, rightly or not. */
function hints(chaos: Chaos): void {
  const node = pick(chaos, running(chaos));
  const other = pick(chaos, chaos.cluster.ids);
  if (node === undefined || other === undefined) return;
  const kind = chaos.prng.below(6);
  chaos.trace(() => `hint ${kind} to ${node.id} about ${other}`);
  node.call((raw) => {
    if (kind === 0) raw.forgetLeader();
    else if (kind === 1) raw.reportUnreachable(other);
    else if (kind === 2) raw.stepDown();
    else if (kind === 3) raw.snapshotFailed(other);
    else if (kind === 4) raw.sendCommit(other);
    else raw.campaign();
  });
}

interface Action {
  /** How often it happens, compared with the others. */
  readonly weight: number;
  /** Whether runs may do without it or do it much more often: what is rare in a mix of everything is found so. */
  readonly varies: boolean;
  readonly run: (chaos: Chaos) => void;
}

const base = (weight: number, run: (chaos: Chaos) => void): Action => ({ weight, varies: false, run });
const varying = (weight: number, run: (chaos: Chaos) => void): Action => ({ weight, varies: true, run });

const actions: readonly Action[] = [
  base(14, propose),
  base(1, proposeToFollower),
  base(6, read),
  base(2, readOnLeader),
  varying(3, changeMembers),
  varying(2, transfer),
  varying(3, crash),
  varying(1, crashAll),
  varying(2, partition),
  varying(1, isolateLeader),
  varying(2, strandLeader),
  varying(2, cutOneWay),
  base(4, heal),
  varying(6, store),
  varying(2, hints),
];

/** What happens in one run, and how often: the functions returned draw from it. */
export function drawActions(prng: Prng): () => (chaos: Chaos) => void {
  const weights = actions.map(({ weight, varies }) =>
    varies ? weight * ([0, 0.2, 1, 1, 3, 8][prng.below(6)] as number) : weight,
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return () => {
    let at = prng.float() * total;
    const drawn = weights.findIndex((weight) => (at -= weight) < 0);
    return (actions[drawn] as Action).run;
  };
}
