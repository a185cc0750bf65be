// `npm run compare:memcached [requests] [seed]`: builds, and sends the same requests to memcached and to kvraft.
import { join } from 'node:path';
import { build, install, run } from './build.mjs';

install();
build();
run(process.execPath, [
  '--enable-source-maps',
  join(import.meta.dirname, '..', 'dist', 'test', 'memcached', 'compare-main.js'),
  ...process.argv.slice(2),
]);
