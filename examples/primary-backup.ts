// What a primary, its backup and a view service do when servers are killed, step by step, on real processes.
//
//   npm run example:primary-backup
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, type Client } from 'kvraft/client';

const root = dirname(fileURLToPath(import.meta.resolve('kvraft/package.json')));
const KVRAFT = join(root, 'bin', 'kvraft.js');
const PORTS_FROM = Number(process.env['EXAMPLE_PORTS_FROM'] ?? 8_300);
const folder = mkdtempSync(join(tmpdir(), 'kvraft-example-'));
const config = join(folder, 'config.json');
const running = new Map<string, ChildProcess>();
/** What went wrong that the example does not tell of: a port that is taken, for instance. */
let broken: string | null = null;

interface Status {
  readonly servers: readonly { readonly id: number; readonly up: boolean; readonly role?: string }[];
  readonly monitors: readonly {
    readonly role?: string;
    readonly view: number;
    readonly primary: number | null;
    readonly backup: number | null;
    readonly inSync: boolean;
  }[];
}

const say = (text: string): void => console.log(`\n— ${text}`);

function start(kind: 'server' | 'monitor', id: number): void {
  const args = [KVRAFT, kind, String(id), '--config', config, '--log-level', 'error'];
  const name = `${kind} ${id}`;
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  running.set(name, child);
  child.once('exit', (code) => {
    if (running.get(name) === child) broken ??= `${name} has ended by itself, with exit code ${code}`;
  });
}

async function kill(kind: 'server' | 'monitor', id: number): Promise<void> {
  const child = running.get(`${kind} ${id}`);
  running.delete(`${kind} ${id}`);
  if (child === undefined) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function status(): Promise<Status> {
  const child = spawn(process.execPath, [KVRAFT, 'status', '--config', config, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child, 'close');
  return JSON.parse(text) as Status;
}

/** Waits until the view service says so, and tells the view. */
async function view(
  what: string,
  holds: (view: Status['monitors'][number]) => boolean,
): Promise<Status['monitors'][number]> {
  for (;;) {
    if (broken !== null) throw new Error(broken);
    const leading = (await status()).monitors.find(({ role }) => role === 'leader');
    if (leading !== undefined && holds(leading)) {
      const { view, primary, backup, inSync } = leading;
      console.log(
        `  ${what}: view ${view}, primary ${primary}, backup ${backup ?? 'none'}${inSync ? ', in sync' : ''}`,
      );
      return leading;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

writeFileSync(
  config,
  JSON.stringify({
    engine: 'primary-backup',
    servers: [0, 1, 2].map((Id) => ({ Id, ClientPort: PORTS_FROM + Id, LogPort: PORTS_FROM + 100 + Id })),
    monitors: [0, 1, 2].map((Id) => ({ Id, Port: PORTS_FROM + 200 + Id })),
  }),
);

let client: Client | null = null;
try {
  say('three monitors keep the views; two servers come');
  for (const id of [0, 1, 2]) start('monitor', id);
  for (const id of [0, 1]) start('server', id);
  const first = await view('two copies', ({ inSync }) => inSync);

  say('a client writes');
  client = await connect({ servers: [0, 1, 2].map((id) => `localhost:${PORTS_FROM + id}`) });
  await client.put('color', 'blue');
  await client.append('diary', 'one;');
  console.log(`  color is ${(await client.get('color'))?.string()}`);

  say(`the primary, server ${first.primary}, is killed; the client writes on`);
  await kill('server', first.primary ?? 0);
  await client.append('diary', 'two;');
  const second = await view('its backup leads', ({ primary }) => primary !== first.primary);
  console.log(
    `  color is still ${(await client.get('color'))?.string()}, the diary says ${(await client.get('diary'))?.string()}`,
  );

  say('a third server is added: it gets the whole state and is the new backup');
  start('server', 2);
  await view('two copies again', ({ inSync }) => inSync);

  say(`now server ${second.primary} is killed, too`);
  await kill('server', second.primary ?? 0);
  await client.append('diary', 'three;');
  await view('the added server leads', ({ primary }) => primary === 2);
  console.log(`  the diary says ${(await client.get('diary'))?.string()}`);

  say('the leading monitor is killed: nobody notices');
  const monitors = (await status()).monitors;
  await kill(
    'monitor',
    monitors.findIndex(({ role }) => role === 'leader'),
  );
  await client.append('diary', 'four;');
  console.log(`  the diary says ${(await client.get('diary'))?.string()}`);
} finally {
  await client?.close();
  for (const child of running.values()) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
