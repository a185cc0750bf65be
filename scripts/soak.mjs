// `npm run soak`: everything that a fresh clone needs, then simulated worlds with many seeds.
import { join } from 'node:path';
import { build, install, run } from './build.mjs';

install();
build();
run(process.execPath, [
  join(import.meta.dirname, '..', 'bin', 'kvraft.js'),
  'soak',
  ...process.argv.slice(2),
]);
