import { assert } from '../base/assert.ts';
import type { Prng } from '../base/prng.ts';
import { Admission } from '../listeners/admission.ts';
import { MemcachedConnection, type MemcachedConnectionSetup } from '../listeners/memcached-connection.ts';
import { MemcachedStats } from '../listeners/memcached-stats.ts';
import { FakeStream, ManualClock } from '../listeners/test-text.ts';
import { memcachedLimits } from '../wire/memcached-requests.ts';
import { pickWeighted, pieces } from './choices.ts';
import type { FuzzProtocol } from './fuzz.ts';
import { MachineService } from '../listeners/test-machine-service.ts';
import { evilKey, MemcachedInput } from './memcached-input.ts';
import { expectSame } from './text.ts';

/** Small ones, so that little input passes them. */
const requestLimits = {
  ...memcachedLimits,
  keyBytesMax: 12,
  valueBytesMax: 50,
  lineBytesMax: 80,
  keysLineBytesMax: 300,
  skippedBytesMax: 200,
};
/** One input and what it makes of heap, over all limits. */
const heldBytesMax = 60_000;

/** One server, on which a connection is played. */
class Stage {
  readonly service = new MachineService();
  readonly stream = new FakeStream();
  readonly connection: MemcachedConnection;
  readonly #admission: Admission;
  readonly #setup: MemcachedConnectionSetup;

  constructor() {
    const clock = new ManualClock();
    this.#admission = new Admission({ clock, inFlightBytesMax: 3_000 });
    this.#setup = {
      service: this.service,
      clock,
      admission: this.#admission,
      requestTimeoutMs: 30_000,
      requestLimits,
      stats: new MemcachedStats({ general: () => [], settings: () => [], items: () => 0 }),
      inFlightBytesMax: 1_500,
      unsentBytesMax: 500,
    };
    this.connection = this.#connect(this.stream);
  }

  #connect(stream: FakeStream): MemcachedConnection {
    const connection = new MemcachedConnection(this.#setup, stream);
    assert(this.#admission.join(connection), 'there is room');
    return connection;
  }

  /** Everything is answered, and read by the client. */
  settle(stream = this.stream, connection = this.connection): void {
    stream.stalled = false;
    do {
      stream.drain(connection);
      this.service.finishOne();
    } while (!this.service.isIdle || stream.unsentBytes > 0);
    stream.drain(connection);
  }

  /** Takes the pieces as a socket would; `between` is called after each. */
  play(input: Iterable<Buffer>, between: () => void): void {
    for (const piece of input) {
      while (this.stream.paused && !this.stream.ended) this.settle();
      if (!this.stream.ended) this.connection.received(piece);
      assert(this.#admission.inFlightBytes <= heldBytesMax, `holds ${this.#admission.inFlightBytes} bytes`);
      between();
    }
    this.settle();
  }

  /** A new connection is served as if nothing had been; the old one leaves nothing behind. */
  expectSound(): void {
    if (!this.stream.ended) this.connection.ended();
    assert(this.stream.ended, 'the connection ends when its client does');
    this.#admission.leave(this.connection);
    this.connection.closed();
    assert(this.#admission.inFlightBytes === 0, 'a connection that is gone holds nothing');
    const stream = new FakeStream();
    const connection = this.#connect(stream);
    connection.received(Buffer.from('set sound 3 0 2\r\nok\r\nget sound\r\n'));
    this.settle(stream, connection);
    expectSame('', 'STORED\r\nVALUE sound 3 2\r\nok\r\nEND\r\n', stream.received);
  }
}

function happen(prng: Prng, { service, stream, connection }: Stage): void {
  pickWeighted(prng, [
    [4, () => service.finishOne()],
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

/** However the bytes are cut, and whenever what happens, the answers are those to the whole, one after the other. */
function play(prng: Prng): void {
  const { input, isWhole } = new MemcachedInput(prng, requestLimits).stream();
  const bytes = Buffer.from(input, 'latin1');
  const whole = new Stage();
  whole.play([Buffer.from(bytes)], () => undefined);
  const cut = new Stage();
  cut.play(pieces(prng, bytes), () => happen(prng, cut));
  expectSame(input, whole.stream.received, cut.stream.received);
  assert(
    whole.stream.ended === cut.stream.ended,
    'the connection ends, or does not, however the input is cut',
  );
  for (const stage of [whole, cut]) {
    if (isWhole) assert(stage.service.get(evilKey) === undefined, `data were taken for a request: ${input}`);
    stage.expectSound();
  }
}

export const memcachedProtocol: FuzzProtocol = {
  name: 'memcached',
  about:
    "memcached's protocol: connections without sockets, cut by chance, against the same input in one piece",
  run: play,
};
