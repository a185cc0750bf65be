import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { graphOf } from './support/modules.ts';

const root = join(import.meta.dirname, '..', '..');

interface Manifest {
  readonly exports: Record<string, string | { readonly types: string; readonly default: string }>;
  readonly bin: Record<string, string>;
  readonly dependencies: Record<string, string>;
}
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;

const entries = Object.values(manifest.exports).flatMap((entry) =>
  typeof entry === 'string' ? [] : [entry],
);

test('what is published is whole: every module that an entry point loads, and nothing of the tests', () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [packed] = JSON.parse(output.toString()) as { files: { path: string }[] }[];
  const paths = new Set(packed?.files.map(({ path }) => path));
  const used = new Set<string>();
  for (const entry of [...entries.map((entry) => entry.default), ...Object.values(manifest.bin)]) {
    const { files, names } = graphOf(join(root, entry));
    for (const file of files) used.add(relative(root, file));
    for (const name of names) {
      const [scope = '', rest = ''] = name.split('/');
      const dependency = scope.startsWith('@') ? `${scope}/${rest}` : scope;
      const isKnown = name.startsWith('node:') || dependency in manifest.dependencies;
      assert.ok(isKnown, `${entry} needs ${name}, which is not installed with it`);
      assert.ok(!builtinModules.includes(name), `${name} of Node's is named without node:`);
    }
  }
  for (const file of used) assert.ok(paths.has(file), `${file} is not packed`);
  for (const { types } of entries) assert.ok(paths.has(types.replace('./', '')), `${types} is not packed`);
  const ofTests = [...paths].filter((path) => /\.test|\btest-|^dist\/test\//.test(path));
  assert.deepEqual(ofTests, []);
});

test('the client loads no native code', () => {
  const { names } = graphOf(join(root, 'dist', 'client', 'index.js'));
  const others = [...names].filter((name) => !name.startsWith('node:'));
  assert.deepEqual(
    others.filter((name) => !['msgpackr/pack', 'msgpackr/unpack'].includes(name)),
    [],
  );
  const script = `
    const loaded = [];
    const { dlopen } = process;
    process.dlopen = (...args) => { loaded.push(args[1]); return dlopen(...args); };
    await import('kvraft/client');
    console.log(JSON.stringify(loaded));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: root });
  assert.deepEqual(JSON.parse(output.toString()), []);
});
