import { once } from 'node:events';
import { connect } from 'node:net';
import { limits } from '../base/limits.ts';
import { silentLogger } from '../base/logger.ts';
import { nodeClock } from '../base/node-clock.ts';
import type { Prng } from '../base/prng.ts';
import { Admission } from '../listeners/admission.ts';
import type { Listener } from '../listeners/listener.ts';
import { FakeService } from '../listeners/test-text.ts';
import { textListener } from '../listeners/text-listener.ts';
import { textDialects } from '../wire/text-dialects.ts';
import { textRequestLimits } from '../wire/text-requests.ts';
import { pieces } from './choices.ts';
import type { FuzzProtocol } from './fuzz.ts';
import { expectSame } from './text.ts';
import { TextInput } from './text-input.ts';
import { TextReference } from './text-reference.ts';

const patienceMs = 10_000;
const dialect = textDialects.kvraft;

/** A listener whose store answers a moment later. */
class Bench {
  readonly service = new FakeService();
  readonly listener: Listener;

  constructor() {
    const { service } = this;
    service.onWrite = () => nodeClock.defer(() => service.finishWrite());
    service.onRead = () => nodeClock.defer(() => service.finishRead());
    this.listener = textListener({
      service,
      clock: nodeClock,
      logger: silentLogger,
      admission: new Admission({ clock: nodeClock }),
      dialect,
      redirects: null,
      port: 0,
      host: '127.0.0.1',
      keyBytesMax: limits.keyBytesMax,
      valueBytesMax: limits.valueBytesMax,
      requestTimeoutMs: patienceMs,
      rpc: null,
    });
  }
}

let bench: Bench | null = null;

async function started(): Promise<Bench> {
  if (bench === null) {
    bench = new Bench();
    await bench.listener.start();
  }
  return bench;
}

/** Sends the pieces, ends, and gives back everything that came until the server ended, too. */
async function exchange(port: number, stream: Iterable<Buffer>): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const patience = nodeClock.setTimer(patienceMs, () =>
    socket.destroy(new Error('the server does not answer')),
  );
  let received = '';
  socket.on('data', (chunk) => (received += chunk.toString('latin1')));
  const ended = once(socket, 'end');
  await once(socket, 'connect');
  for (const piece of stream) {
    if (!socket.write(piece)) await once(socket, 'drain');
  }
  socket.end();
  await ended;
  patience.cancel();
  socket.destroy();
  return received;
}

export const textSocketsProtocol: FuzzProtocol = {
  name: 'text-sockets',
  about: 'the text protocol over real sockets, with the limits as shipped',
  async run(prng: Prng): Promise<void> {
    const { service, listener } = await started();
    const input = new TextInput(prng, { ...textRequestLimits, skippedBytesMax: 5_000 }).stream();
    const received = await exchange(listener.port, pieces(prng, Buffer.from(input, 'latin1')));
    expectSame(input, new TextReference(textRequestLimits, dialect, null).answer(input).replies, received);
    service.reset();
  },
  async close(): Promise<void> {
    const { listener } = bench ?? {};
    bench = null;
    await new Promise<void>((resolve) => (listener === undefined ? resolve() : listener.stop(resolve)));
  },
};
