import { knowsFolderOf } from '../data-loss.ts';
import { membersOf } from '../../replica/membership.ts';
import type { SimServer } from '../sim-server.ts';
import type { Scenario } from './scenario.ts';
import { SMALL_LOG, type Stage } from './stage.ts';

const appliedOf = (server: SimServer): number => server.open?.store.position.index ?? 0;

/** Stops a follower until the leader has cut its log behind what the follower has. */
function fallBehind(stage: Stage): SimServer {
  const work = stage.clients.append({ clients: 2, thinkMs: 10, padding: 200 });
  const away = stage.others(stage.leader())[0] as SimServer;
  const appliedIndex = appliedOf(away);
  away.crash();
  stage.until('the log is cut behind what the server has', () => {
    return (stage.cluster.leader()?.open?.replica.node.firstIndex ?? 0) > appliedIndex + 1;
  });
  work.stop();
  stage.until('nobody works', () => stage.clients.idle);
  return away;
}

/** It has told the leader that it holds the whole snapshot, and dies before it installs it. */
function crashBeforeInstall(stage: Stage): void {
  const away = fallBehind(stage);
  let lastPiece = Infinity;
  let staged = false;
  const release = stage.hold((message, from, to) => {
    if (message.type === 'SnapshotChunk' && to === away.id && message.last) lastPiece = message.seq;
    const acknowledges = message.type === 'SnapshotAck' && from === away.id && message.next > lastPiece;
    if (acknowledges && !staged) stage.scheduler.schedule(0, () => away.process?.pause(1_000));
    staged ||= acknowledges;
    return false;
  });
  away.start();
  stage.until('it has staged the snapshot', () => staged);
  release('deliver');
  stage.run(20);
  away.crash();
  const before = appliedOf(stage.leader());
  stage.run(50);
  away.start();
  stage.until('an idle leader sends another one', () => appliedOf(away) >= before, 15_000);
}

/**
 * Entries that were durable here are replaced by committed ones that are not yet: the state must not run ahead of
 * the log with what it is told of these.
 */
function conflictTakesDurabilityBack(stage: Stage): void {
  const old = stage.leader();
  stage.clients.mustCall('c', old, { kind: 'append', key: 'k', value: 'x;' });
  stage.run(100);
  stage.partition([old], stage.others(old));
  old.run(() => {
    const node = old.open?.replica.node;
    for (let i = 0; i < 40; i++) node?.propose(new Uint8Array(0), node.lastStampMs);
  });
  const { lastIndex = 0 } = old.open?.replica.node ?? {};
  stage.until('they are on its disk', () => old.open?.wal.durableIndex === lastIndex);
  const next = stage.leader(stage.others(old));
  const value = 'y'.repeat(300);
  for (let i = 0; i < 20; i++) stage.clients.mustCall('c', next, { kind: 'append', key: 'k', value });
  holdUpLog(old);
  stage.heal();
  stage.until('it has applied the others', () => appliedOf(old) >= appliedOf(next));
  stage.run(200);
  stage.expect((old.open?.wal.durableIndex ?? 0) < appliedOf(old), 'they are not on its disk');
  old.losePower();
  old.start();
}

/** What this process appends to its log from now on takes the disk seconds; everything else is written as before. */
function holdUpLog({ open, disk: { faults } }: SimServer): void {
  if (open === null) return;
  const append = open.wal.append.bind(open.wal);
  const { writeMsMin, writeMsMax } = faults;
  open.wal.append = (batch, done) => {
    Object.assign(faults, { writeMsMin: 5_000, writeMsMax: 5_000 });
    append(batch, done);
    Object.assign(faults, { writeMsMin, writeMsMax });
  };
}

/** The rebuild is cut off when its folder is tied to the new life in the log, and done again with another folder. */
function rebuildInterrupted(stage: Stage): void {
  const work = stage.clients.append({ clients: 2, thinkMs: 10 });
  work.progress(10);
  const lost = stage.others(stage.leader())[0] as SimServer;
  stage.rebuild(lost);
  stage.until('the log ties it to its folder', () =>
    stage.others(lost).every((other) => knowsFolderOf(other, lost)),
  );
  lost.crash();
  stage.rebuild(lost);
  stage.until('the rebuilt server votes', () => stage.cluster.isWhole());
  work.progress(10);
}

/** The change that makes it a learner reaches nobody but itself before its leader dies. */
function rebuildForgotten(stage: Stage): void {
  const work = stage.clients.append({ clients: 2, thinkMs: 10 });
  work.progress(10);
  const leader = stage.leader();
  const lost = stage.others(leader)[0] as SimServer;
  const release = stage.hold((message, from, to) => {
    if (message.type !== 'AppendEntries' || from !== leader.id || to === lost.id) return false;
    return message.entries.some(({ type }) => type === 'conf-change');
  });
  stage.rebuild(lost);
  stage.until('it takes itself for a member', () => {
    const conf = lost.open?.replica.node.confState();
    return conf !== undefined && membersOf(conf).includes(lost.member);
  });
  leader.crash();
  release('drop');
  stage.leader(stage.others(leader));
  leader.start();
  stage.until('the rebuilt server votes', () => stage.cluster.isWhole());
  work.progress(10);
}

/** Faults of this program that simulated worlds found, each reduced to the few steps that it takes. */
export const replicaRegressions: readonly Scenario[] = [
  {
    name: 'CrashBeforeInstall',
    about: 'a follower that dies with a staged snapshot gets another one, though the leader is idle',
    options: { servers: 3, replica: SMALL_LOG, flushBytes: 500 },
    play: crashBeforeInstall,
  },
  {
    name: 'ConflictTakesDurabilityBack',
    about: 'the state on disk waits for entries that take the place of durable ones',
    options: { servers: 3, flushBytes: 500 },
    play: conflictTakesDurabilityBack,
  },
  {
    name: 'RebuildInterrupted',
    about: 'a rebuild that was cut off can be done again, with a further life of the server',
    options: { servers: 3 },
    play: rebuildInterrupted,
  },
  {
    name: 'RebuildForgotten',
    about: 'a rebuilt server that alone knows that it is a member asks again to become one',
    options: {},
    play: rebuildForgotten,
  },
];
