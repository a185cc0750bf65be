/** The twelve fault scenarios of the Raft service, against real processes: proxies cut the network, SIGKILL ends servers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { full } from './support/full.ts';
import { UNRELIABLE } from './support/proxy.ts';
import { ProcessStage, until, type ClientsOf } from './support/scenarios/process-stage.ts';
import { RpcKvClients } from './support/scenarios/rpc-kv-clients.ts';
import { TextKvClients } from './support/scenarios/text-kv-clients.ts';

interface Scenario {
  readonly name: string;
  readonly servers?: number;
  readonly play: (stage: ProcessStage) => Promise<void>;
}

interface ClientKind {
  readonly name: string;
  readonly clients: ClientsOf;
  /** Played in `npm test`; the others need `npm run test:full`. */
  readonly sample: readonly string[];
}

const kinds: readonly ClientKind[] = [
  {
    name: 'clients of the text protocol',
    clients: (options) => new TextKvClients(options),
    sample: ['TestUnreliableOneKey'],
  },
  {
    name: 'typed clients',
    clients: (options) => new RpcKvClients(options),
    sample: ['TestOnePartition', 'TestPersistPartitionUnreliable'],
  },
];

async function concurrent(stage: ProcessStage, tokens: number): Promise<void> {
  const own = await stage.append({ clients: 4 });
  const shared = await stage.append({ clients: 4, key: 'shared' });
  await own.progress(tokens);
  await shared.progress(tokens);
}

/** Progress in the majority, none in the minority, and completion after the network is healed. */
async function onePartition(stage: ProcessStage): Promise<void> {
  const { clients } = stage;
  await clients.prepare(['k', 'held']);
  const leader = await stage.cluster.leader();
  assert.ok(await clients.tryAppend(leader, 'k', 'before;'));
  const follower = stage.ids.find((id) => id !== leader) ?? 0;
  const minority = [leader, follower];
  stage.network.partition(
    minority,
    stage.ids.filter((id) => !minority.includes(id)),
  );
  const held = minority.flatMap((id) => [
    clients.tryAppend(id, 'held', `${id};`),
    clients.tryGet(id, 'k').then((value) => value !== null),
  ]);
  const work = await stage.append({ clients: 3 });
  await work.progress(30);
  assert.deepEqual(await Promise.all(held), [false, false, false, false], 'a minority confirms nothing');
  stage.network.heal();
  for (const id of minority) {
    await until('a healed server answers what was written before', async () => {
      return (await clients.tryGet(id, 'k')) === 'before;';
    });
    assert.ok(await clients.tryAppend(id, 'k', ''), 'and takes changes');
  }
}

interface PersistOptions {
  readonly clients: number;
  readonly partitions?: boolean;
  readonly unreliable?: boolean;
}

/** All servers are killed at once, again and again, while clients work. */
async function persist(
  stage: ProcessStage,
  { clients, partitions = false, unreliable = false }: PersistOptions,
): Promise<void> {
  if (unreliable) stage.network.setWeather(UNRELIABLE);
  const work = await stage.append({ clients });
  for (let crash = 0; crash < (full ? 3 : 1); crash++) {
    await work.progress(10);
    if (partitions) await stage.repartition(2);
    await stage.crashAll();
  }
  await work.progress(10);
}

const scenarios: readonly Scenario[] = [
  {
    name: 'TestBasic',
    play: async (stage) => (await stage.append({ clients: 1 })).progress(100),
  },
  { name: 'TestConcurrent', play: (stage) => concurrent(stage, 100) },
  {
    name: 'TestUnreliable',
    play: (stage) => {
      stage.network.setWeather(UNRELIABLE);
      return concurrent(stage, 40);
    },
  },
  {
    name: 'TestUnreliableOneKey',
    servers: 3,
    play: async (stage) => {
      stage.network.setWeather(UNRELIABLE);
      await (await stage.append({ clients: 5, key: 'shared' })).progress(40);
    },
  },
  { name: 'TestOnePartition', play: onePartition },
  {
    name: 'TestManyPartitionsOneClient',
    play: async (stage) => {
      const work = await stage.append({ clients: 1 });
      await stage.repartition(6);
      await work.progress(20);
    },
  },
  {
    name: 'TestManyPartitionsManyClients',
    play: async (stage) => {
      const own = await stage.append({ clients: 4 });
      const shared = await stage.append({ clients: 4, key: 'shared' });
      await stage.repartition(6);
      await own.progress(20);
      await shared.progress(20);
    },
  },
  { name: 'TestPersistOneClient', play: (stage) => persist(stage, { clients: 1 }) },
  { name: 'TestPersistConcurrent', play: (stage) => persist(stage, { clients: 5 }) },
  {
    name: 'TestPersistConcurrentUnreliable',
    play: (stage) => persist(stage, { clients: 5, unreliable: true }),
  },
  { name: 'TestPersistPartition', play: (stage) => persist(stage, { clients: 5, partitions: true }) },
  {
    name: 'TestPersistPartitionUnreliable',
    play: (stage) => persist(stage, { clients: 5, partitions: true, unreliable: true }),
  },
];

for (const { name: kind, clients, sample } of kinds) {
  for (const { name, servers = 5, play } of scenarios) {
    test(`${name} on real processes, with ${kind}`, { skip: !full && !sample.includes(name) }, async () => {
      await using stage = await ProcessStage.open({ servers, seed: 1, clients });
      await play(stage);
      await stage.finish();
    });
  }
}
