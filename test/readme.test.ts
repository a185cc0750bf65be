import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { ProcessCluster } from './support/processes.ts';
import { TextClient } from './support/text-client.ts';

const root = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);

/** What stands in the README between fences of one language. */
function blocks(language: string): string[] {
  const text = readFileSync(join(root, 'README.md'), 'utf8');
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , block = '']) => block);
}

/** A project in which kvraft is installed. */
let project: string;
before(() => {
  project = mkdtempSync(join(tmpdir(), 'kvraft-test-'));
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(root, join(project, 'node_modules', 'kvraft'));
});
after(() => rmSync(project, { recursive: true, force: true }));

async function startCluster(): Promise<ProcessCluster> {
  const cluster = await ProcessCluster.create(3);
  cluster.startAll();
  await cluster.leader();
  return cluster;
}

/** The README's ports, and those of the cluster that stands for it here. */
function withPorts(text: string, cluster: ProcessCluster): string {
  return text.replaceAll(/\b(localhost:)?([89]00[012])\b/g, (_, host: string | undefined, port: string) => {
    const { ClientPort, LogPort } = cluster.address(Number(port) % 10);
    return `${host ?? ''}${port.startsWith('8') ? ClientPort : LogPort}`;
  });
}

test('every program in the README runs, and prints what it says', async () => {
  const programs = blocks('js');
  assert.ok(programs.length >= 3);
  const cluster = await startCluster();
  try {
    for (const [at, program] of programs.entries()) {
      // A program that runs a member itself takes the place of one that runs.
      if (program.includes('createServer')) await cluster.kill('SIGTERM', 0);
      const file = join(project, `program-${at}.mjs`);
      writeFileSync(file, withPorts(program, cluster).replaceAll("'./data'", `'${cluster.folder}/data'`));
      // Else a test runner in it would report to the one that runs this test.
      const { NODE_TEST_CONTEXT: _, ...env } = process.env;
      const { stdout } = await run(process.execPath, [file], { cwd: cluster.folder, timeout: 60_000, env });
      const printed = [...program.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => `${line}\n`).join('');
      if (program.includes("'node:test'")) assert.match(stdout, /^# fail 0$/m);
      else assert.equal(stdout, printed, program);
    }
  } finally {
    await cluster[Symbol.asyncDispose]();
  }
});

test('every command in the README does what stands below it', async () => {
  const sessions = blocks('console').filter((block) => block.includes('$ npx kvraft'));
  assert.ok(sessions.length > 0);
  const kvraft = `npx() { shift; ${process.execPath} ${join(root, 'bin', 'kvraft.js')} "$@"; }`;
  for (const session of sessions) {
    const cluster = await startCluster();
    try {
      for (const step of session.split(/^\$ /m).slice(1)) {
        const [command = ''] = step.split('\n');
        const expected = step.slice(command.length + 1);
        const script = `${kvraft}\n{ ${command}\n} 2>&1 || true`;
        const { stdout } = await run('bash', ['-c', script], { cwd: cluster.folder, timeout: 60_000 });
        const shown = stdout === '' || stdout.endsWith('\n') ? stdout : `${stdout}\n`;
        assert.equal(shown, expected, command);
      }
    } finally {
      await cluster[Symbol.asyncDispose]();
    }
  }
});

test('the session in the text protocol goes as it is shown', async () => {
  const session = blocks('console').find((block) => block.startsWith('$ nc '));
  assert.ok(session !== undefined);
  const cluster = await startCluster();
  const client = await TextClient.connect(cluster.address(0).ClientPort);
  try {
    const lines = session.trimEnd().split('\n').slice(1);
    while (lines.length > 0) {
      const request = lines.shift() ?? '';
      const value = /^(set|cas) /.test(request) ? `${lines.shift()}\r\n` : '';
      const reply = await client.send(`${request}\r\n${value}`);
      assert.equal(reply.line, lines.shift(), request);
      if (reply.value !== null) assert.equal(reply.value.toString(), lines.shift(), request);
    }
  } finally {
    client.close();
    await cluster[Symbol.asyncDispose]();
  }
});
