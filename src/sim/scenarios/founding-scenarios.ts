import type { SimServer } from '../sim-server.ts';
import type { Scenario } from './scenario.ts';
import { SMALL_LOG, type Stage } from './stage.ts';

const LONG_MS = 20_000;

const isFounded = ({ open }: SimServer): boolean => open?.replica.status().clusterId !== '';

/**
 * Leaves one voter of three, which holds everything: of the others one is removed and one only learns. They are a
 * majority of the configuration by which a cluster is founded, and lose their folders.
 */
function emptyMajority(stage: Stage): { voter: SimServer; emptied: readonly SimServer[] } {
  stage.clients.append({ clients: 2, thinkMs: 10 }).progress(10);
  const voter = stage.leader();
  const emptied = stage.others(voter);
  const [removed, learner] = emptied as [SimServer, SimServer];
  stage.until('all know one another', () => stage.cluster.isWhole());
  voter.run(() => {
    const node = voter.open?.replica.node;
    const steps = [
      { type: 'remove', member: removed.member },
      { type: 'add-learner', member: learner.member },
    ] as const;
    node?.proposeConfChange({ steps, context: new Uint8Array(0) }, node.lastStampMs);
  });
  stage.until('one server votes alone', () => {
    const conf = voter.open?.replica.node.confState();
    return conf?.voters.length === 1 && conf.votersOutgoing.length === 0;
  });
  for (const server of emptied) server.wipe();
  return { voter, emptied };
}

function expectNothingFounded(stage: Stage, emptied: readonly SimServer[]): void {
  for (let passedMs = 0; passedMs < LONG_MS; passedMs += 100) {
    stage.run(100);
    stage.expect(!emptied.some(isFounded), 'servers that lost their folders found no second cluster');
  }
}

/** Where all must meet, emptied servers that never hear of the one that is left found nothing. */
function emptiedAndCutOff(stage: Stage): void {
  const { voter, emptied } = emptyMajority(stage);
  stage.partition([voter], emptied);
  for (const server of emptied) server.start();
  expectNothingFounded(stage, emptied);
  stage.heal();
  for (const server of emptied) stage.rebuild(server);
}

/** Where a majority may begin, one word of the cluster is enough, also for processes that start later. */
function emptiedAndTold(stage: Stage): void {
  const { voter, emptied } = emptyMajority(stage);
  for (const server of emptied) server.start();
  stage.run(500);
  voter.crash();
  expectNothingFounded(stage, emptied);
  for (const server of emptied) {
    server.crash();
    server.start();
  }
  expectNothingFounded(stage, emptied);
  voter.start();
  for (const server of emptied) stage.rebuild(server);
}

/** Two of five are not there at the first start: the others wait for them for a while, and begin without them. */
function foundedByMajority(stage: Stage): void {
  const absent = stage.servers.slice(0, 2);
  for (const server of absent) server.crash();
  stage.run(800);
  stage.expect(!stage.servers.some((server) => server.isUp && isFounded(server)), 'they wait');
  stage.clients.append({ clients: 2, thinkMs: 10 }).progress(10);
  for (const server of absent) server.start();
}

/** One of five is not there at the first start, and all must be: then the cluster begins at once. */
function foundedByAll(stage: Stage): void {
  const absent = stage.servers[0] as SimServer;
  absent.crash();
  stage.run(LONG_MS);
  stage.expect(!stage.servers.some((server) => server.isUp && isFounded(server)), 'they wait');
  absent.start();
  stage.clients.append({ clients: 2, thinkMs: 10 }).progress(10);
}

/** A server that joins late hears of the leader, gets nothing of the log, and is needed for the next election. */
function lateServerVotes(stage: Stage): void {
  const late = stage.servers[0] as SimServer;
  late.crash();
  stage.clients.append({ clients: 1, thinkMs: 10 }).progress(10);
  const leader = stage.leader();
  const [other] = stage.others(leader, late) as [SimServer];
  const release = stage.hold((message, _from, to) => message.type === 'AppendEntries' && to === late.id);
  late.start();
  stage.run(300);
  other.crash();
  leader.crash();
  leader.start();
  stage.until('it helps to elect the one that has the log', () => stage.cluster.leader() === leader);
  release('drop');
  other.start();
}

const waiting = (foundingWaitMs: number): typeof SMALL_LOG => ({ ...SMALL_LOG, foundingWaitMs });

/** How a cluster begins, and that no second one does beside it. */
export const foundingScenarios: readonly Scenario[] = [
  {
    name: 'EmptiedServersCutOff',
    about:
      'where founding takes all servers, a majority of them that lost their folders founds no second cluster',
    options: { servers: 3, replica: waiting(Infinity) },
    play: emptiedAndCutOff,
  },
  {
    name: 'EmptiedServersTold',
    about: 'servers that lost their folders and have heard of their cluster never found a second one',
    options: { servers: 3, replica: waiting(1_000) },
    play: emptiedAndTold,
  },
  {
    name: 'FoundedByMajority',
    about: 'a majority begins without servers that are not there at the first start',
    options: { replica: waiting(1_000) },
    play: foundedByMajority,
  },
  {
    name: 'FoundedByAll',
    about: 'where founding takes all servers, nothing begins without one of them',
    options: { replica: waiting(Infinity) },
    play: foundedByAll,
  },
  {
    name: 'LateServerVotes',
    about:
      'a server that holds nothing of the log yet notices when its leader is gone, and votes for the next',
    options: { servers: 3, replica: waiting(1_000) },
    play: lateServerVotes,
  },
];
