import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import type { ClientConnection } from '../listeners/client-connection.ts';
import { PortClientStream } from './port-client-stream.ts';
import { PortConnectionStream } from './port-connection-stream.ts';

/** Both ends of a connection, and what was seen at each. */
class Pair {
  readonly client: PortClientStream;
  readonly server: PortConnectionStream;
  readonly seen: string[] = [];
  #onSeen = (): void => undefined;

  constructor(isServing = true) {
    const { port1, port2 } = new MessageChannel();
    this.client = new PortClientStream(port1, {
      opened: () => this.#see('client: opened'),
      received: (chunk) => this.#see(`client: ${chunk.toString()}`),
      closed: (error) => this.#see(`client: ${error === null ? 'ended' : error.message}`),
    });
    const connection: ClientConnection = {
      received: (chunk) => this.#see(`server: ${chunk.toString()}`),
      drained: () => this.#see('server: drained'),
      ended: () => this.#see('server: ended'),
      closed: () => this.#see('server: closed'),
      stop: () => undefined,
      pressureChanged: () => undefined,
      roomAgain: () => undefined,
      shed: () => undefined,
    };
    this.server = PortConnectionStream.serve(port2, () =>
      isServing ? { connection, release: () => this.#see('server: released') } : null,
    );
  }

  /** Waits until all of these were seen. */
  async saw(...events: string[]): Promise<void> {
    while (!events.every((event) => this.seen.includes(event))) {
      await new Promise<void>((resolve) => {
        this.#onSeen = resolve;
      });
    }
  }

  #see(event: string): void {
    this.seen.push(event);
    this.#onSeen();
  }
}

test('bytes go both ways, as parts of buffers that are used again', async () => {
  const pair = new Pair();
  const buffer = Buffer.from('..ask..');
  pair.client.write(buffer.subarray(2, 5));
  buffer.fill('x');
  await pair.saw('client: opened', 'server: ask');
  pair.server.write(Buffer.from('answer'));
  assert.equal(pair.server.unsentBytes, 6);
  await pair.saw('client: answer', 'server: drained');
  assert.equal(pair.server.unsentBytes, 0);
  pair.client.close();
  await pair.saw('client: ended', 'server: closed', 'server: released');
});

test('a connection that does not read gets everything in order when it reads again', async () => {
  const pair = new Pair();
  await pair.saw('client: opened');
  pair.server.pause();
  for (const text of ['1', '2', '3']) pair.client.write(Buffer.from(text));
  pair.server.write(Buffer.from('still'));
  await pair.saw('client: still', 'server: drained');
  assert.ok(!pair.seen.includes('server: 1'));
  pair.server.resume();
  await pair.saw('server: 3');
  assert.deepEqual(
    pair.seen.filter((event) => /server: \d/.test(event)),
    ['server: 1', 'server: 2', 'server: 3'],
  );
  pair.client.close();
});

test('what was written before the end arrives before it', async () => {
  const pair = new Pair();
  for (let i = 0; i < 100; i++) pair.server.write(Buffer.from(String(i)));
  pair.server.end();
  pair.server.write(Buffer.from('too late'));
  await pair.saw('client: ended', 'server: closed');
  assert.deepEqual(
    pair.seen.filter((event) => event.startsWith('client')),
    ['client: opened', ...Array.from({ length: 100 }, (_, i) => `client: ${i}`), 'client: ended'],
  );
  pair.client.write(Buffer.from('nobody hears'));
  pair.client.close();
});

test('a connection that is dropped or refused is told to the client', async () => {
  const dropped = new Pair();
  await dropped.saw('client: opened');
  dropped.server.destroy();
  await dropped.saw('client: the server closed the connection', 'server: closed');
  const refused = new Pair(false);
  await refused.saw('client: the server closed the connection');
  assert.deepEqual(refused.seen, ['client: the server closed the connection']);
});
