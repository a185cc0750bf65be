// `npm run fuzz -- --protocol <name> --inputs <count> --seed <number>`: inputs made by chance for one protocol.
import { join } from 'node:path';
import { build, install, run } from './build.mjs';

install();
build();
const main = join(import.meta.dirname, '..', 'dist', 'fuzz', 'main.js');
run(process.execPath, ['--expose-gc', '--enable-source-maps', main, ...process.argv.slice(2)]);
