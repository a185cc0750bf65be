import { repartition } from './partition-scenarios.ts';
import type { Scenario } from './scenario.ts';
import { UNRELIABLE_NETWORK, type Stage } from './stage.ts';

interface PersistOptions {
  readonly clients: number;
  readonly partitions?: boolean;
}

/** Clients work while all servers lose power at once, three times. */
function persist(stage: Stage, { clients, partitions = false }: PersistOptions): void {
  const work = stage.clients.append({ clients, thinkMs: 10 });
  const shared = stage.clients.append({ clients, key: () => 'shared', thinkMs: 10 });
  for (let crash = 0; crash < 3; crash++) {
    work.progress(10);
    if (partitions) repartition(stage, 2);
    for (const server of stage.servers) server.losePower();
    stage.run(stage.prng.below(100));
    for (const server of stage.servers) stage.cluster.startAfter(server, stage.prng.below(200));
  }
  work.progress(10);
  shared.progress(10);
}

/** The whole cluster loses power again and again; nothing that was confirmed may be lost. */
export const persistScenarios: readonly Scenario[] = [
  {
    name: 'TestPersistOneClient',
    about: 'the power of all servers fails under one client',
    options: {},
    play: (stage) => persist(stage, { clients: 1 }),
  },
  {
    name: 'TestPersistConcurrent',
    about: 'the power of all servers fails under many clients',
    options: {},
    play: (stage) => persist(stage, { clients: 4 }),
  },
  {
    name: 'TestPersistConcurrentUnreliable',
    about: 'the power of all servers fails while the network is unreliable',
    options: { network: UNRELIABLE_NETWORK },
    play: (stage) => persist(stage, { clients: 4 }),
  },
  {
    name: 'TestPersistPartition',
    about: 'the power of all servers fails between partitions',
    options: {},
    play: (stage) => persist(stage, { clients: 3, partitions: true }),
  },
  {
    name: 'TestPersistPartitionUnreliable',
    about: 'the power of all servers fails between partitions of an unreliable network',
    options: { network: UNRELIABLE_NETWORK },
    play: (stage) => persist(stage, { clients: 3, partitions: true }),
  },
];
