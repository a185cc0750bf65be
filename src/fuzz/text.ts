import { assert } from '../base/assert.ts';
import type { Prng } from '../base/prng.ts';
import { LeaderWatch } from '../listeners/leader-watch.ts';
import { Redirects } from '../listeners/redirects.ts';
import { makeServer, TestClient, type TestServer } from '../listeners/test-text.ts';
import { textDialectNames, textDialects, type TextDialect } from '../wire/text-dialects.ts';
import { textRequestLimits, type TextRequestLimits } from '../wire/text-requests.ts';
import { pick, pickWeighted, pieces } from './choices.ts';
import type { FuzzProtocol } from './fuzz.ts';
import { TextInput } from './text-input.ts';
import { TextReference } from './text-reference.ts';

/** Small ones, so that little input passes them. */
const fuzzLimits: TextRequestLimits = {
  ...textRequestLimits,
  keyBytesMax: 10,
  valueBytesMax: 50,
  lineBytesMax: 80,
  skippedBytesMax: 200,
};
const inFlightBytesMax = 1_500;
const unsentBytesMax = 500;
const serverBytesMax = 3_000;
/** One input and what it makes of heap, over all limits: they are looked at after a piece was taken. */
const heldBytesMax = 40_000;

const ownId = 1;
const otherId = 2;
const address = { id: otherId, host: 'there', port: 8_102 };

/** What is the same for all connections of one input. */
interface Stage {
  readonly server: TestServer;
  readonly dialect: TextDialect;
  /** Who leads by now; null while nobody does. */
  leader: number | null;
}

function makeStage(dialect: TextDialect): Stage {
  const limits = { requestLimits: fuzzLimits, inFlightBytesMax, unsentBytesMax };
  const setup = { dialect, redirects: null as Redirects | null, ...limits };
  const server = makeServer(setup, serverBytesMax);
  const stage: Stage = { server, dialect, leader: ownId };
  const line = dialect.redirect?.(address);
  if (line !== undefined) {
    const watch = new LeaderWatch({ clock: server.clock, leader: () => stage.leader });
    const redirects = new Redirects({ watch, ownId, lines: new Map([[otherId, line]]) });
    Object.assign(server.setup, { redirects });
  }
  return stage;
}

/** What may happen between two pieces of the input. */
function happen(prng: Prng, { server }: Stage, { stream, connection }: TestClient): void {
  const { service } = server;
  pickWeighted(prng, [
    [3, () => service.writes.length > 0 && service.finishWrite()],
    [3, () => service.reads.length > 0 && service.finishRead()],
    [
      1,
      () => {
        stream.stalled = true;
      },
    ],
    [2, () => stream.drain(connection)],
    [2, () => undefined],
  ])();
}

/** Everything that can be answered is; the client reads all. */
function settle({ server }: Stage, { stream, connection }: TestClient): void {
  stream.stalled = false;
  do {
    stream.drain(connection);
    server.service.finishAll();
    server.clock.advance(20);
  } while (server.service.writes.length + server.service.reads.length > 0 || stream.unsentBytes > 0);
}

function play(prng: Prng): void {
  const dialect = textDialects[pick(prng, textDialectNames)];
  const stage = makeStage(dialect);
  const { server } = stage;
  const leader = prng.chance(0.6) ? ownId : otherId;
  const redirect = leader === ownId ? null : (dialect.redirect?.(address) ?? null);
  stage.leader = prng.chance(0.8) ? leader : null;
  const input = new TextInput(prng, fuzzLimits).stream();
  const client = new TestClient(server);
  const { stream, connection } = client;
  const rest = pieces(prng, Buffer.from(input, 'latin1'));
  for (let piece = rest.next(); !piece.done;) {
    // A socket that is not read keeps what comes; once the connection has ended, it is read and dropped.
    if (stream.paused && !stream.ended) {
      stage.leader = leader;
      settle(stage, client);
    } else {
      connection.received(piece.value);
      piece = rest.next();
    }
    assert(server.admission.inFlightBytes <= heldBytesMax, `holds ${server.admission.inFlightBytes} bytes`);
    happen(prng, stage, client);
  }
  stage.leader = leader;
  settle(stage, client);
  const expected = new TextReference(fuzzLimits, dialect, redirect).answer(input);
  expectSame(input, expected.replies, stream.received);
  assert(stream.ended === expected.closed, `the connection has ${stream.ended ? '' : 'not '}ended`);
  if (!stream.ended) connection.ended();
  assert(stream.ended, 'the connection ends when its client does');
  client.vanish();
  assert(server.admission.inFlightBytes === 0, 'a connection that is gone holds nothing');
  expectSound(stage);
}

/** A new connection is served as if nothing had been. */
function expectSound(stage: Stage): void {
  stage.leader = ownId;
  const next = new TestClient(stage.server);
  next.send('delete sound noreply\r\nset sound 0 2\r\nok\r\nget sound\r\n');
  settle(stage, next);
  const isSound = /^OK \d+\r\nVALUE 2\r\nok\r\n$/.test(next.stream.received);
  assert(isSound, `a new connection is answered ${JSON.stringify(next.stream.received)}`);
  next.vanish();
}

/** Throws if the replies are not those expected, with the input. */
export function expectSame(input: string, expected: string, received: string): void {
  if (received === expected) return;
  const lines = [`input    ${JSON.stringify(input)}`, `expected ${JSON.stringify(expected)}`];
  throw new Error([...lines, `received ${JSON.stringify(received)}`].join('\n'));
}

export const textProtocol: FuzzProtocol = {
  name: 'text',
  about:
    'the text protocol in all dialects: connections without sockets, against a second reading of the input',
  run: play,
};
