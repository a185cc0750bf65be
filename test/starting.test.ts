import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePorts } from './support/ports.ts';
import { until } from './support/processes.ts';
import { TextClient } from './support/text-client.ts';

const KVRAFT = join(import.meta.dirname, '..', '..', 'bin', 'kvraft.js');

/** Configurations as the stores whose programs are to run here print them, ports aside. */
const withComment = `{
    "path" : "...", // Unused for now
    "servers" : [
        {"Id": 0, "Hostname": "localhost", "ClientPort": 8000, "LogPort": 9000},
        {"Id": 1, "Hostname": "localhost", "ClientPort": 8001, "LogPort": 9001},
        {"Id": 2, "Hostname": "localhost", "ClientPort": 8002, "LogPort": 9002},
        {"Id": 3, "Hostname": "localhost", "ClientPort": 8003, "LogPort": 9003},
        {"Id": 4, "Hostname": "localhost", "ClientPort": 8004, "LogPort": 9004}
    ]
}
`;
const withTrailingCommas = `{
    "Path": "./raft-data",
    "Servers": [
        {"Id": 0, "Hostname": "localhost", "ClientPort": 9000, "LogPort": 9050,},
        {"Id": 1, "Hostname": "localhost", "ClientPort": 9001, "LogPort": 9051,},
        {"Id": 2, "Hostname": "localhost", "ClientPort": 9002, "LogPort": 9052,},
        {"Id": 3, "Hostname": "localhost", "ClientPort": 9003, "LogPort": 9053,},
        {"Id": 4, "Hostname": "localhost", "ClientPort": 9004, "LogPort": 9054,},
    ],
}
`;

/** A folder with a configuration, in which servers are started one by one, as another program would. */
class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'kvraft-test-'));
  readonly clientPorts: readonly number[];
  readonly #children = new Map<number, ChildProcess>();

  private constructor(text: string, ports: readonly number[]) {
    let at = 0;
    const replaced = text.replaceAll(/(Port": )\d+/g, (_, head: string) => `${head}${ports[at++]}`);
    this.clientPorts = ports.filter((_, at) => at % 2 === 0);
    writeFileSync(join(this.path, 'config.json'), replaced);
  }

  static async create(text: string): Promise<Folder> {
    return new Folder(text, await freePorts(10));
  }

  start(id: number, ...args: string[]): ChildProcess {
    const child = spawn(process.execPath, [KVRAFT, 'server', String(id), ...args], {
      cwd: this.path,
      stdio: 'ignore',
    });
    this.#children.set(id, child);
    return child;
  }

  async kill(...ids: number[]): Promise<void> {
    const children = ids.flatMap((id) => this.#children.get(id) ?? []);
    for (const id of ids) this.#children.delete(id);
    const exits = children.map((child) => once(child, 'exit'));
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(exits);
  }

  /** A connection to the server, once it takes one. */
  client(id: number): Promise<TextClient> {
    return until(`server ${id} listens`, () =>
      TextClient.connect(this.clientPorts[id] ?? 0).catch(() => null),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill(...this.#children.keys());
    rmSync(this.path, { recursive: true, force: true });
  }
}

test('servers are started by their id in a folder with a config.json, wait quietly for a majority, and may be killed one by one', async () => {
  await using folder = await Folder.create(withComment);
  const first = folder.start(2);
  const second = folder.start(0);
  const client = await folder.client(2);
  let answered = false;
  const pending = client.set('greeting', 'hello').finally(() => {
    answered = true;
  });
  const other = await folder.client(0);
  const read = other.get('greeting').finally(() => {
    answered = true;
  });
  await folder.client(0).then((more) => more.close());
  assert.equal(answered, false, 'nothing is answered without a majority');
  assert.deepEqual([first.exitCode, second.exitCode], [null, null], 'and nobody ends');

  folder.start(4);
  assert.match(await pending, /^OK \d+$/);
  assert.ok([null, 'hello'].includes(await read));
  folder.start(1);
  folder.start(3);
  for (const id of [0, 1, 2, 3, 4]) {
    const reader = await folder.client(id);
    assert.equal(await reader.get('greeting'), 'hello');
    reader.close();
    if (id < 2) await folder.kill(id);
  }
  const last = await folder.client(3);
  assert.match(await last.set('two-of-five', 'down'), /^OK/);
  for (const each of [client, other, last]) each.close();
});

test('a configuration with other names and trailing commas works as it stands, in the dialect that is asked for', async () => {
  await using folder = await Folder.create(withTrailingCommas);
  const dialect = ['--dialect', 'raft-golang'];
  const started = [0, 1, 2, 3];
  for (const id of started) folder.start(id, ...dialect);
  const leader = await until('one of them leads', async () => {
    for (const id of started) {
      const client = await folder.client(id);
      const { line } = await client.send('get nothing\r\n');
      client.close();
      if (line === 'ERR_NOT_FOUND') return { id };
      assert.match(line, /^REDIRECT [0-3]$/);
    }
    return null;
  });
  const client = await folder.client(leader.id);
  assert.match(await client.set('k', 'v'), /^OK/);
  assert.equal(await client.set('k', 'w'), 'ERR_VERSION');
  client.close();
  await folder.kill(leader.id);
  const next = started.filter((id) => id !== leader.id);
  const found = await until('another one leads', async () => {
    for (const id of next) {
      const client = await folder.client(id);
      const { line, value } = await client.send('get k\r\n');
      client.close();
      if (line === 'VALUE 1') return { value: value?.toString() };
    }
    return null;
  });
  assert.equal(found.value, 'v');
});
