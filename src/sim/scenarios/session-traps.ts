import type { SimServer } from '../sim-server.ts';
import type { Scenario } from './scenario.ts';
import { SMALL_LOG, type Stage } from './stage.ts';

/** What a follower forwarded is committed when the leader is lost, and comes again through the next one: once. */
function retriedThroughAnother(stage: Stage): void {
  const { clients } = stage;
  for (let round = 0; round < 3; round++) {
    const old = stage.leader();
    const asked = stage.others(old)[0] as SimServer;
    // By then every server has heard of the leader.
    stage.run(50);
    const before = stage.cluster.commitIndex;
    const release = stage.hold(
      (message, from, to) => from === old.id && to === asked.id && message.type !== 'TimeoutNow',
    );
    let answered = false;
    clients.send('c', asked, { kind: 'append', key: 'k', value: `${round};` }, ({ ok }) => (answered = ok));
    stage.until('it is committed', () => stage.cluster.commitIndex > before);
    stage.run(5);
    old.crash();
    release('drop');
    stage.until('it is answered', () => answered);
    old.start();
  }
  const { value } = clients.mustCall('c', stage.leader(), { kind: 'get', key: 'k' });
  stage.expect(value === '0;1;2;', 'every append was executed once');
}

/** A server's session expires while nobody uses it; what comes next gets a new one, and is executed once. */
function retriedAfterExpiry(stage: Stage): void {
  const { clients } = stage;
  for (let round = 0; round < 3; round++) {
    for (const server of stage.servers)
      clients.mustCall('c', server, { kind: 'append', key: 'k', value: `${round}.${server.id};` });
    stage.run(1_000);
  }
  const { value = '' } = clients.mustCall('c', stage.leader(), { kind: 'get', key: 'k' });
  stage.expect(value.split(';').length === 3 * stage.servers.length + 1, 'every append was executed once');
}

/**
 * A request is executed while its server hears nothing. When that hears again, the leader is a server that has all it
 * knows from a snapshot, and so has the asking server itself: only the sessions in there say that it was executed.
 */
function retriedAfterSnapshot(stage: Stage): void {
  const { clients } = stage;
  const old = stage.leader();
  const [asked, rebuilt] = stage.others(old) as [SimServer, SimServer];
  clients.mustCall('c', asked, { kind: 'append', key: 'k', value: 'first;' });
  stage.run(100);
  const release = stage.hold((_message, _from, to) => to === asked.id);
  const before = stage.cluster.commitIndex;
  const answer = { given: false };
  const second = { kind: 'append', key: 'k', value: 'second;' } as const;
  clients.send('c', asked, second, ({ ok }) => (answer.given = ok));
  stage.until('it is committed', () => stage.cluster.commitIndex > before);
  const work = clients.append({ clients: 2, servers: [old], thinkMs: 5, padding: 200 });
  const known = asked.open?.replica.node.lastIndex ?? 0;
  const isCut = ({ open }: SimServer): boolean => (open?.replica.node.firstIndex ?? 0) > known + 1;
  stage.until('its log entry is cut off', () => isCut(old));
  stage.rebuild(rebuilt);
  stage.until('a server that restored a snapshot votes', () => {
    const conf = old.open?.replica.node.confState();
    return !rebuilt.isRebuilt && conf?.votersOutgoing.length === 0;
  });
  work.stop();
  stage.run(200);
  old.run(() => old.open?.replica.node.transferLeadership(rebuilt.member));
  stage.until('it leads', () => rebuilt.leads);
  release('drop');
  stage.until('the asking server restores a snapshot, too, and has its answer', () => answer.given);
  stage.expect(isCut(asked), 'it restored a snapshot');
  const { value } = clients.mustCall('c', rebuilt, { kind: 'get', key: 'k' });
  stage.expect(value === 'first;second;', 'every append was executed once');
}

/** Requests that are sent again. */
export const sessionTraps: readonly Scenario[] = [
  {
    name: 'RetryThroughAnotherLeader',
    about: 'a request that is sent again through another leader is executed once',
    options: { servers: 3 },
    play: retriedThroughAnother,
  },
  {
    name: 'RetryAfterSnapshotRestore',
    about:
      'a request that is sent again to a leader that restored its state from a snapshot is executed once',
    options: { replica: SMALL_LOG, flushBytes: 500, requestTimeoutMs: 30_000, clientTimeoutMs: 30_000 },
    play: retriedAfterSnapshot,
  },
  {
    name: 'RetryAfterSessionExpiry',
    about: 'requests in a session that has expired are executed once, in a new one',
    options: { servers: 3, sessionTtlMs: 300 },
    play: retriedAfterExpiry,
  },
];
