import type { Check } from '../check.ts';
import { expectAnswer, expectThat } from '../failure.ts';
import { showReply } from '../reply.ts';
import { getRequest, setRequest } from '../request.ts';
import type { Server, System } from '../system.ts';
import type { Connection } from '../tcp-connection.ts';

const answering = (system: System): Promise<Server> | Server =>
  system.dialect.redirect === null ? system.anyServer() : system.leader();

const crlf = (line: string): string => `${line}\r\n`;

/** Everything that a server says until it says nothing any more. */
async function drain(system: System, connection: Connection): Promise<string[]> {
  const said: string[] = [];
  for (;;) {
    const answer = await connection.answer(system.options.silenceMs);
    if (answer.kind === 'silence' || answer.kind === 'closed') return said;
    said.push(showReply(answer));
  }
}

/** A key that input tries to smuggle in, and that nobody may ever see. */
async function expectAbsent(system: System, key: string, after: string): Promise<void> {
  await system.client().expect(`get of a key that only ${after} mentions`, getRequest(key), 'not-found');
}

/** Sends the input, and checks that a new connection is served as if nothing had been. */
async function survives(
  system: System,
  server: Server,
  input: Buffer | string,
  name: string,
): Promise<string[]> {
  const key = system.key();
  const connection = await system.connect(server);
  await connection.send(input);
  connection.end();
  const said = await drain(system, connection);
  system.drop(connection);
  const next = await system.connect(server);
  void next.send(setRequest(key, 'sound'));
  void next.send(getRequest(key));
  expectAnswer(`set on a new connection after ${name}`, await next.answer(system.options.patienceMs), 'ok');
  expectAnswer(`get on a new connection after ${name}`, await next.answer(system.options.patienceMs), {
    value: 'sound',
  });
  system.drop(next);
  return said;
}

const malformedLines = [
  'nonsense',
  'get',
  'getm',
  'set',
  'cas',
  'delete',
  'get a b',
  'getm a b',
  'delete a b c',
  'set a',
  'set a 0',
  'set a b 1',
  'set a 0 b',
  'set a 0 1 2 3',
  'cas a 0 1',
  'cas a 0 b 1',
  'cas a b 1 1',
  'set a 0 -1',
  'set a -1 1',
  'GET a',
  'getx a',
  'gets a',
  '0',
  '\x00\x01\x02',
];

