import type { SimServer } from '../sim-server.ts';
import { repartition } from './partition-scenarios.ts';
import type { Scenario } from './scenario.ts';
import { SMALL_LOG, UNRELIABLE_NETWORK, type Stage } from './stage.ts';

/** A follower that is down while the log is cut needs a snapshot, and gets it over a bad network. */
function snapshots(stage: Stage): void {
  const work = stage.clients.append({ clients: 4, thinkMs: 10, padding: 60 });
  for (let round = 0; round < 2; round++) {
    const away = stage.others(stage.leader())[0] as SimServer;
    const appliedIndex = away.open?.store.position.index ?? 0;
    away.crash();
    stage.until('the log is cut behind what the server has', () => {
      const first = stage.cluster.leader()?.open?.replica.node.firstIndex ?? 0;
      return first > appliedIndex + 1;
    });
    away.start();
    work.progress(10);
  }
}

/** Clients pinned to a leader that nobody hears: errors, never a value, and nothing that the others do not see. */
function isolatedLeader(stage: Stage): void {
  const { clients } = stage;
  const old = stage.leader();
  clients.mustCall('c', old, { kind: 'append', key: 'k', value: 'old;' });
  const others = stage.others(old);
  stage.partition([old], others);
  let answers = 0;
  let values = 0;
  const read = (left: number): void =>
    clients.send('pinned', old, { kind: 'get', key: 'k' }, ({ ok }) => {
      answers++;
      if (ok) values++;
      if (left > 1) read(left - 1);
    });
  read(2);
  const next = stage.leader(others);
  clients.mustCall('c', next, { kind: 'append', key: 'k', value: 'new;' });
  stage.until('the isolated leader answers its clients', () => answers === 2);
  stage.expect(values === 0, 'no value comes from an isolated leader');
  stage.expect(!old.leads, 'a leader that reaches nobody steps down');
  stage.heal();
  const { value } = clients.mustCall('pinned', old, { kind: 'get', key: 'k' });
  stage.expect(value === 'old;new;', 'the healed server reads what the others wrote');
}

/** The leader is heard but hears nobody, or one follower is; the cluster must not be stuck for long. */
function asymmetric(stage: Stage): void {
  const work = stage.clients.append({ clients: 3, thinkMs: 10 });
  const deaf = stage.leader();
  stage.say(`nothing reaches server ${deaf.id}`);
  for (const other of stage.others(deaf)) stage.network.cut(other.id, deaf.id);
  stage.until('a leader that hears nobody is replaced', () => {
    const leader = stage.cluster.leader();
    return leader !== null && leader !== deaf && !deaf.leads;
  });
  const healthy = stage.clients.append({ clients: 2, servers: stage.others(deaf), thinkMs: 10 });
  healthy.progress(20, 5_000);
  stage.heal();
  const mute = stage.others(stage.leader())[0] as SimServer;
  const { term } = stage.leader().open?.replica.node ?? { term: 0 };
  stage.say(`server ${mute.id} hears only, and is not heard`);
  for (const other of stage.others(mute)) stage.network.cut(mute.id, other.id);
  stage.run(1_000);
  stage.expect(stage.leader().open?.replica.node.term === term, 'who hears the leader starts no election');
  healthy.progress(10);
  stage.heal();
  work.progress(10);
}

/** Every server is stopped and started, one after the other; at most a request timeout is without progress. */
function rollingRestart(stage: Stage): void {
  const work = stage.clients.append({ clients: 3, thinkMs: 10 });
  work.progress(10);
  for (const server of stage.servers) {
    server.stop();
    stage.until(`server ${server.id} stops`, () => !server.isUp);
    work.progress(5, 5_000);
    server.start();
    stage.until(`server ${server.id} is back`, () => {
      const commit = stage.cluster.commitIndex;
      return (server.open?.store.position.index ?? 0) >= commit;
    });
  }
}

