import type { Check } from '../check.ts';
import { expectThat } from '../failure.ts';
import { casRequest, getRequest, setRequest } from '../request.ts';
import type { System } from '../system.ts';
import type { Answer, Connection } from '../tcp-connection.ts';

const clientsCount = 10;

/** Connections to servers that answer themselves: to all of them, or to the one that leads. */
async function contestants(system: System): Promise<Connection[]> {
  const leader = system.dialect.redirect === null ? null : await system.leader();
  return Promise.all(
    Array.from({ length: clientsCount }, (_, i) =>
      system.connect(leader ?? system.upServers[i % system.upServers.length] ?? system.anyServer()),
    ),
  );
}

/** All send at once; the answers in the order of the connections. */
async function race(
  system: System,
  connections: readonly Connection[],
  request: (contestant: number) => Buffer,
): Promise<Answer[]> {
  for (const [at, connection] of connections.entries()) void connection.send(request(at));
  return Promise.all(connections.map((connection) => connection.answer(system.options.patienceMs)));
}

function expectOneWinner(what: string, answers: readonly Answer[]): number {
  const winners = answers.flatMap(({ kind }, at) => (kind === 'ok' ? [at] : []));
  const losers = answers.filter((answer) => answer.kind === 'error' && answer.error === 'version');
  expectThat(winners.length === 1, `${what}: ${winners.length} of ${answers.length} clients were told OK`);
  expectThat(losers.length === answers.length - 1, `${what}: not every other client was told of the version`);
  return winners[0] ?? 0;
}

export const raceChecks: readonly Check[] = [
  {
    name: 'race/cas',
    about: 'of parallel cas with the same version one wins, and its value stays',
    async run(system) {
      const connections = await contestants(system);
      const client = system.client();
      const key = system.key();
      let version = await client.set(key, 'start');
      for (let round = 0; round < 10 * system.options.scale; round++) {
        const answers = await race(system, connections, (at) =>
          casRequest(key, version, `${round} by ${at}`),
        );
        const winner = expectOneWinner('parallel cas', answers);
        await client.expect('get after the race', getRequest(key), { value: `${round} by ${winner}` });
        const answer = answers[winner];
        if (answer?.kind === 'ok') ({ version } = answer);
      }
    },
  },
  {
    name: 'race/create',
    about: 'of parallel sets of a new key one wins, where set only creates',
    dialects: ({ setWhen }) => setWhen === 'absent',
    async run(system) {
      const connections = await contestants(system);
      const client = system.client();
      for (let round = 0; round < 10 * system.options.scale; round++) {
        const key = system.key();
        const answers = await race(system, connections, (at) => setRequest(key, `by ${at}`));
        const winner = expectOneWinner('parallel set', answers);
        await client.expect('get after the race', getRequest(key), { value: `by ${winner}` });
      }
    },
  },
  {
    name: 'race/counter',
    about: 'a counter that parallel clients raise by cas counts every success once',
    async run(system) {
      const key = system.key();
      await system.client().set(key, '0');
      const perClient = 5 * system.options.scale;
      const raise = async (): Promise<void> => {
        const client = system.client(system.pick(system.servers));
        for (let done = 0; done < perClient;) {
          const meta = await client.getm(key);
          expectThat(meta !== null, 'the counter is gone');
          const next = String(Number(meta.value.toString('latin1')) + 1);
          const { reply } = await client.request('cas', casRequest(key, meta.version, next));
          if (reply.kind === 'ok') done++;
        }
        client.close();
      };
      await Promise.all(Array.from({ length: 4 }, raise));
      const count = (await system.client().get(key))?.toString('latin1');
      expectThat(
        count === String(4 * perClient),
        `the counter says ${count} after ${4 * perClient} successes`,
      );
    },
  },
];
