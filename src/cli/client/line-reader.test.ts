import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createPrng } from '../../base/prng.ts';
import { readLines, type Line } from './line-reader.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kvraft-test-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function all(text: string, offset = 0, number = 1): Promise<Line[]> {
  const file = join(folder, 'lines');
  writeFileSync(file, text);
  const lines: Line[] = [];
  for await (const line of readLines(file, offset, number)) lines.push(line);
  return lines;
}

test('a file is cut at line feeds, and every line knows where the next begins', async () => {
  assert.deepEqual(await all(''), []);
  assert.deepEqual(await all('ä\n\nb'), [
    { text: 'ä', number: 1, endOffset: 3 },
    { text: '', number: 2, endOffset: 4 },
    { text: 'b', number: 3, endOffset: 5 },
  ]);
});

test('reading from where a line ended gives the lines behind it', async () => {
  const prng = createPrng(1);
  const text = Array.from({ length: 300 }, () => 'x'.repeat(prng.below(2_000))).join('\n');
  const lines = await all(text);
  assert.equal(lines.map((line) => line.text).join('\n'), text);
  for (const at of [0, 1, 150, 299]) {
    const { endOffset, number } = lines[at]!;
    assert.deepEqual(await all(text, endOffset, number + 1), lines.slice(at + 1));
  }
});

test('a line that no entry can have is refused', async () => {
  await assert.rejects(all('x'.repeat(40 * 1024 * 1024)), { code: 'INVALID_ARGUMENT' });
});