/** A leader with a slow disk goes on, as the majority need not wait for it; one whose disk stalls hands over. */
function slowDisk(stage: Stage): void {
  const work = stage.clients.append({ clients: 3, thinkMs: 15 });
  work.progress(10);
  const slow = stage.leader();
  Object.assign(slow.disk.faults, { syncMsMin: 100, syncMsMax: 120 });
  stage.say(`the disk of server ${slow.id} is slow`);
  stage.run(300);
  const before = work.ok;
  stage.run(200);
  stage.expect(work.ok - before > 5, 'a majority commits without the disk of its leader');
  Object.assign(slow.disk.faults, { syncMsMin: 5_000, syncMsMax: 5_000 });
  stage.say(`the disk of server ${slow.id} has stalled`);
  stage.until('a leader whose disk has stalled is replaced', () => {
    const leader = stage.cluster.leader();
    return leader !== null && leader !== slow;
  });
  work.progress(10);
  Object.assign(slow.disk.faults, { syncMsMin: 0.1, syncMsMax: 0.5 });
}

/** A rebuilt server learns first, while the others have work, and votes only when it has caught up. */
function learner(stage: Stage): void {
  const work = stage.clients.append({ clients: 3, thinkMs: 10, padding: 100 });
  work.progress(60);
  const lost = stage.others(stage.leader())[0] as SimServer;
  stage.rebuild(lost);
  let learned = false;
  stage.until('the rebuilt server votes again', () => {
    const { learners, voters } = stage.cluster.leader()?.open?.replica.status() ?? {};
    learned ||= learners?.includes(lost.id) === true;
    const own = lost.open?.replica.node;
    const votes = own !== undefined && own.confState().voters.includes(own.id);
    return votes && voters?.includes(lost.id) === true && learners?.length === 0;
  });
  stage.expect(learned, 'it was a learner before');
  work.progress(20);
}

/** Every server gets a new life, one after the other, under load: in the end nobody is left who founded the cluster. */
function replaceAll(stage: Stage): void {
  const work = stage.clients.append({ clients: 3, thinkMs: 10, padding: 60 });
  for (const server of stage.servers) {
    work.progress(10);
    stage.rebuild(server);
    stage.until(`server ${server.id} votes in its new life`, () => {
      const node = server.open?.replica.node;
      const leader = stage.cluster.leader()?.open?.replica.node;
      const conf = leader?.confState();
      const isVoter = node !== undefined && conf?.voters.includes(node.id) === true;
      const isSettled = conf?.votersOutgoing.length === 0 && conf.learners.length === 0;
      return isVoter && isSettled && leader?.confState() === leader?.confStateAt(leader.commitIndex);
    });
  }
  work.progress(10);
}

/** What else a cluster has to live with. */
export const faultScenarios: readonly Scenario[] = [
  {
    name: 'SnapshotsUnreliable',
    about: 'snapshots reach servers that were away, over an unreliable network',
    options: { network: UNRELIABLE_NETWORK, replica: SMALL_LOG, flushBytes: 500, servers: 3 },
    play: snapshots,
  },
  {
    name: 'SnapshotsPartitions',
    about: 'the log is cut and snapshots are sent while the network falls apart',
    options: { replica: SMALL_LOG, flushBytes: 500 },
    play: (stage) => {
      const work = stage.clients.append({ clients: 4, thinkMs: 10, padding: 60 });
      repartition(stage, 4);
      work.progress(10);
    },
  },
  {
    name: 'IsolatedLeader',
    about: 'clients pinned to an isolated leader get an error, never a value',
    options: {},
    play: isolatedLeader,
  },
  {
    name: 'AsymmetricPartition',
    about: 'a leader that hears nobody is replaced, a follower that is not heard disturbs nobody',
    options: {},
    play: asymmetric,
  },
  {
    name: 'RollingRestart',
    about: 'all servers are restarted one after the other under load',
    options: {},
    play: rollingRestart,
  },
  {
    name: 'SlowLeaderDisk',
    about: 'nobody waits for a slow disk of the leader, and a stalled one ends its leadership',
    options: {},
    play: slowDisk,
  },
  {
    name: 'LearnerCatchesUp',
    about: 'a rebuilt server learns first and votes when it has caught up',
    options: { replica: SMALL_LOG, flushBytes: 500, servers: 3 },
    play: learner,
  },
  {
    name: 'ReplaceEveryServer',
    about: 'every server is rebuilt, one after the other, under load',
    options: { replica: SMALL_LOG, flushBytes: 500, servers: 3 },
    play: replaceAll,
  },
];
