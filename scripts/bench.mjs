// `npm run bench`: measures this checkout beside other stores. `npm run bench -- --help` tells the options.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, install } from './build.mjs';

install();
build();
const main = join(import.meta.dirname, '..', 'dist', 'bench', 'main.js');
const child = spawn(process.execPath, ['--enable-source-maps', main, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
// The terminal sends Ctrl-C to the benchmark, too; it stops what it started.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
