import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrng } from '../base/prng.ts';
import type { ClientConnection, ConnectionStream } from '../listeners/client-connection.ts';
import { ClientPipe, type PipeServer } from './client-pipe.ts';
import { SimNetwork } from './network.ts';
import { SimProcess } from './process.ts';
import { RELIABLE_NETWORK, UNRELIABLE_NETWORK } from './scenarios/stage.ts';
import { Scheduler } from './scheduler.ts';
import { peerWireFormat } from './wire-format.ts';

const SERVER = 1;
const CLIENT = -1;

/** One server that answers what it gets twice, and one client. */
class Bench {
  readonly scheduler = new Scheduler();
  readonly network: SimNetwork;
  readonly events: string[] = [];
  readonly #onEnd = new Set<() => void>();
  server: SimProcess | null;
  stream: ConnectionStream | null = null;
  isAccepting = true;
  received = '';

  constructor(seed: number, faults = RELIABLE_NETWORK) {
    this.network = new SimNetwork(this.scheduler, createPrng(seed), peerWireFormat(), faults);
    this.server = this.#process();
  }

  connect(): ClientPipe {
    const { network, scheduler } = this;
    const client = { id: CLIENT, process: this.#process() };
    return new ClientPipe(network, scheduler, client, this.#pipeServer(), {
      opened: () => this.events.push('opened'),
      received: (chunk) => {
        this.received += chunk.toString();
      },
      closed: (error) => this.events.push(`closed: ${error === null ? 'ended' : error.message}`),
    });
  }

  run(): void {
    this.scheduler.runFor(10_000);
  }

  killServer(): void {
    this.server?.crash();
    this.server = null;
    for (const callback of this.#onEnd) callback();
  }

  #process(): SimProcess {
    return new SimProcess(this.scheduler, { rate: 1, wallOffsetMs: 0 }, (callback) => callback());
  }

  #pipeServer(): PipeServer {
    const process = (): SimProcess | null => this.server;
    return {
      id: SERVER,
      get process() {
        return process();
      },
      accept: (stream) => {
        if (!this.isAccepting) return null;
        const release = (): unknown => this.events.push('server: released');
        return { connection: this.#serve(stream), release };
      },
      onEnd: (callback) => {
        this.#onEnd.add(callback);
        return () => this.#onEnd.delete(callback);
      },
    };
  }

  #serve(stream: ConnectionStream): ClientConnection {
    this.stream = stream;
    return {
      received: (chunk) => {
        stream.write(chunk);
        stream.write(chunk);
      },
      drained: () => undefined,
      ended: () => undefined,
      closed: () => this.events.push('server: closed'),
      stop: () => undefined,
      pressureChanged: () => undefined,
      roomAgain: () => undefined,
      shed: () => undefined,
    };
  }
}

test('bytes arrive in both directions, complete and in order, over a network that loses and delays', () => {
  for (let seed = 0; seed < 20; seed++) {
    const bench = new Bench(seed, UNRELIABLE_NETWORK);
    const pipe = bench.connect();
    for (let i = 0; i < 50; i++) pipe.write(Buffer.from(`${i},`));
    bench.run();
    assert.equal(bench.received, Array.from({ length: 50 }, (_, i) => `${i},${i},`).join(''));
    assert.deepEqual(bench.events, ['opened']);
    assert.equal(bench.stream?.unsentBytes, 0);
  }
});

test('a written buffer may be used again', () => {
  const bench = new Bench(1);
  const pipe = bench.connect();
  const bytes = Buffer.from('a');
  pipe.write(bytes);
  bytes.fill('b');
  bench.run();
  assert.equal(bench.received, 'aa');
});

test('what waits behind a partition arrives when it is healed', () => {
  const bench = new Bench(2);
  const pipe = bench.connect();
  bench.run();
  bench.network.cut(CLIENT, SERVER);
  pipe.write(Buffer.from('x'));
  bench.run();
  assert.equal(bench.received, '');
  bench.network.heal();
  bench.run();
  assert.equal(bench.received, 'xx');
});

test('a server that does not read holds bytes back; one that reads again gets them in order', () => {
  const bench = new Bench(3);
  const pipe = bench.connect();
  bench.run();
  bench.stream?.pause();
  pipe.write(Buffer.from('1'));
  pipe.write(Buffer.from('2'));
  bench.run();
  assert.equal(bench.received, '');
  bench.stream?.resume();
  bench.run();
  assert.equal(bench.received, '1122');
});

test('a server that is down, or takes nobody, is told apart from one that is cut off', () => {
  const down = new Bench(4);
  down.killServer();
  down.connect();
  down.run();
  assert.deepEqual(down.events, ['closed: connection refused']);

  const full = new Bench(4);
  full.isAccepting = false;
  full.connect();
  full.run();
  assert.deepEqual(full.events, ['closed: connection reset']);

  const cut = new Bench(4);
  cut.network.cut(CLIENT, SERVER);
  cut.connect();
  cut.run();
  assert.deepEqual(cut.events, []);
});

test('the end of either side is seen at the other, once', () => {
  const cases: [(bench: Bench, pipe: ClientPipe) => void, string[]][] = [
    [(_bench, pipe) => pipe.close(), ['closed: ended', 'server: closed', 'server: released']],
    [(bench) => bench.killServer(), ['closed: connection reset']],
    [(bench) => bench.stream?.destroy(), ['closed: connection reset', 'server: closed', 'server: released']],
    [(bench) => bench.stream?.end(), ['closed: ended', 'server: closed', 'server: released']],
  ];
  for (const [act, events] of cases) {
    const bench = new Bench(5);
    const pipe = bench.connect();
    bench.run();
    act(bench, pipe);
    act(bench, pipe);
    bench.run();
    pipe.close();
    pipe.write(Buffer.from('late'));
    bench.run();
    assert.deepEqual(bench.events.slice(1).sort(), events);
    assert.equal(bench.received, '');
  }
});
