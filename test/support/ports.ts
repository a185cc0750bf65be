import { createServer, type Server } from 'node:net';

/** Below the ports that the system gives to outgoing connections: one of those could take a port before its server does. */
const FIRST = 10_000;
const COUNT = 22_000;

/** Processes start at places of their own, and give no port twice. */
let next = (process.pid * 61) % COUNT;

/** Ports of this machine that nobody listens at now. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = FIRST + next;
    next = (next + 1) % COUNT;
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

/** At every address of the machine, as a server listens. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listens = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, () => resolve(true));
  });
  if (listens) await closed(server);
  return listens;
}

const closed = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
