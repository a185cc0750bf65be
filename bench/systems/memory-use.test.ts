import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryUse, parseMemoryUse } from './memory-use.ts';

test('resident memory is read with its parts', () => {
  const status =
    'Name:\tnode\nVmRSS:\t    2048 kB\nRssAnon:\t    1024 kB\nRssFile:\t     512 kB\nRssShmem:\t       0 kB\n';
  assert.deepEqual(parseMemoryUse(status), { totalMib: 2, ownMib: 1, fileMib: 0.5 });
  assert.throws(() => parseMemoryUse('Name: x\n'), /VmRSS/);
});

test('this process shows what it uses', () => {
  const before = memoryUse(process.pid).ownMib;
  const block = Buffer.alloc(64 * 2 ** 20, 1);
  assert.ok(memoryUse(process.pid).ownMib - before > 32);
  assert.equal(block.length, 64 * 2 ** 20);
});