export const inputChecks: readonly Check[] = [
  {
    name: 'input/malformed',
    about: 'a malformed line is an error, and the next line is the next request',
    async run(system) {
      const server = await answering(system);
      const key = system.key();
      await system.client(server).set(key, 'sound');
      const connection = await system.connect(server);
      for (const line of malformedLines) {
        void connection.send(crlf(line));
        const asked = JSON.stringify(line);
        expectAnswer(asked, await connection.answer(system.options.patienceMs), 'malformed');
        void connection.send(getRequest(key));
        expectAnswer(`get after ${asked}`, await connection.answer(system.options.patienceMs), {
          value: 'sound',
        });
      }
    },
  },
  {
    name: 'input/blanks',
    about: 'empty lines are ignored; runs of blanks and lines that end by a bare newline are understood',
    async run(system) {
      const connection = await system.connect(await answering(system));
      const key = system.key();
      const steps = [
        [`\r\n\r\nset ${key} 0 3\r\none\r\n`, 'ok'],
        [`\r\nget ${key}\r\n`, { value: 'one' }],
        [`get   ${key}  \r\n`, { value: 'one' }],
        [`get ${key}\n`, { value: 'one' }],
        [`\ngetm ${key}\n`, { value: 'one' }],
        [`delete  ${key} \r\n`, 'deleted'],
        [`set ${key}  0  5 \r\nthree\r\n`, 'ok'],
        [`get ${key}\r\n`, { value: 'three' }],
      ] as const;
      for (const [input, expected] of steps) {
        void connection.send(input);
        expectAnswer(JSON.stringify(input), await connection.answer(system.options.patienceMs), expected);
      }
    },
  },
  {
    name: 'input/oversized',
    about: 'what is too long is refused or kept whole, and never read as something else',
    async run(system) {
      const server = await answering(system);
      const evil = system.key('evil');
      const inside = `set ${evil} 0 4\r\nevil\r\n`;
      const longKey = system.key() + 'k'.repeat(5_000);
      const inputs: [string, string][] = [
        ['a key of 5,000 bytes', `get ${longKey}\r\n`],
        ['a set of a key of 5,000 bytes', `set ${longKey} 0 ${inside.length}\r\n${inside}\r\n`],
        ['a line of 100,000 bytes', `get ${'x '.repeat(50_000)}\r\n`],
        ['a value of 2,147,483,648 bytes', `set ${system.key()} 0 2147483648\r\n${inside}`],
        ['a length of 20 digits', `set ${system.key()} 0 99999999999999999999\r\n${inside}`],
        ['a length of 100 digits', `set ${system.key()} 0 ${'9'.repeat(100)}\r\n${inside}`],
        [
          'an exptime of 20 digits',
          `set ${system.key()} 99999999999999999999 ${inside.length}\r\n${inside}\r\n`,
        ],
        [
          'a version of 30 digits',
          `cas ${system.key()} 0 ${'9'.repeat(30)} ${inside.length}\r\n${inside}\r\n`,
        ],
      ];
      for (const [name, input] of inputs) {
        const said = await survives(system, server, input, name);
        expectThat(
          said.length <= 2,
          `${name}: answered ${said.length} times: ${said.slice(0, 4).join(', ')}`,
        );
        await expectAbsent(system, evil, name);
      }
    },
  },
  {
    name: 'input/wrong-length',
    about: 'a value of another length than announced is refused, and its rest never executed',
    async run(system) {
      const server = await answering(system);
      const evil = system.key('evil');
      const inside = `set ${evil} 0 4\r\nevil\r\n`;
      for (const difference of [-inside.length, -7, -3, -1, 1, 2]) {
        const key = system.key();
        const length = inside.length + difference;
        const name = `a value announced as ${length} bytes and sent as ${inside.length}`;
        const said = await survives(system, server, `set ${key} 0 ${length}\r\n${inside}\r\n`, name);
        if (difference < 0) {
          expectThat(
            said.length > 0 && said[0] === showReply({ kind: 'error', error: 'malformed' }),
            `${name}: answered by ${said[0] ?? 'nothing'}`,
          );
        }
        await expectAbsent(system, evil, name);
        if (difference < 0) await expectAbsent(system, key, name);
      }
    },
  },
  {
    name: 'input/cut-off',
    about: 'what a client does not send whole is not done',
    async run(system) {
      const server = await answering(system);
      const key = system.key();
      const whole = setRequest(key, 'x'.repeat(1_000)).toString('latin1');
      for (const length of [1, 3, 10, whole.length - 1_000, whole.length - 500, whole.length - 2]) {
        const connection = await system.connect(server);
        await connection.send(whole.slice(0, length));
        if (system.prng.chance(0.5)) connection.end();
        else connection.reset();
        await survives(system, server, '', `a request cut after ${length} bytes`);
      }
      await expectAbsent(system, key, 'a request that was cut off');
    },
  },
  {
    name: 'input/noise',
    about: 'noise, and clients of other protocols, do no harm',
    async run(system) {
      const server = await answering(system);
      const inputs: [string, Buffer | string][] = [
        ['an HTTP request', 'GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n'],
        ['a TLS hello', Buffer.from(`16030100a5010000a10303${'5a'.repeat(160)}`, 'hex')],
        ['a thousand zeroes', Buffer.alloc(1_000)],
        ['a thousand line ends', '\n'.repeat(1_000)],
      ];
      for (let i = 0; i < 5 * system.options.scale; i++) {
        const noise = Buffer.from(Array.from({ length: 2_000 }, () => system.prng.below(256)));
        inputs.push([`noise ${i}`, noise]);
        const words = [
          'set',
          'cas',
          'get',
          'getm',
          'delete',
          'noreply',
          ' ',
          ' ',
          '0',
          '9',
          '\r\n',
          '\n',
          'x',
        ];
        const text = Array.from({ length: 500 }, () => system.pick(words)).join('');
        inputs.push([`random words ${i}`, text]);
      }
      for (const [name, input] of inputs) await survives(system, server, input, name);
    },
  },
];
