// `npm test`: everything that a fresh clone needs, then the tests. `--full` runs the slow ones in whole instead of
// their fixed sample. Further arguments name test files (as a part of their path).
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build, install, run } from './build.mjs';

const root = join(import.meta.dirname, '..');
const words = process.argv.slice(2).filter((word) => word !== '--full');
install();
build();
const files = readdirSync(join(root, 'dist'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.test.js'))
  .map((entry) => relative(root, join(entry.parentPath, entry.name)))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  .sort();
if (files.length === 0) {
  console.error(`no test file fits ${words.join(' ')}`);
  process.exit(1);
}
const full = process.argv.includes('--full') ? { KVRAFT_TEST_FULL: '1' } : {};
run(process.execPath, ['--test', '--test-concurrency=2', '--enable-source-maps', ...files], {
  env: { ...process.env, ...full },
});
