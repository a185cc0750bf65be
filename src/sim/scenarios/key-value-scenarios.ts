import type { Scenario } from './scenario.ts';
import { UNRELIABLE_NETWORK } from './stage.ts';

/** Clients on a cluster without crashes or partitions. */
export const keyValueScenarios: readonly Scenario[] = [
  {
    name: 'TestBasic',
    about: 'one client appends and reads',
    options: {},
    play: (stage) => stage.clients.append({ clients: 1 }).progress(60),
  },
  {
    name: 'TestConcurrent',
    about: 'many clients append and read at once, on keys of their own and on one of all',
    options: {},
    play: (stage) => {
      const own = stage.clients.append({ clients: 5 });
      const shared = stage.clients.append({ clients: 5, key: () => 'shared' });
      own.progress(40);
      shared.progress(40);
    },
  },
  {
    name: 'TestUnreliable',
    about: 'messages between the servers are lost, repeated, delayed and reordered',
    options: { network: UNRELIABLE_NETWORK },
    play: (stage) => stage.clients.append({ clients: 5, thinkMs: 2 }).progress(100),
  },
  {
    name: 'TestUnreliableOneKey',
    about: 'many clients append to one key over an unreliable network',
    options: { network: UNRELIABLE_NETWORK, servers: 3 },
    play: (stage) => stage.clients.append({ clients: 5, key: () => 'shared', thinkMs: 2 }).progress(80),
  },
];
