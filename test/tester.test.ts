import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Command, kvraft, type CommandResult } from './support/command.ts';
import { full } from './support/full.ts';
import { freePorts } from './support/ports.ts';
import { ProcessCluster } from './support/processes.ts';

const KVRAFT = join(import.meta.dirname, '..', '..', 'bin', 'kvraft.js');
const PATIENCE_MS = 180_000;
const BROKEN = join(import.meta.dirname, 'support', 'broken-server.js');

interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly leftOut: number;
  readonly seed: number;
  readonly results: readonly { readonly name: string; readonly verdict: string; readonly message: string }[];
}

const quick = ['--patience', '30', '--silence', '0.5', '--json', '--seed', '7'];

/** Lets the tester start and kill the servers by this program. */
const testStarting = (
  cluster: ProcessCluster,
  program: string,
  ...args: string[]
): Promise<CommandResult> => {
  const start = `exec ${process.execPath} ${program} server {id} --config ${cluster.configFile}`;
  const command = new Command('tester', '--config', cluster.configFile, '--start', start, ...quick, ...args);
  return command.ended(PATIENCE_MS);
};

const reportOf = ({ stdout }: CommandResult): Report => JSON.parse(stdout) as Report;

const sizes = full ? [3, 5, 7] : [3];
const dialects = full ? ['kvraft', 'raft-golang', 'redirect', 'redirect-legacy'] : ['raft-golang'];
/** Of a sample: at least one check that kills, one that needs redirects, one that needs neither. */
const only = full ? [] : ['--only', 'basic/cas,redirect/,failure/leader-election'];

for (const size of sizes) {
  for (const dialect of dialects) {
    test(`the tester passes ${size} servers in the dialect ${dialect}, and leaves none of them running`, async () => {
      await using cluster = await ProcessCluster.create(size, { dialect });
      const junit = join(cluster.folder, 'junit.xml');
      const result = await testStarting(cluster, KVRAFT, '--dialect', dialect, '--junit', junit, ...only);
      const report = reportOf(result);
      const failed = report.results.filter(({ verdict }) => verdict === 'failed');
      assert.deepEqual(failed, []);
      assert.equal(result.code, 0, result.stderr);
      assert.equal(report.seed, 7);
      assert.ok(report.passed >= (full ? 38 : 6));
      const xml = readFileSync(junit, 'utf8');
      assert.match(xml, /<testcase classname="failure" name="leader-election" time="[\d.]+"\/>/);
      assert.match(
        xml,
        new RegExp(`tests="${report.results.length}" failures="0" skipped="${report.leftOut}"`),
      );
      assert.deepEqual(
        await Promise.all(cluster.ids.map((id) => cluster.status(id))),
        cluster.ids.map(() => null),
      );
    });
  }
}

const allFaults: [fault: string, check: string][] = [
  ['mangles-values', 'values/binary'],
  ['loses-writes', 'basic/versions'],
  ['ignores-versions', 'basic/cas'],
  ['reads-its-own-copy', 'history/linearizable'],
  ['answers-alone', 'failure/majority-down'],
];

const faults = full ? allFaults : allFaults.slice(-1);

describe('the tester fails real servers with a fault', { concurrency: 2 }, () => {
  for (const [fault, check] of faults) {
    test(fault, async () => {
      await using cluster = await ProcessCluster.create(3);
      const junit = join(cluster.folder, 'junit.xml');
      const result = await testStarting(cluster, `${BROKEN} ${fault}`, '--only', check, '--junit', junit);
      assert.equal(result.code, 1, result.stdout + result.stderr);
      const [found] = reportOf(result).results;
      assert.equal(found?.name, check, found?.message);
      assert.equal(found.verdict, 'failed');
      assert.notEqual(found.message, '');
      assert.match(readFileSync(junit, 'utf8'), /failures="1"[^]*<failure message="[^"]+"\/>/);
    });
  }
});

test('the tester takes servers that run already, and leaves out what needs killing', async () => {
  await using cluster = await ProcessCluster.create(3);
  cluster.startAll();
  await cluster.leader();
  const ports = cluster.servers.map(({ ClientPort }) => ClientPort).join(',');
  const where = ['--host', '127.0.0.1', '--ports', ports];
  const { code, stdout } = await kvraft('tester', ...where, '--only', 'basic/cas,failure/');
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^3 servers, dialect kvraft, seed \d+\nok +[\d.]+ s {2}basic\/cas /);
  assert.match(stdout, /\n1 passed, 0 failed, \d\d left out, in [\d.]+ s\n$/);
  const twice = await kvraft('tester', ...where, '--start', `exec ${process.execPath} ${KVRAFT} server {id}`);
  assert.equal(twice.code, 2, 'it does not take servers that run for those that it was to start');
  assert.match(twice.stderr, /127\.0\.0\.1:\d+ somebody listens already: stop server 0/);
  assert.equal(cluster.running.length, 3);
});

test('the tester says what is wrong with its arguments, and that nobody answers', async () => {
  const wrong = [
    ['--ports', 'a,b'],
    ['--dialect', 'klingon', '--ports', '9000'],
    ['--start', 'server', '--ports', '9000'],
    ['--ports', '9000,9000'],
    ['--scale', '0', '--ports', '9000'],
  ];
  for (const args of wrong) {
    const { code, stderr } = await kvraft('tester', ...args);
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    assert.doesNotMatch(stderr, /\n +at /);
  }
  const alone = await kvraft('tester', '--ports', '1', ...quick, '--patience', '0.2');
  assert.equal(alone.code, 1);
  assert.equal(reportOf(alone).results[0]?.name, 'system/ready');
  const [port = 0] = await freePorts(1);
  const missing = await kvraft(
    'tester',
    '--ports',
    String(port),
    '--start',
    'exec nowhere/server {id}',
    ...quick,
  );
  assert.equal(missing.code, 1);
  assert.match(reportOf(missing).results[0]?.message ?? '', /server 0 ended by itself \(exit code 127\)/);
});
