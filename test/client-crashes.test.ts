import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, type Client, type WatchEvent } from '#dist/client/index.js';
import { Appenders } from './support/appenders.ts';
import { full } from './support/full.ts';
import { ProcessCluster, until } from './support/processes.ts';

const LEADER_KILLS = full ? 30 : 10;
const CLIENTS = 3;
const WRITERS_EACH = 4;
/** Longer than any outage that the tests make. */
const TIMEOUT_MS = 60_000;

const serversOf = (cluster: ProcessCluster): { host: string; port: number }[] =>
  cluster.servers.map(({ Hostname, ClientPort }) => ({ host: Hostname, port: ClientPort }));

const connectAll = (cluster: ProcessCluster, count: number): Promise<Client[]> =>
  Promise.all(
    Array.from({ length: count }, () => connect({ servers: serversOf(cluster), timeout: TIMEOUT_MS })),
  );

const progress = async (appenders: Appenders, tokens: number): Promise<void> => {
  const goal = appenders.count + tokens;
  await until('tokens are appended', async () => appenders.count >= goal);
};

/** Takes note of all that a watch tells, until it is stopped. */
class Observer {
  readonly events: WatchEvent[] = [];
  readonly #watch;
  readonly #task: Promise<void>;

  constructor(client: Client, prefix: string) {
    this.#watch = client.watch({ prefix });
    this.#task = this.#run();
  }

  get started(): Promise<number> {
    return this.#watch.started;
  }

  async stop(): Promise<void> {
    await this.#watch[Symbol.asyncDispose]();
    await this.#task;
  }

  async #run(): Promise<void> {
    for await (const event of this.#watch) this.events.push(event);
  }
}

test(`each append happens once and in order, and a watch sees each change once, over ${LEADER_KILLS} leader kills`, async () => {
  await using cluster = await ProcessCluster.create(3);
  cluster.startAll();
  const clients = await connectAll(cluster, CLIENTS);
  const [first, second] = clients;
  assert(first !== undefined && second !== undefined);
  const observer = new Observer(first, 'counter');
  await observer.started;
  const appenders = new Appenders(clients, WRITERS_EACH);
  const acknowledged: number[] = [];
  for (let kill = 0; kill < LEADER_KILLS; kill++) {
    const leader = await cluster.leader();
    await progress(appenders, 30);
    // Killed with the put under way: it is answered by the next leader.
    const put = second.put('counter', String(kill));
    await cluster.kill('SIGKILL', leader);
    acknowledged.push((await put).version);
    await progress(appenders, 30);
    cluster.start(leader);
  }
  await appenders.stop();
  assert.deepEqual(await appenders.faults(second), []);
  await until('the watch has seen the last put', async () => observer.events.length >= acknowledged.length);
  assert.deepEqual(
    observer.events.map((event) => [event.version, event.type === 'put' ? event.string() : event.type]),
    acknowledged.map((version, kill) => [version, String(kill)]),
  );
  await observer.stop();
  await Promise.all(clients.map((client) => client.close()));
  await cluster.up();
  await cluster.converged();
});
