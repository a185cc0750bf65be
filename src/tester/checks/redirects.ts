import type { Check } from '../check.ts';
import { CheckFailure, expectAnswer, expectThat } from '../failure.ts';
import { showReply } from '../reply.ts';
import { casRequest, deleteRequest, getmRequest, getRequest, setRequest } from '../request.ts';
import type { Server, System } from '../system.ts';

/** What a server that does not lead has to redirect. */
const requests = (key: string): [string, Buffer][] => [
  ['get', getRequest(key)],
  ['getm', getmRequest(key)],
  ['set', setRequest(key, 'x')],
  ['cas', casRequest(key, 1n, 'x')],
  ['delete', deleteRequest(key)],
];

/** Runs `body` with the server that leads, anew if another one came to lead meanwhile. */
async function underOneLeader(
  system: System,
  body: (leader: Server, others: readonly Server[]) => Promise<void>,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const leader = await system.leader();
    try {
      return await body(
        leader,
        system.upServers.filter((server) => server !== leader),
      );
    } catch (error) {
      const isSame = (await system.leader()) === leader;
      if (isSame || tries === 5 || !(error instanceof CheckFailure)) throw error;
    }
  }
}

const redirecting: Pick<Check, 'dialects' | 'serversMin'> = {
  dialects: ({ redirect }) => redirect !== null,
  serversMin: 2,
};

export const redirectChecks: readonly Check[] = [
  {
    name: 'redirect/names-leader',
    about: 'every server but the leader redirects every request, reads too, to the leader',
    ...redirecting,
    run: (system) =>
      underOneLeader(system, async (leader, others) => {
        for (const server of others) {
          for (const [name, request] of requests(system.key())) {
            const answer = await system.ask(server, request);
            const asked = `${name}, asked of server ${server.id} while server ${leader.id} leads`;
            expectThat(answer.kind === 'redirect', `${asked}: expected a redirect, got ${showReply(answer)}`);
            expectThat(system.redirectTarget(answer) === leader, `${asked}: got ${showReply(answer)}`);
          }
        }
      }),
  },
  {
    name: 'redirect/no-loop',
    about: 'redirects, followed from any server, end at one that answers',
    ...redirecting,
    async run(system) {
      for (const first of system.upServers) {
        await system.until(`redirects from server ${first.id} end`, async () => {
          let server = first;
          for (let hops = 0; hops < system.servers.length; hops++) {
            const answer = await system.ask(server, getRequest(system.key()));
            if (answer.kind !== 'redirect') {
              expectAnswer('get behind a redirect', answer, 'not-found');
              return true;
            }
            server = system.redirectTarget(answer);
          }
          return false;
        });
      }
    },
  },
  {
    name: 'redirect/not-done',
    about: 'a write that was redirected was not done',
    ...redirecting,
    run: (system) =>
      underOneLeader(system, async (leader, others) => {
        const kept = system.key();
        const version = await system.client(leader).set(kept, 'kept');
        for (const server of others) {
          const key = system.key();
          await system.ask(server, setRequest(key, 'x'));
          await system.ask(server, casRequest(kept, version, 'x'));
          await system.ask(server, deleteRequest(kept));
          const client = system.client(leader);
          await client.expect('get of a key whose set was redirected', getRequest(key), 'not-found');
          await client.expect('get after cas and delete were redirected', getRequest(kept), {
            value: 'kept',
          });
        }
      }),
  },
  {
    name: 'redirect/in-order',
    about: 'redirects take their places among pipelined requests, errors and noreply included',
    ...redirecting,
    run: (system) =>
      underOneLeader(system, async (leader, others) => {
        const [server] = others;
        if (server === undefined) return;
        const key = system.key();
        const connection = await system.connect(server);
        const stream = [
          getRequest(key),
          Buffer.from('nonsense\r\n'),
          setRequest(key, 'quiet', { noreply: true }),
          setRequest(key, 'loud'),
          Buffer.from('get\r\n'),
          getmRequest(key),
        ];
        void connection.send(Buffer.concat(stream));
        const replies = ['redirect', 'malformed', 'redirect', 'malformed', 'redirect'] as const;
        for (const [at, expected] of replies.entries()) {
          const answer = await connection.answer(system.options.patienceMs);
          const asked = `reply ${at + 1} of a server that does not lead`;
          if (expected === 'malformed') expectAnswer(asked, answer, expected);
          else
            expectThat(answer.kind === expected, `${asked}: expected a redirect, got ${showReply(answer)}`);
        }
        const client = system.client(leader);
        await system.until('the set with noreply among them is done', async () => {
          return (await client.get(key))?.toString('latin1') === 'quiet';
        });
      }),
  },
];
