// `npm run check:package`: packs what would be published and has it judged: publint looks at the package itself,
// arethetypeswrong at how TypeScript sees every entry point.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, install, run } from './build.mjs';

const modules = join(import.meta.dirname, '..', 'node_modules');

install();
build();
const folder = mkdtempSync(join(tmpdir(), 'kvraft-package-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
const [tarball] = readdirSync(folder).map((name) => join(folder, name));
run(process.execPath, [join(modules, 'publint', 'src', 'cli.js'), 'run', tarball, '--strict']);
// ES modules only: every Node.js that the package is for can `require` them, too, which this tool does not know.
run(process.execPath, [
  join(modules, '@arethetypeswrong', 'cli', 'dist', 'index.js'),
  tarball,
  '--profile',
  'esm-only',
]);
