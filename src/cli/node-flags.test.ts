import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { foreignEnvironment, GLIBC_TUNABLES, serverEnvironment } from './node-flags.ts';

const before = process.env['GLIBC_TUNABLES'];
afterEach(() => {
  if (before === undefined) delete process.env['GLIBC_TUNABLES'];
  else process.env['GLIBC_TUNABLES'] = before;
});

test('what the user says of the C library goes before what servers like, and programs of others hear nothing of that', () => {
  delete process.env['GLIBC_TUNABLES'];
  assert.equal(serverEnvironment()['GLIBC_TUNABLES'], GLIBC_TUNABLES);
  assert.equal(foreignEnvironment()['GLIBC_TUNABLES'], undefined);
  process.env['GLIBC_TUNABLES'] = GLIBC_TUNABLES;
  assert.equal(foreignEnvironment()['GLIBC_TUNABLES'], undefined);
  assert.equal(foreignEnvironment()['PATH'], process.env['PATH']);
  process.env['GLIBC_TUNABLES'] = 'glibc.malloc.check=1';
  assert.equal(serverEnvironment()['GLIBC_TUNABLES'], 'glibc.malloc.check=1');
  assert.equal(foreignEnvironment()['GLIBC_TUNABLES'], 'glibc.malloc.check=1');
});
