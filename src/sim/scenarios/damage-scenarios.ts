import { DataLoss } from '../data-loss.ts';
import type { SimServer } from '../sim-server.ts';
import type { Scenario } from './scenario.ts';
import { SMALL_LOG, type Stage } from './stage.ts';

/** Bits of a log flip at rest: its server says so instead of voting, and is rebuilt; nothing is lost meanwhile. */
function damagedDisk(stage: Stage): void {
  const loss = new DataLoss(stage.cluster, stage.prng, stage.world);
  const work = stage.clients.append({ clients: 3, thinkMs: 10, padding: 60 });
  for (let round = 0; round < 2; round++) {
    work.progress(20);
    stage.until('all know one another', () => stage.cluster.isWhole() && stage.leader() !== null);
    const server = stage.others(stage.leader())[round] as SimServer;
    // Not every byte of a file means something.
    for (let tries = 0; server.refusal === null && tries < 20; tries++) {
      server.crash();
      server.disk.writeBack();
      server.isDamaged = false;
      stage.expect(loss.damage(server) !== null, 'a byte of its log is changed');
      server.start();
    }
    stage.expect(server.refusal !== null, 'a damaged server does not start');
    stage.say(`server ${server.id} says: ${server.refusal}`);
    work.progress(20);
    stage.until('it is rebuilt and votes', () => server.isIntact && stage.cluster.isWhole());
  }
  stage.say('the rebuilt ones are needed, and hold everything');
  stage.leader().crash();
  work.progress(10);
}

/**
 * A follower's write brings it the entries that replace its own, and how far those are committed. Power fails when
 * only the begin of that write has reached the disk.
 */
function commitAheadOfEntries(stage: Stage): void {
  const { clients } = stage;
  for (let round = 0; round < 4; round++) {
    const old = stage.leader();
    clients.mustCall('c', old, { kind: 'append', key: 'k', value: 'x;' });
    stage.run(100);
    stage.partition([old], stage.others(old));
    const value = 'y'.repeat(400);
    const own = { kind: 'append', key: `lost-${round}`, value } as const;
    for (let i = 0; i < 3; i++) clients.send(`lost-${round}-${i}`, old, own, () => undefined);
    const tail = (old.open?.wal.durableIndex ?? 0) + 1;
    stage.until('the old leader has a tail of its own', () => (old.open?.wal.durableIndex ?? 0) >= tail);
    const next = stage.leader(stage.others(old));
    for (let i = 0; i < 5; i++) clients.mustCall('c', next, { kind: 'append', key: 'k', value });
    Object.assign(old.disk.faults, { syncMsMin: 50, syncMsMax: 50 });
    stage.heal();
    const isWriting = (): boolean => old.disk.unsyncedSectors().filter(({ path }) => isLog(path)).length > 4;
    stage.until('the entries that replace its tail are being written', isWriting);
    loseEntries(old);
    Object.assign(old.disk.faults, { syncMsMin: 0.1, syncMsMax: 0.5 });
    old.start();
    clients.mustCall('c', stage.leader(), { kind: 'append', key: 'k', value: 'z;' });
  }
}

/** Power fails: of what the log was being written, only the first record has reached the disk, which is no entry. */
function loseEntries(server: SimServer): void {
  const first = server.disk.unsyncedSectors().find(({ path }) => isLog(path));
  server.losePower({
    // Each record was a write of its own to the sectors that it lies in: the first one made their first version.
    sector: (path, sector) => ({
      version: path === first?.path && sector === first.sector ? 1 : 0,
      tornAt: null,
    }),
  });
}

const isLog = (path: string): boolean => path.startsWith('data/log/') && !path.includes('hard-state');

/** Processes die in the middle of changes of their disks from the very first one on, while the cluster is founded. */
function crashPoints(stage: Stage): void {
  const work = stage.clients.append({ clients: 3, thinkMs: 10, padding: 100 });
  work.progress(20);
  for (const server of stage.servers) server.crashPointsOn = false;
  work.progress(10);
}

/** Two servers of five cannot write down whom they meet: that ends them alone, and the others found the cluster. */
function fullDiskWhileFounding(stage: Stage): void {
  const full = stage.servers.slice(0, 2);
  for (const { disk } of full) disk.capacityBytes = disk.usedBytes;
  const work = stage.clients.append({ clients: 2, thinkMs: 10 });
  work.progress(10);
  for (const { disk } of full) disk.capacityBytes = Infinity;
  work.progress(10);
}

/** Disks that lose or change what they hold. */
export const damageScenarios: readonly Scenario[] = [
  {
    name: 'DamagedDiskRebuilt',
    about: 'a server with a damaged log does not vote, is rebuilt, and nothing is lost',
    options: { servers: 3, replica: SMALL_LOG, flushBytes: 500 },
    play: damagedDisk,
  },
  {
    name: 'CommitIndexBeforeItsEntries',
    about: 'a commit index that outlives the entries it came with commits nothing else',
    options: { servers: 3, requestTimeoutMs: 500 },
    play: commitAheadOfEntries,
  },
  {
    name: 'CrashPointsFromTheStart',
    about: 'processes die in the middle of changes of their disks, while a cluster is founded and after',
    options: { crashPointChance: 0.15 },
    play: crashPoints,
  },
  {
    name: 'FullDiskWhileFounding',
    about: 'servers whose disks are full while a cluster is founded take no others with them',
    options: { requestTimeoutMs: 500 },
    play: fullDiskWhileFounding,
  },
];
