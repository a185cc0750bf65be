import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Allocations } from './allocations.ts';

/** MiB; so large that nothing is collected while it is counted. */
const YOUNG_GENERATION = 256;
const REQUESTS = 4_000;

async function allocations(work: string, waste = 0): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[
      '--expose-gc',
      // How soon code is optimised, and allocates less, must not go by how busy the machine is.
      '--no-concurrent-recompilation',
      `--min-semi-space-size=${YOUNG_GENERATION}`,
      `--max-semi-space-size=${YOUNG_GENERATION}`,
    ],
    join(import.meta.dirname, 'allocations.js'),
    ...[work, '50', '16', String(REQUESTS), String(waste)],
  ]);
  const { heapBytes, collections } = JSON.parse(stdout) as Allocations;
  assert.equal(collections, 0, 'a collection spoiled the count');
  return heapBytes;
}

/**
 * Bytes for a request of three servers, the simulated disks among them; a quarter or more above what it is, as versions
 * of Node differ.
 */
const WRITE_BYTES_MAX = 5_200;
const READ_BYTES_MAX = 1_200;
/** Objects that a regression makes more for each operation. */
const WASTE = 100;

test('a write and a read allocate no more than they may, and waste shows', async () => {
  const [write, read] = await Promise.all([allocations('write'), allocations('read')]);
  assert.ok(write > 0 && write <= WRITE_BYTES_MAX, `a write: ${write} bytes`);
  assert.ok(read > 0 && read <= READ_BYTES_MAX, `a read: ${read} bytes`);
  const [wasted, wastedRead] = await Promise.all([allocations('write', WASTE), allocations('read', WASTE)]);
  assert.ok(wasted > WRITE_BYTES_MAX, `a wasteful write: ${wasted} bytes`);
  assert.ok(wastedRead > READ_BYTES_MAX, `a wasteful read: ${wastedRead} bytes`);
});
