import { LoadConnection, type ConnectionHandler } from '../load/connection.ts';
import type { MakeWire } from '../wires/wire.ts';
import { standard } from '../rows/standard.ts';

const RETRY_MS = 1;
const PATIENCE_MS = 120_000;

/** Asks a server that is starting for a key until it answers; resolves with whether it has the key. */
export function firstAnswer(port: number, makeWire: MakeWire, key: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const end = performance.now() + PATIENCE_MS;
    const again = (connection: LoadConnection): void => {
      connection.close();
      if (performance.now() > end) return reject(new Error('the server did not answer'));
      setTimeout(() => connection.open(port), RETRY_MS);
    };
    const finish = (connection: LoadConnection, found: boolean): void => {
      connection.close();
      resolve(found);
    };
    const handler: ConnectionHandler = {
      opened(connection) {
        connection.add(key, 0, 0);
        connection.flush();
      },
      succeeded: (connection) => finish(connection, true),
      missed: (connection) => finish(connection, false),
      failed: again,
      received: () => undefined,
      broken: again,
    };
    const shape = { work: 'read', valueBytes: standard.valueBytes } as const;
    new LoadConnection(0, 1, makeWire, shape, handler).open(port);
  });
}
