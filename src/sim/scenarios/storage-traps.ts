import type { SimServer } from '../sim-server.ts';
import type { Scenario } from './scenario.ts';
import { SMALL_LOG, type Stage } from './stage.ts';

const lastOf = (server: SimServer): number => server.open?.replica.node.lastIndex ?? 0;

/** Power fails the moment that a client has its answer; a single server has nobody to ask. */
function killedAfterReply(stage: Stage): void {
  const server = stage.leader();
  for (let round = 0; round < 8; round++) {
    stage.leader();
    stage.clients.mustCall('c', server, { kind: 'append', key: 'k', value: `${round};` });
    server.losePower();
    server.start();
  }
  stage.leader();
  const { value } = stage.clients.mustCall('c', server, { kind: 'get', key: 'k' });
  stage.expect(value === '0;1;2;3;4;5;6;7;', 'every confirmed append is there once');
}

/** A follower that installs a snapshot loses power at its first change of the disk, then at its second, and so on. */
function crashAtEveryStep(stage: Stage): void {
  const work = stage.clients.append({ clients: 2, thinkMs: 20, padding: 600 });
  for (let step = 1, crashed = true; crashed; step++) {
    const away = stage.others(stage.leader())[0] as SimServer;
    const appliedIndex = away.open?.store.position.index ?? 0;
    away.crash();
    stage.until('the log is cut behind what the server has', () => {
      return (stage.cluster.leader()?.open?.replica.node.firstIndex ?? 0) > appliedIndex + 1;
    });
    away.start();
    crashed = false;
    let left = step;
    away.disk.onBlockingChange = () => {
      if (--left !== 0) return;
      crashed = true;
      away.losePower();
      throw new Error('the power fails here');
    };
    const target = stage.cluster.commitIndex;
    stage.until(
      'it is crashed or has caught up',
      () => !away.isUp || (away.open?.store.position.index ?? 0) >= target,
    );
    away.disk.onBlockingChange = () => undefined;
    away.start();
    stage.until('it catches up', () => (away.open?.store.position.index ?? 0) >= target);
  }
  work.progress(5);
}

/** Somebody puts an older state beside a log that was cut: the server says so, and starts only when it is rebuilt. */
function gapBehindSnapshot(stage: Stage): void {
  const work = stage.clients.append({ clients: 2, thinkMs: 10, padding: 300 });
  const server = stage.others(stage.leader())[0] as SimServer;
  const isState = (path: string): boolean => path.startsWith('data/state/');
  work.progress(5);
  server.stop();
  stage.until('it stops', () => !server.isUp);
  const old = new Map([...server.disk.image()].filter(([path]) => isState(path)));
  server.start();
  const cutBehind = work.ok + 20;
  stage.until('its log is cut', () => (server.open?.replica.node.firstIndex ?? 0) > cutBehind);
  server.stop();
  stage.until('it stops', () => !server.isUp);
  const vfs = server.disk.mount();
  for (const name of vfs.list('data/state')) vfs.remove(`data/state/${name}`);
  vfs.syncFolder('data/state');
  server.disk.load(old);
  server.isDamaged = true;
  server.start();
  stage.expect(server.refusal?.includes('what lies between is lost') === true, 'a gap is a hard error');
  stage.rebuild(server);
  work.progress(5);
}

/** An old leader with hundreds of entries that nobody else has is brought back in a handful of messages. */
function fastBackup(stage: Stage): void {
  const { clients } = stage;
  const old = stage.leader();
  clients.mustCall('c', old, { kind: 'append', key: 'k', value: 'x' });
  stage.partition([old], stage.others(old));
  old.process?.after(0, () => {
    const node = old.open?.replica.node;
    for (let i = 0; i < 300; i++) node?.propose(new Uint8Array(0), node.lastStampMs);
  });
  stage.run(100);
  stage.expect(lastOf(old) > 300, 'the old leader has a long log of its own');
  const next = stage.leader(stage.others(old));
  for (let i = 0; i < 5; i++) clients.mustCall('c', next, { kind: 'append', key: 'k', value: 'y' });
  let refusals = 0;
  const { network } = stage;
  const onDelivery = network.onDelivery;
  network.onDelivery = (from, to, message, checksum) => {
    if (message.type === 'AppendEntriesResponse' && !message.success && from === old.id) refusals++;
    onDelivery(from, to, message, checksum);
  };
  stage.heal();
  stage.until('the old leader has the log of the next', () => lastOf(old) === lastOf(next) && !old.leads);
  stage.run(100);
  stage.expect(refusals <= 4, `a long diverged log takes few refusals, not ${refusals}`);
}

/** Commands go to each peer once: counted in bytes. */
function sentOnce(stage: Stage): void {
  const { clients, network } = stage;
  const leader = stage.leader();
  clients.mustCall('c', leader, { kind: 'append', key: 'k', value: 'x' });
  stage.run(100);
  const before = network.counts.bytes;
  const bytes = 20_000;
  for (let i = 0; i < 10; i++)
    clients.mustCall('c', leader, { kind: 'set', key: 'big', value: 'v'.repeat(bytes) }, 'versioned');
  const sent = network.counts.bytes - before;
  const least = 10 * bytes * (stage.servers.length - 1);
  stage.expect(
    sent >= least && sent < 1.1 * least,
    `commands are sent to each peer once: ${sent} of ${least} bytes`,
  );
}

/** Traps of disks, sessions and messages that other systems fell into. */
export const storageTraps: readonly Scenario[] = [
  {
    name: 'SingleServerKilledAfterReply',
    about: 'a single server that loses power right after its reply has kept what it confirmed',
    options: { servers: 1 },
    play: killedAfterReply,
  },
  {
    name: 'CrashAtEveryStepOfSnapshot',
    about: 'power fails at every step of taking a snapshot in: save, rename, log cut and install',
    options: { servers: 3, replica: SMALL_LOG, flushBytes: 500 },
    play: crashAtEveryStep,
  },
  {
    name: 'GapBehindSnapshot',
    about: 'a state that is older than the begin of the log is a hard error',
    options: { servers: 3, replica: SMALL_LOG, flushBytes: 500 },
    play: gapBehindSnapshot,
  },
  {
    name: 'FastBackup',
    about: 'a long diverged log is replaced after a handful of messages',
    options: { servers: 3 },
    play: fastBackup,
  },
  {
    name: 'CommandsSentOnce',
    about: 'each command is sent to each peer once',
    options: { segmentBytes: 2 ** 20, replica: { ...SMALL_LOG, logBytesMax: 1_000_000 } },
    play: sentOnce,
  },
];
