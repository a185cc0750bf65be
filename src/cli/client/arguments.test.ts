import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { InvalidArgumentError } from 'commander';
import { parseCount, parseDuration, parseFence, parseVersion } from './arguments.ts';
import { lineText } from './output.ts';
import { findServers } from './servers.ts';

test('durations have units; seconds without one', () => {
  const cases: [string, number][] = [
    ['30', 30_000],
    ['1ms', 1],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
  ];
  for (const [text, milliseconds] of cases) assert.equal(parseDuration(text), milliseconds, text);
  for (const text of ['', '0', '-1', '1w', 's', '1e3', ' 1', '0.1ms', '999999999999d']) {
    assert.throws(() => parseDuration(text), InvalidArgumentError, text);
  }
});

test('versions and counts are whole numbers from 1 on', () => {
  assert.equal(parseVersion('9007199254740991'), Number.MAX_SAFE_INTEGER);
  assert.equal(parseCount('12'), 12);
  for (const text of ['', '0', '-1', '1.5', '0x10', '9007199254740993', 'one']) {
    assert.throws(() => parseVersion(text), InvalidArgumentError, text);
    assert.throws(() => parseCount(text), InvalidArgumentError, text);
  }
});

test('a fence is a token and the name of a lock', () => {
  assert.deepEqual(parseFence('12:jobs:nightly'), { lock: 'jobs:nightly', token: 12 });
  for (const text of ['', '12', ':jobs', 'x:jobs', '12:'])
    assert.throws(() => parseFence(text), InvalidArgumentError);
});

test('bytes on a line neither break it nor reach the terminal as commands', () => {
  assert.equal(lineText(Buffer.from('schön 😀')), 'schön 😀');
  assert.equal(lineText(Buffer.from('a\tb\nc\\d\x1b[31m\x7f\u0085')), String.raw`a\tb\nc\\d\x1b[31m\x7f\x85`);
  assert.equal(lineText(Buffer.of(0xff, 0x41, 0x5c, 0x0a)), String.raw`\xffA\\\n`);
});

test('servers come from the option, the file, the environment, in this order', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kvraft-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, 'config.json');
  const servers = [
    { Id: 0, Hostname: 'a', ClientPort: 1, LogPort: 2 },
    { Id: 1, Hostname: 'b', ClientPort: 1, LogPort: 2, RpcPort: 3 },
  ];
  writeFileSync(config, JSON.stringify({ servers }));
  const environment = { KVRAFT_SERVERS: 'e:1 f:2' };
  assert.deepEqual(findServers({ servers: 'x:1,y:2' }, environment), ['x:1', 'y:2']);
  assert.deepEqual(findServers({ config }, environment), [
    { host: 'a', port: 1 },
    { host: 'b', port: 3 },
  ]);
  assert.deepEqual(findServers({}, environment), ['e:1', 'f:2']);
  assert.throws(() => findServers({ servers: ' , ' }, {}), {
    code: 'INVALID_ARGUMENT',
    message: /--servers names no/,
  });
  assert.throws(() => findServers({ config: join(folder, 'none') }, {}), { code: 'INVALID_CONFIG' });
});
