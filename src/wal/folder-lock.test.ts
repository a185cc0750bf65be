import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { lockFolder } from './folder-lock.ts';

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kvraft-lock-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

interface Child {
  readonly process: ChildProcess;
  /** What it came to: `locked`, or the error's message. */
  readonly outcome: string;
}

const MODULE = new URL('folder-lock.js', import.meta.url).href;
const SCRIPT = `
  const { lockFolder } = await import(process.argv[1]);
  const keep = setInterval(() => undefined, 1000);
  try {
    await lockFolder(process.argv[2]);
    console.log('locked');
  } catch (error) {
    console.log(error.code + ' ' + error.message);
    clearInterval(keep);
  }`;

/** A process that takes the lock and holds it until it is killed. */
async function child(folder: string): Promise<Child> {
  const started = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, MODULE, folder]);
  const [line] = (await once(started.stdout, 'data')) as [Buffer];
  return { process: started, outcome: line.toString().trim() };
}

async function kill({ process: started }: Child): Promise<void> {
  const ended = once(started, 'exit');
  started.kill('SIGKILL');
  await ended;
}

test('a folder is locked once, and the error names the process that has it', async (context) => {
  const folder = folderOf(context);
  const lock = await lockFolder(folder);
  await assert.rejects(lockFolder(folder), (error: Error & { code: string }) => {
    assert.equal(error.code, 'DATA_LOCKED');
    assert.equal(error.message, `${folder} is in use by process ${process.pid}; stop it first`);
    return true;
  });
  lock.release();
  (await lockFolder(folder)).release();
});

test('the lock of a process that was killed is free', async (context) => {
  const folder = folderOf(context);
  for (let round = 0; round < 3; round++) {
    const holder = await child(folder);
    assert.equal(holder.outcome, 'locked');
    await assert.rejects(lockFolder(folder), new RegExp(`process ${holder.process.pid};`));
    await kill(holder);
  }
  (await lockFolder(folder)).release();
});

test('of processes that start at once on a dead lock, one gets it', async (context) => {
  const folder = folderOf(context);
  await kill(await child(folder));
  const children = await Promise.all(Array.from({ length: 5 }, () => child(folder)));
  const won = children.filter(({ outcome }) => outcome === 'locked');
  assert.equal(won.length, 1);
  const refused = children.filter(({ outcome }) => outcome.startsWith('DATA_LOCKED'));
  assert.equal(refused.length, 4);
  await Promise.all(won.map((winner) => kill(winner)));
});

test('of many starters in one process one gets it, round after round', async (context) => {
  const folder = folderOf(context);
  for (let round = 0; round < 20; round++) {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)));
    const locks = results.filter((result) => result.status === 'fulfilled');
    assert.equal(locks.length, 1);
    locks[0]!.value.release();
  }
  assert.deepEqual(
    readdirSync(folder).filter((name) => !/^lock\.\d+$/.test(name)),
    [],
  );
});

test('a plain file in place of the lock, as a copy of the folder leaves it, holds nobody', async (context) => {
  const folder = folderOf(context);
  writeFileSync(`${folder}/lock.7`, '');
  writeFileSync(`${folder}/lock.starting.1.2`, '');
  const lock = await lockFolder(folder);
  assert.deepEqual(readdirSync(folder), ['lock.8']);
  lock.release();
});

test('the path of the folder may be longer than that of a socket', async (context) => {
  const folder = `${folderOf(context)}/${'long'.repeat(40)}`;
  mkdirSync(folder);
  const lock = await lockFolder(folder);
  await assert.rejects(lockFolder(folder), { code: 'DATA_LOCKED' });
  lock.release();
});
