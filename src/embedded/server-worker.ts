import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { silentLogger } from '../base/logger.ts';
import { startServer, type RunningServer } from '../server/server.ts';
import { PortConnectionStream } from './port-connection-stream.ts';
import { WorkerLogger } from './worker-logger.ts';
import { errorFields, type HostMessage, type WorkerMessage, type WorkerSetup } from './worker-messages.ts';

/*
 * The thread that an embedded server runs in. Whatever the program does with its own event loop, this one reads its
 * sockets, writes its log and keeps its deadlines.
 */

const port = parentPort;
assert(port !== null, 'runs as a worker thread');
const { config, serverId, rebuild, logs } = workerData as WorkerSetup;

const tell = (message: WorkerMessage): void => port.postMessage(message);
const logger = new WorkerLogger((level, fields, message) => tell({ type: 'log', level, fields, message }));

/** Nothing more is acknowledged: the thread ends at once, and what it said before is still delivered. */
function fail(error: unknown): never {
  tell({ type: 'failed', error: errorFields(error) });
  process.exit(1);
}

// In a worker thread this is the thread's own, not the program's.
process.on('uncaughtException', fail);

let server: RunningServer | null = null;
let isStopping = false;

port.on('message', (message: HostMessage) => {
  switch (message.type) {
    case 'status':
      if (server !== null) tell({ type: 'status', id: message.id, status: server.status() });
      return;
    case 'connect':
      PortConnectionStream.serve(message.port, (stream) => server?.accept(stream) ?? null);
      return;
    case 'logs-read':
      return logger.read(message.count);
    case 'stop':
      isStopping = true;
      void stop();
  }
});

async function stop(): Promise<void> {
  if (server === null) return;
  await server.stop();
  tell({ type: 'stopped' });
  process.exit(0);
}

server = await startServer({
  config,
  serverId,
  rebuild,
  logger: logs ? logger : silentLogger,
  onFatal: fail,
}).catch(fail);
tell({ type: 'started' });
if (isStopping) await stop();
