import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KvraftError } from '../base/errors.ts';
import { parseConfig } from '../server/config.ts';
import { WorkerServer } from './embedded-server.ts';
import { failures } from './failing-worker.test-support.ts';

const THREAD = new URL('failing-worker.test-support.js', import.meta.url);
const config = parseConfig('{"servers": [{"Id": 1, "ClientPort": 1, "LogPort": 2}]}', 'config.json');

const launch = (serverId: number): WorkerServer =>
  new WorkerServer(THREAD, { config, serverId, rebuild: false, logs: false }, null, 10);

const hasCode =
  (code: string, message: RegExp) =>
  (error: unknown): boolean =>
    error instanceof KvraftError && error.code === code && message.test(error.message);

test('a thread that ends before the server runs is why the start fails', async () => {
  const server = launch(failures.endsBeforeStart);
  await assert.rejects(server.started, hasCode('INTERNAL', /server 1 ended with code 7/));
  await server.closed;
});

test('a thread that dies of a bug fails what was asked, what is asked later, and `closed`', async () => {
  const server = launch(failures.throwsWhenAsked);
  await server.started;
  const died = hasCode('INTERNAL', /server 2 died: a bug/);
  const asked = [server.status(), server.status(), server.closed];
  await Promise.all(asked.map((promise) => assert.rejects(promise, died)));
  await assert.rejects(server.status(), died);
  await server.close();
});

test('a server that cannot go on says why', async () => {
  const server = launch(failures.failsWhenAsked);
  await server.started;
  const damaged = hasCode('STORE_DAMAGED', /^bit rot$/);
  await Promise.all([assert.rejects(server.status(), damaged), assert.rejects(server.closed, damaged)]);
});

test('a thread that does not stop when it is told to is ended', async () => {
  const server = launch(failures.neverStops);
  await server.started;
  const asked = assert.rejects(server.status(), hasCode('STOPPED', /server 4 was closed/));
  await Promise.all([server.close(), server.close(), server.closed, asked]);
  await assert.rejects(server.status(), hasCode('STOPPED', /server 4 was closed/));
});
