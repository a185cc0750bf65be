import type { Check } from '../check.ts';
import { expectThat } from '../failure.ts';
import { showReply } from '../reply.ts';
import { getRequest, setRequest } from '../request.ts';
import type { Server, System } from '../system.ts';
import type { Answer } from '../tcp-connection.ts';
import { expectLinearizable, Workload } from './history.ts';

const tellsLeader = (system: System): boolean => system.dialect.redirect !== null;

/**
 * The servers to kill, one after the other, to have killed the leader for sure: the one that leads where redirects
 * tell, else every one.
 */
async function* leaders(system: System): AsyncGenerator<Server> {
  if (tellsLeader(system)) {
    for (let i = 0; i < 3; i++) yield system.leader();
  } else {
    yield* system.servers;
  }
}

/** Kills servers, runs `body`, and starts them again. */
async function withDown(system: System, down: readonly Server[], body: () => Promise<void>): Promise<void> {
  await Promise.all(down.map(({ id }) => system.control.kill(id)));
  await body();
  for (const { id } of down) system.control.start(id);
  await system.ready();
}

const names = (servers: readonly Server[]): string => servers.map(({ id }) => id).join(', ');

/** The leader, where redirects tell who it is, or any server, and further ones up to `count`. */
async function leaderAndOthers(system: System, count: number): Promise<Server[]> {
  const first = tellsLeader(system) ? await system.leader() : system.anyServer();
  const others = system.upServers.filter((server) => server !== first);
  return [first, ...system.someServers(count - 1, others)];
}

/** Of an answer that only a majority could have given. */
const isSuccess = (answer: Answer | null): boolean =>
  answer !== null && ['ok', 'value', 'meta', 'deleted'].includes(answer.kind);

/** Asks the servers that are up, and sees that for a while none answers with a success. */
async function expectNoSuccess(system: System, key: string, when: string): Promise<void> {
  const requests: [string, Buffer][] = [
    ['get', getRequest(key)],
    ['set', setRequest(system.key(), 'x')],
  ];
  const asked = system.upServers.flatMap((server) =>
    requests.map(async ([name, request]) => {
      const answer = await system.tryAsk(server, request, system.options.silenceMs);
      const what = `${name}, asked of server ${server.id} ${when}`;
      expectThat(!isSuccess(answer), `${what}: expected no answer, got ${answer && showReply(answer)}`);
      expectThat(
        answer?.kind !== 'error' || answer.error === 'internal',
        `${what}: expected no answer, got ${answer && showReply(answer)}`,
      );
    }),
  );
  await Promise.all(asked);
}

const killing: Pick<Check, 'kills' | 'serversMin'> = { kills: true, serversMin: 3 };

