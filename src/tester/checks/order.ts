import type { Check } from '../check.ts';
import { expectAnswer, expectThat, type Expected } from '../failure.ts';
import { casRequest, deleteRequest, getRequest, setRequest } from '../request.ts';
import type { Server, System } from '../system.ts';
import type { Connection } from '../tcp-connection.ts';

/** A server that answers requests itself. */
const answering = (system: System): Promise<Server> | Server =>
  system.dialect.redirect === null ? system.anyServer() : system.leader();

interface Step {
  readonly request: Buffer;
  readonly expected: Expected;
}

/** A stream of requests in which each reply tells whether those before it took effect. */
function script(system: System, rounds: number): Step[] {
  const steps: Step[] = [];
  for (let i = 0; i < rounds; i++) {
    const key = system.key();
    const [first, second] = [`first ${i}\r\nget ${key}\r\n`, `second ${i}`];
    steps.push(
      { request: getRequest(key), expected: 'not-found' },
      { request: setRequest(key, first), expected: 'ok' },
      { request: getRequest(key), expected: { value: first } },
      { request: casRequest(key, 0n, 'no'), expected: 'version' },
      { request: deleteRequest(key), expected: 'deleted' },
      { request: getRequest(key), expected: 'not-found' },
      { request: setRequest(key, second), expected: 'ok' },
      { request: getRequest(key), expected: { value: second } },
    );
  }
  return steps;
}

async function expectAll(system: System, connection: Connection, steps: readonly Step[]): Promise<void> {
  for (const [at, { request, expected }] of steps.entries()) {
    const asked = `reply ${at + 1} of ${steps.length}, to ${JSON.stringify(request.toString('latin1'))}`;
    expectAnswer(asked, await connection.answer(system.options.patienceMs), expected);
  }
}

/** Sends the stream in pieces whose lengths `next` gives, so slowly that most arrive by themselves. */
async function sendPieces(
  system: System,
  connection: Connection,
  bytes: Buffer,
  next: () => number,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + next());
    await connection.send(bytes.subarray(at, end));
    await system.sleep(1);
    at = end;
  }
}

const join = (steps: readonly Step[]): Buffer => Buffer.concat(steps.map(({ request }) => request));

export const orderChecks: readonly Check[] = [
  {
    name: 'order/pipelined',
    about: 'requests sent without waiting take effect and are answered in their order',
    async run(system) {
      const connection = await system.connect(await answering(system));
      const steps = script(system, 25 * system.options.scale);
      void connection.send(join(steps));
      await expectAll(system, connection, steps);
    },
  },
  {
    name: 'order/byte-by-byte',
    about: 'a stream means the same when it comes byte by byte',
    async run(system) {
      const connection = await system.connect(await answering(system));
      const steps = script(system, 3);
      const sent = sendPieces(system, connection, join(steps), () => 1);
      await expectAll(system, connection, steps);
      await sent;
    },
  },
  {
    name: 'order/random-pieces',
    about: 'a stream means the same however it is cut into packets',
    async run(system) {
      const server = await answering(system);
      for (let round = 0; round < 3 * system.options.scale; round++) {
        const connection = await system.connect(server);
        const steps = script(system, 8);
        const longest = 1 + system.prng.below(300);
        const sent = sendPieces(system, connection, join(steps), () => 1 + system.prng.below(longest));
        await expectAll(system, connection, steps);
        await sent;
      }
    },
  },
  {
    name: 'order/noreply',
    about: 'noreply does the work and sends nothing, errors included',
    async run(system) {
      const connection = await system.connect(await answering(system));
      const key = system.key();
      const quiet = { noreply: true };
      const steps: Step[] = [
        { request: getRequest(key), expected: { value: 'one' } },
        { request: getRequest(key), expected: { value: 'one' } },
        { request: getRequest(key), expected: { value: 'one' } },
        { request: deleteRequest(key), expected: 'deleted' },
      ];
      const stream = [
        setRequest(key, 'one', quiet),
        getRequest(key),
        casRequest(key, 0n, 'two', quiet),
        getRequest(key),
        casRequest(system.key(), 1n, 'two', quiet),
        getRequest(key),
        deleteRequest(key),
      ];
      void connection.send(Buffer.concat(stream));
      await expectAll(system, connection, steps);
      const version = await system.client().set(key, 'three');
      void connection.send(Buffer.concat([casRequest(key, version, 'four', quiet), getRequest(key)]));
      expectAnswer('get after cas with noreply', await connection.answer(system.options.patienceMs), {
        value: 'four',
      });
    },
  },
  {
    name: 'order/noreply-everywhere',
    about: 'noreply asked of any server is done, and says nothing there',
    async run(system) {
      for (const server of system.servers) {
        const connection = await system.connect(server);
        const key = system.key();
        void connection.send(setRequest(key, 'quiet', { noreply: true }));
        const client = system.client();
        await system.until(`what server ${server.id} was asked with noreply is done`, async () => {
          return (await client.get(key))?.toString('latin1') === 'quiet';
        });
        void connection.send('nonsense\r\n');
        expectAnswer('the first reply', await connection.answer(system.options.patienceMs), 'malformed');
      }
    },
  },
  {
    name: 'order/half-closed',
    about: 'a client that has sent all and waits for the rest of the replies gets them',
    async run(system) {
      const connection = await system.connect(await answering(system));
      const steps = script(system, 5);
      void connection.send(join(steps));
      connection.end();
      await expectAll(system, connection, steps);
      expectAnswer('after the last reply', await connection.answer(system.options.patienceMs), 'closed');
      expectThat(connection.rest.length === 0, 'bytes came behind the last reply');
    },
  },
];
