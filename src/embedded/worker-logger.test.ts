import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkerLogger } from './worker-logger.ts';

test('a program that does not read its log gets a bounded part of it, and is told how much is missing', () => {
  const posted: [string, object, string][] = [];
  const logger = new WorkerLogger((...line) => posted.push(line));
  for (let line = 0; line < 2_500; line++) logger.info({ line }, 'hello');
  assert.equal(posted.length, 1_000);
  assert.deepEqual(posted.at(-1), ['info', { line: 999 }, 'hello']);
  logger.read(400);
  assert.equal(posted.length, 1_000, 'not while most is unread');
  logger.read(600);
  assert.deepEqual(posted.at(-1)?.slice(0, 2), ['warn', { dropped: 1_500 }]);
  logger.debug({}, 'next');
  assert.equal(posted.length, 1_002);
  logger.read(2);
  assert.equal(posted.length, 1_002, 'nothing was dropped since');
});