export const failureChecks: readonly Check[] = [
  {
    name: 'failure/leader-election',
    about: 'when the leader is killed, another server comes to lead',
    ...killing,
    async run(system) {
      for await (const victim of leaders(system)) {
        await withDown(system, [victim], async () => {
          if (tellsLeader(system)) {
            const next = await system.leader();
            expectThat(next !== victim, `server ${victim.id} leads, but was killed`);
          }
          const client = system.client();
          const key = system.key();
          await client.set(key, 'elected');
          await client.expect('get under the new leader', getRequest(key), { value: 'elected' });
        });
      }
    },
  },
  {
    name: 'failure/replication',
    about: 'what one leader acknowledged is read back from the next one',
    ...killing,
    async run(system) {
      const written = new Map<string, string>();
      for await (const victim of leaders(system)) {
        const key = system.key();
        const value = `acknowledged while server ${victim.id} ran`;
        await system.client(victim).set(key, value);
        written.set(key, value);
        await withDown(system, [victim], async () => {
          const client = system.client();
          for (const [key, value] of written) {
            await client.expect(`get ${key} with server ${victim.id} down`, getRequest(key), { value });
          }
        });
      }
    },
  },
  {
    name: 'failure/stress',
    about: '20 items are read back from different leaders',
    ...killing,
    async run(system) {
      const items = Array.from({ length: 20 }, (_, i) => [system.key(), `item ${i}`] as const);
      const client = system.client();
      for (const [key, value] of items) await client.set(key, value);
      for await (const victim of leaders(system)) {
        await withDown(system, [victim], async () => {
          const reader = system.client();
          for (const [key, value] of items) {
            await reader.expect(`get ${key} with server ${victim.id} down`, getRequest(key), { value });
          }
        });
      }
    },
  },
  {
    name: 'failure/minority-down',
    about: 'the others go on with one server down, with two of five, with any minority',
    ...killing,
    async run(system) {
      for (let count = 1; count <= system.minority; count++) {
        const down = await leaderAndOthers(system, count);
        await withDown(system, down, async () => {
          for (const server of system.upServers) {
            const client = system.client(server);
            const key = system.key();
            const what = `by way of server ${server.id} with ${names(down)} down`;
            const version = await client.set(key, 'one');
            await client.expect(`get ${what}`, getRequest(key), { value: 'one' });
            await client.cas(key, version, 'two');
            await client.delete(key);
          }
        });
      }
    },
  },
  {
    name: 'failure/majority-down',
    about: 'with a majority down nothing is answered; when it is back, everything is',
    ...killing,
    async run(system) {
      const key = system.key();
      await system.client().set(key, 'before');
      const spared = await leaderAndOthers(system, system.servers.length - system.minority - 1);
      const down = system.upServers
        .filter((server) => !spared.includes(server))
        .slice(0, system.minority + 1);
      await withDown(system, down, () => expectNoSuccess(system, key, `with ${names(down)} down`));
      const client = system.client();
      await client.expect('get when the majority is back', getRequest(key), { value: 'before' });
      await client.set(system.key(), 'after');
    },
  },
  {
    name: 'failure/all-down',
    about: 'what was acknowledged is there after all servers were killed at once',
    ...killing,
    serversMin: 1,
    async run(system) {
      const items = Array.from({ length: 20 }, (_, i) => [system.key(), `item ${i}`] as const);
      const versions = await Promise.all(items.map(([key, value]) => system.client().set(key, value)));
      const deleted = system.key();
      const client = system.client();
      await client.set(deleted, 'x');
      await client.delete(deleted);
      await withDown(system, system.upServers, () => Promise.resolve());
      const after = system.client();
      for (const [at, [key, value]] of items.entries()) {
        const meta = await after.getm(key);
        expectThat(meta?.value.toString('latin1') === value, `${key} was acknowledged, and is lost`);
        expectThat(meta.version === versions[at], `${key} has another version than before`);
      }
      await after.expect('get of a key that was deleted before', getRequest(deleted), 'not-found');
      const next = await after.set(system.key(), 'x');
      expectThat(
        versions.every((version) => next > version),
        `version ${next} is not above those before`,
      );
    },
  },
  {
    name: 'failure/catch-up',
    about: 'a server that was down has what it missed before it counts for a majority',
    ...killing,
    async run(system) {
      const [late, ...rest] = system.someServers(1 + system.minority);
      if (late === undefined) return;
      const key = system.key();
      await system.client().set(key, 'before');
      await withDown(system, [late], async () => {
        const client = system.client();
        const meta = await client.getm(key);
        expectThat(meta !== null, `${key} is lost with server ${late.id} down`);
        await client.cas(key, meta.version, 'while it was down');
      });
      await withDown(system, rest, async () => {
        const client = system.client();
        await client.expect(`get with ${names(rest)} down`, getRequest(key), { value: 'while it was down' });
      });
    },
  },
  {
    name: 'failure/expiry',
    about: 'a key that was seen expired does not come back under another leader',
    ...killing,
    async run(system) {
      const key = system.key();
      const client = system.client();
      await client.set(key, 'short', { exptimeS: 1 });
      await system.until(`${key} expires`, async () => (await client.get(key)) === null);
      for await (const victim of leaders(system)) {
        await withDown(system, [victim], () =>
          system
            .client()
            .expect(`get of an expired key with server ${victim.id} down`, getRequest(key), 'not-found'),
        );
      }
    },
  },
  {
    name: 'failure/start-one-by-one',
    about: 'servers that are started with a majority missing wait quietly, and serve once it is there',
    ...killing,
    async run(system) {
      const key = system.key();
      await system.client().set(key, 'before');
      await Promise.all(system.upServers.map(({ id }) => system.control.kill(id)));
      for (const [at, server] of system.servers.entries()) {
        system.control.start(server.id);
        if (at >= system.minority) continue;
        await system.until(`server ${server.id} listens`, () => system.listens(server));
        await expectNoSuccess(system, key, `with a majority not started yet`);
        const deaths = system.control.takeDeaths();
        expectThat(deaths.length === 0, `while a majority was missing: ${deaths.join(', ')}`);
      }
      await system.ready();
      await system.client().expect('get once all were started', getRequest(key), { value: 'before' });
    },
  },
  {
    name: 'failure/history',
    about: 'what concurrent clients see fits one order while servers are killed, paused and started',
    ...killing,
    async run(system) {
      const workload = new Workload(system);
      for (let round = 0; round < 3 * system.options.scale; round++) {
        const [victim, ...others] = await leaderAndOthers(system, system.minority);
        if (victim === undefined) break;
        await workload.progress(100);
        if (round % 2 === 1) {
          system.control.pause(victim.id);
          await workload.progress(100);
          const probes = workload.probe(victim);
          system.control.resume(victim.id);
          await probes;
          continue;
        }
        await Promise.all([victim, ...others].map(({ id }) => system.control.kill(id)));
        await workload.progress(100);
        for (const { id } of [victim, ...others]) system.control.start(id);
      }
      await workload.progress(100);
      expectLinearizable(await workload.stop());
    },
  },
];
