import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { full } from './support/full.ts';

const root = join(import.meta.dirname, '..', '..');

function run(folder: string, command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { cwd: folder, stdio: 'pipe', encoding: 'utf8' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(' ')}\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** What users do with the package as it is published, in projects of their own. Installs from the registry. */
describe('the published package', { skip: full ? false : 'only in the full tests' }, () => {
  let folder: string;
  let tarball: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kvraft-test-'));
    run(root, 'npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', folder);
    tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('is installed in an empty project, types and all, and runs there', () => {
    const project = join(folder, 'empty');
    cpSync(join(root, 'test', 'installed', 'consumer'), project, { recursive: true });
    run(project, 'npm', 'install', '--silent', '--no-audit', '--no-fund', tarball, '@types/node@20');
    const typescript = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    run(project, process.execPath, typescript, '-p', '.');
    assert.equal(run(project, process.execPath, 'dist/main.js'), 'hello from a program\n');
    assert.match(run(project, 'npx', '--no-install', 'kvraft', '--help'), /^Usage: kvraft/);
  });

  test("passes Keyv's own tests, and works with unstorage and Vitest", () => {
    const project = join(folder, 'libraries');
    cpSync(join(root, 'test', 'installed'), project, { recursive: true });
    run(project, 'npm', 'ci', '--silent', '--ignore-scripts', '--no-audit', '--no-fund');
    run(project, 'npm', 'install', '--silent', '--ignore-scripts', '--no-save', '--no-audit', tarball);
    writeFileSync(
      join(project, 'vitest.config.js'),
      'export default { test: { include: ["*.test.js"] } };\n',
    );
    run(project, process.execPath, join('node_modules', 'vitest', 'vitest.mjs'), 'run');
  });
});
