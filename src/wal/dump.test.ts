import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dumpWal } from './dump.ts';
import { FOLDER, WalBench, entries, entry, hardState, imageVfs } from './wal-bench.test-support.ts';

const PATH = `${FOLDER}/0000000001.wal`;

function dump(image: ReadonlyMap<string, Uint8Array>): string[] {
  return [...dumpWal(imageVfs(image), FOLDER)].map((line) => line.replace(/id [0-9a-f]{8}/, 'id …'));
}

function recorded(): WalBench {
  const bench = new WalBench();
  bench.append([entry(1)], hardState(3, 2));
  bench.append([{ ...entry(2, 3), type: 'conf-change', stampMs: 12.5 }]);
  bench.rest();
  return bench;
}

test('a log is told record by record', () => {
  assert.deepEqual(dump(recorded().disk.image()), [
    'hard-state',
    '  slot 0: save 4, term 3, vote for server 2 (member 2), commit 0; durable to segment 1 byte 728',
    '  slot 1: save 5, term 3, vote for server 2 (member 2), commit 0; durable to segment 1 byte 808',
    '0000000001.wal: segment 1, id …, 4096 bytes',
    '         512  base 0 of term 0, last entry 0, term 0, no vote, commit 0; durable to nowhere',
    '         592  hard state: term 3, vote for server 2 (member 2), commit 0; durable to nowhere',
    '         648  entry 1, term 1, normal, stamp 10 ms, 17 bytes; durable to nowhere',
    '         728  entry 2, term 3, conf-change, stamp 12.5 ms, 17 bytes; durable to segment 1 byte 728',
    '         808  end; blank from here',
    '0000000002.wal: segment 2, id …, 4096 bytes',
    '  not used yet',
    'sound: base 0 of term 0, last entry 2, term 3, vote for server 2 (member 2), commit 0',
  ]);
});

test('compaction and reset show', () => {
  const bench = recorded();
  bench.wal.compact(1, 1);
  bench.append([entry(3, 3)]);
  bench.reset(90, 4, hardState(4, -1, 90));
  const lines = dump(bench.disk.image());
  assert.ok(lines.some((line) => /base 1 of term 1, last entry 2, term 3/.test(line)));
  assert.ok(lines.some((line) => /reset to 90 of term 4, term 4, no vote, commit 90/.test(line)));
});

test('a torn tail is shown as what it is', () => {
  const bench = recorded();
  bench.append(entries(3, 4, 3), null, false);
  const image = bench.disk.image();
  image.get(PATH)!.fill(0, 808, 820);
  const lines = dump(image);
  assert.ok(
    lines.includes(
      '         808  the record header is damaged or was never written; bytes up to 961 are in use',
    ),
  );
  assert.ok(
    lines.includes('         888  the header of a record is intact here; durable to segment 1 byte 808'),
  );
  assert.match(
    lines.at(-1)!,
    /^sound: .*last entry 2.*; the torn tail in data\/log\/0000000001\.wal will be cut off$/,
  );
});

test('damage is shown with what stands around it', () => {
  const image = recorded().disk.image();
  image.get(PATH)![730]! ^= 1;
  const lines = dump(image);
  assert.ok(lines.some((line) => line.startsWith('         728  the record header is damaged')));
  assert.match(lines.at(-1)!, /^not usable: data\/log\/0000000001\.wal, byte 728: .*hard-state says/);
});

test('whatever is broken in a log, there is a dump of it', () => {
  const image = recorded().disk.image();
  for (const [name, file] of image) {
    for (let at = 0; at < file.length; at += 7) {
      const broken = Uint8Array.from(file);
      broken.fill(0xa5, at, at + 9);
      assert.ok(dump(new Map([...image, [name, broken]])).length > 5);
      assert.ok(dump(new Map([...image, [name, file.slice(0, at)]])).length > 4);
    }
    const without = new Map(image);
    without.delete(name);
    assert.ok(dump(without).length > 2);
  }
  assert.deepEqual(dump(new Map([[`${FOLDER}/what`, new Uint8Array(1)]])), [
    'hard-state: missing',
    'what: not a part of the log',
    'sound: base 0 of term 0, last entry 0, term 0, no vote, commit 0',
  ]);
});

test('a file that is removed while the log is read does no harm', () => {
  const image = new Map(recorded().disk.image());
  const lines: string[] = [];
  for (const line of dumpWal(imageVfs(image), FOLDER)) {
    image.delete(`${FOLDER}/0000000002.wal`);
    lines.push(line);
  }
  assert.ok(lines.includes('0000000002.wal: went away while the log was read'));
  assert.match(lines.at(-1)!, /^sound: /);
});

test('the log of a running server can be dumped, whatever it is doing', () => {
  const bench = recorded();
  bench.wal.append({ hardState: null, entries: entries(3, 60, 3), mustSync: true }, () => undefined);
  for (let steps = 0; steps < 30 && bench.scheduler.step(); steps++) {
    const lines = [...dumpWal(bench.life.vfs, FOLDER)];
    assert.match(lines.at(-1)!, /^sound: /);
  }
  assert.equal(bench.life.fatal.length, 0);
});
