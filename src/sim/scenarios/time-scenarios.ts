import type { SimServer } from '../sim-server.ts';
import type { Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';

const HOUR_MS = 3_600_000;

/** Wall clocks jump by an hour to and fro; keys expire by the cluster's own time all the same. */
function clockJumps(stage: Stage): void {
  const { clients } = stage;
  const work = clients.append({ clients: 2, thinkMs: 50 });
  const jump = (): void => {
    for (const server of stage.servers) server.skew.wallOffsetMs += (stage.prng.float() - 0.5) * 2 * HOUR_MS;
  };
  for (let round = 0; round < 3; round++) {
    const key = `lease-${round}`;
    const server = stage.leader();
    clients.mustCall('c', server, { kind: 'set', key, value: 'mine', ttlMs: 600 }, 'versioned');
    jump();
    stage.run(300);
    const reader = stage.servers[stage.prng.below(stage.servers.length)] as SimServer;
    const early = clients.mustCall('r', reader, { kind: 'getm', key }, 'versioned');
    stage.expect(early.status === 'ok', 'no clock ends a lease before its time');
    jump();
    if (round === 1) stage.leader().crash();
    stage.run(1_500);
    const late = clients.mustCall('r', stage.leader(), { kind: 'getm', key }, 'versioned');
    stage.expect(late.status === 'not-found', 'no clock keeps a lease beyond its time');
    for (const each of stage.servers) each.start();
  }
  work.progress(5);
}

/** Leadership goes round servers whose clocks differ by hours, while a key waits for its end. */
function hourApart(stage: Stage): void {
  const { clients } = stage;
  stage.servers.forEach(({ skew }, at) => (skew.wallOffsetMs = (at + 1) * HOUR_MS));
  const ttlMs = 2_000;
  const work = clients.append({ clients: 2, thinkMs: 20 });
  for (let round = 0; round < 2; round++) {
    const key = `lease-${round}`;
    const startMs = stage.scheduler.nowMs;
    clients.mustCall('c', stage.leader(), { kind: 'set', key, value: 'mine', ttlMs }, 'versioned');
    for (let change = 0; change < 3; change++) {
      const old = stage.leader();
      const next = stage.others(old)[stage.prng.below(stage.servers.length - 1)] as SimServer;
      stage.say(`leadership goes from ${old.id} to ${next.id}, whose clock is hours away`);
      old.run(() => old.open?.replica.node.transferLeadership(next.member));
      stage.until('another one leads', () => stage.cluster.leader() !== old);
      work.progress(2);
      const { status } = clients.mustCall('r', stage.leader(), { kind: 'getm', key }, 'versioned');
      const isEarly = stage.scheduler.nowMs - startMs < ttlMs;
      stage.expect(status === 'ok' || !isEarly, 'a leader whose clock is ahead ends no lease');
    }
    // Time in which nobody leads may be given to keys on top: a few elections of it.
    stage.run(startMs + ttlMs + 1_000 - stage.scheduler.nowMs);
    for (const server of stage.servers) {
      const { status } = clients.mustCall('r', server, { kind: 'getm', key }, 'versioned');
      stage.expect(status === 'not-found', 'a leader whose clock is behind keeps no lease');
    }
  }
}

/** A leader that does not know how late it is gives a key its time to live, and one that does leads next. */
function leaderThatKnowsLess(stage: Stage): void {
  const { clients } = stage;
  const old = stage.leader();
  const [behind, ahead] = stage.others(old) as [SimServer, SimServer];
  clients.mustCall('c', old, { kind: 'append', key: 'k', value: 'x;' });
  stage.hold((message, _from, to) => message.type === 'LogTime' && to === behind.id);
  stage.run(3_000);
  behind.crash();
  behind.start();
  stage.run(100);
  old.crash();
  const handTo = (server: SimServer): void => {
    const leader = stage.leader();
    if (leader !== server) leader.run(() => leader.open?.replica.node.transferLeadership(server.member));
    stage.until(`server ${server.id} leads`, () => stage.cluster.leader() === server);
  };
  handTo(behind);
  const lease = { kind: 'set', key: 'lease', value: 'mine', ttlMs: 1_000 } as const;
  clients.mustCall('c', behind, lease, 'versioned');
  handTo(ahead);
  const early = clients.mustCall('r', ahead, { kind: 'getm', key: 'lease' }, 'versioned');
  stage.expect(early.status === 'ok', 'what the leaders before knew ends no lease');
  stage.run(1_500);
  const late = clients.mustCall('r', ahead, { kind: 'getm', key: 'lease' }, 'versioned');
  stage.expect(late.status === 'not-found', 'it ends in its time');
}

/** A follower whose clock is faster than the leader's leads after a long term, right after a key was given a time to live. */
function fasterFollower(stage: Stage): void {
  const { clients } = stage;
  const [slow, , fast] = [...stage.servers].sort((a, b) => a.skew.rate - b.skew.rate) as [
    SimServer,
    SimServer,
    SimServer,
  ];
  const handTo = (server: SimServer): void => {
    const leader = stage.leader();
    if (leader !== server) leader.run(() => leader.open?.replica.node.transferLeadership(server.member));
    stage.until(`server ${server.id} leads`, () => stage.cluster.leader() === server);
  };
  handTo(slow);
  stage.run(60_000);
  const lease = { kind: 'set', key: 'lease', value: 'mine', ttlMs: 1_000 } as const;
  clients.mustCall('c', slow, lease, 'versioned');
  handTo(fast);
  const { status, ttlMs = 0 } = clients.mustCall('r', fast, { kind: 'getm', key: 'lease' }, 'versioned');
  stage.expect(
    status === 'ok' && ttlMs > 500,
    'what a fast clock counted too much in a long term ends no lease',
  );
  stage.run(1_500);
  const late = clients.mustCall('r', fast, { kind: 'getm', key: 'lease' }, 'versioned');
  stage.expect(late.status === 'not-found', 'it ends in its time');
}

/** Clocks that cannot be trusted. */
export const timeScenarios: readonly Scenario[] = [
  {
    name: 'ClockJumpsExpiringKeys',
    about: 'wall clocks jump by an hour, and keys expire in time',
    options: {},
    play: clockJumps,
  },
  {
    name: 'LeadersAnHourApart',
    about: 'leaders whose clocks differ by an hour end and keep no key by them',
    options: { servers: 3 },
    play: hourApart,
  },
  {
    name: 'LeaderThatKnowsLess',
    about: 'a key keeps its time to live when a leader that knew the time follows one that did not',
    options: { servers: 3 },
    play: leaderThatKnowsLess,
  },
  {
    name: 'FasterFollower',
    about:
      'a key keeps its time to live when a server leads whose clock ran ahead of a leader of long standing',
    options: { servers: 3, clockDrift: 0.05 },
    play: fasterFollower,
  },
];
