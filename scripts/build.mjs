// Brings a checkout up to date: installs what the lock file names when it is newer than what is installed, and
// compiles when a source is newer than what was compiled. Prints nothing when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const stamp = join(root, 'dist', '.built');

/** Runs a command in the checkout; a failing one ends this process with its exit code. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) {
    console.error(`${command} ${args.join(' ')}: ${signal ?? `exit code ${status}`}`);
    process.exit(status ?? 1);
  }
}

const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

function newestBelow(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    newest = Math.max(newest, modified(join(entry.parentPath, entry.name)));
  }
  return newest;
}

/** Installs from the lock file when nothing is installed or the lock file is newer. */
export function install() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (modified(installed) > 0 && modified(installed) >= modified(join(root, 'package-lock.json'))) return;
  console.error('installing dependencies …');
  run('npm', ['ci', '--no-audit', '--no-fund'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const now = new Date();
  if (existsSync(installed)) utimesSync(installed, now, now);
}

/** Compiles `src`, `test`, `bench` and `examples` when something there is newer than the last build. */
export function build() {
  const sources = Math.max(
    newestBelow(join(root, 'src')),
    newestBelow(join(root, 'test')),
    newestBelow(join(root, 'bench')),
    newestBelow(join(root, 'examples')),
    modified(join(root, 'tsconfig.json')),
    modified(join(root, 'package-lock.json')),
  );
  if (modified(stamp) >= sources) return;
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  run(process.execPath, [tsc]);
  run(process.execPath, [tsc, '-p', 'test']);
  run(process.execPath, [tsc, '-p', 'bench']);
  run(process.execPath, [tsc, '-p', 'examples']);
  writeFileSync(stamp, '');
}

if (process.argv[1] === import.meta.filename) {
  install();
  build();
}
