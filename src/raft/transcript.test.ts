import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { runTranscript } from './transcript.ts';

/** The tests run compiled, in a folder somewhere below the package; the scenarios stay beside the sources. */
function packageRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const testdata = join(packageRoot(), 'src/raft/testdata');
const isUpdate = process.env['UPDATE_TRANSCRIPTS'] === '1';

for (const name of readdirSync(testdata).filter((file) => file.endsWith('.txt'))) {
  test(`transcript ${name}`, () => {
    const path = join(testdata, name);
    const expected = readFileSync(path, 'utf8');
    const actual = runTranscript(expected);
    if (isUpdate) writeFileSync(path, actual);
    else assert.equal(actual, expected, 'UPDATE_TRANSCRIPTS=1 writes the transcript anew');
  });
}

test('the transcripts are there', () => {
  assert.ok(readdirSync(testdata).length >= 10);
});
