import type { SimServer } from '../sim-server.ts';
import type { Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';

/** Cuts the network at random, again and again, for `rounds` rounds of an election or two. */
export function repartition(stage: Stage, rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    const groups: [SimServer[], SimServer[]] = [[], []];
    for (const server of stage.servers) groups[stage.prng.below(2) as 0 | 1].push(server);
    stage.partition(...groups);
    stage.run(200 + stage.prng.below(400));
  }
  stage.heal();
}

/** Who is on the other side has no leader and answers with errors, though the majority works on. */
function onePartition(stage: Stage): void {
  const leader = stage.leader();
  const follower = stage.others(leader)[0] as SimServer;
  stage.clients.mustCall('before', leader, { kind: 'append', key: 'k', value: 'before;' });
  const minority = [leader, follower];
  const majority = stage.others(...minority);
  stage.partition(majority, minority);

  const { clients } = stage;
  let late = 0;
  const held = minority.map((server, i) => {
    const value = `held-${i};`;
    const answer = { given: false };
    clients.send(`held-${i}`, server, { kind: 'append', key: 'held', value }, ({ ok }) => {
      answer.given = ok;
      late++;
    });
    clients.send(`read-${i}`, server, { kind: 'get', key: 'k' }, ({ ok }) => {
      answer.given ||= ok;
      late++;
    });
    return answer;
  });
  clients.append({ clients: 3, servers: majority }).progress(40);
  stage.run(stage.world.requestTimeoutMs + 500);
  stage.expect(late === 2 * held.length, 'a minority answers when the time of a request is over');
  stage.expect(
    held.every(({ given }) => !given),
    'nothing is confirmed in a minority',
  );

  let completed = 0;
  minority.forEach((server, i) => {
    const value = `healed-${i};`;
    clients.send(`healed-${i}`, server, { kind: 'append', key: 'held', value }, ({ ok }) => {
      if (ok) completed++;
    });
  });
  stage.heal();
  stage.until('what was asked of the minority is done when it is healed', () => completed === 2, 2_000);
  for (const server of minority) {
    const { value } = clients.mustCall('after', server, { kind: 'get', key: 'k' });
    stage.expect(value === 'before;', 'a healed minority reads what was written before');
  }
}

/** Networks that fall apart. */
export const partitionScenarios: readonly Scenario[] = [
  {
    name: 'TestOnePartition',
    about: 'progress in the majority, none in the minority, and completion after the network is healed',
    options: {},
    play: onePartition,
  },
  {
    name: 'TestManyPartitionsOneClient',
    about: 'the network is cut anew again and again under one client',
    options: {},
    play: (stage) => {
      const work = stage.clients.append({ clients: 1 });
      repartition(stage, 6);
      work.progress(20);
    },
  },
  {
    name: 'TestManyPartitionsManyClients',
    about: 'the network is cut anew again and again under many clients',
    options: {},
    play: (stage) => {
      const own = stage.clients.append({ clients: 3, thinkMs: 20 });
      const shared = stage.clients.append({ clients: 3, key: () => 'shared', thinkMs: 20 });
      repartition(stage, 6);
      own.progress(20);
      shared.progress(20);
    },
  },
];
