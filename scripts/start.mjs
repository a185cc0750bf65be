// `npm start`: everything that a fresh clone needs, then the cluster of config.json.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, install } from './build.mjs';

install();
build();
const kvraft = join(import.meta.dirname, '..', 'bin', 'kvraft.js');
const child = spawn(process.execPath, [kvraft, 'cluster', ...process.argv.slice(2)], { stdio: 'inherit' });
// The terminal sends Ctrl-C to the cluster, too; it decides when it has stopped.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
