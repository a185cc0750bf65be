import { connect, createServer, KvraftError, type Client, type EmbeddedServer } from 'kvraft';
import { startTestCluster } from 'kvraft/testing';

const cluster = await startTestCluster({ servers: 3 });
const db: Client = await cluster.client();
await db.put('greeting', 'hello from a program', { ttl: 60_000, ifAbsent: true });
const entry = await db.get('greeting');
console.log(entry?.string());

// @ts-expect-error a key cannot both be absent and have a version
const wrong = (): Promise<unknown> => db.put('k', 'v', { ifAbsent: true, ifVersion: 3 });
const embed = (): Promise<EmbeddedServer> => createServer({ id: 0, config: 'config.json' });
const remote = (): Promise<Client> => connect({ servers: ['localhost:8000'] });
void [wrong, embed, remote, KvraftError];
await cluster.close();
