import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  RecordEncoder,
  RECORD_ALIGNMENT,
  SEGMENT_HEADER_BYTES,
  decodeRecord,
  decodeRecordHeader,
  decodeSegmentHeader,
  encodeSegmentHeader,
  recordBytes,
  type LogRecord,
} from './format.ts';
import { scanSegment } from './scan.ts';
import { textOf } from './wal-bench.test-support.ts';

const ID = 0xfeedbeef;
const DURABLE = { segment: 3, offset: 4_096 };

const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const plain = { noNullPrototype: true };
const hardStates = fc.record(
  { term: whole, votedFor: fc.oneof(fc.constant(-1), whole), commitIndex: whole },
  plain,
);
const records: fc.Arbitrary<LogRecord> = fc.oneof(
  fc
    .record(
      {
        index: whole,
        term: whole,
        type: fc.constantFrom('normal' as const, 'conf-change' as const),
        stampMs: fc.double({ min: 0, noNaN: true }),
        data: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
      },
      plain,
    )
    .map((entry) => ({ type: 'entry' as const, entry })),
  hardStates.map((hardState) => ({ type: 'hard-state' as const, hardState })),
  fc.record(
    {
      type: fc.constant('base' as const),
      index: whole,
      term: whole,
      lastIndex: whole,
      hardState: hardStates,
    },
    plain,
  ),
  fc.record({ type: fc.constant('reset' as const), index: whole, term: whole, hardState: hardStates }, plain),
);

/** A segment that holds the records, with `blank` bytes behind. */
function segmentOf(list: readonly LogRecord[], blank = 64): Buffer {
  const encoder = new RecordEncoder(ID, 0, DURABLE);
  for (const record of list) encoder.add(record);
  encoder.finish();
  return Buffer.concat([Buffer.alloc(SEGMENT_HEADER_BYTES), ...encoder.buffers, Buffer.alloc(blank)]);
}

test('every record reads back as it was written, with its durable place', () => {
  const property = fc.property(fc.array(records, { minLength: 1, maxLength: 8 }), (list) => {
    const segment = segmentOf(list);
    const scan = scanSegment(segment, ID);
    assert.equal(scan.problem, null);
    assert.deepEqual(
      scan.records.map(({ record }) => record),
      list,
    );
    assert.ok(scan.records.every(({ durable }) => durable.segment === 3 && durable.offset === 4_096));
    assert.equal(scan.end, segment.length - 64);
    assert.equal(
      scan.end - SEGMENT_HEADER_BYTES,
      list.reduce((sum, record) => sum + recordBytes(record), 0),
    );
  });
  fc.assert(property, { seed: 7, numRuns: 300 });
});

test('a segment with no byte to spare reads to its end', () => {
  const entry = { index: 1, term: 1, type: 'normal' as const, stampMs: 0, data: Buffer.alloc(8) };
  const scan = scanSegment(segmentOf([{ type: 'entry', entry }], 0), ID);
  assert.equal(scan.problem, null);
  assert.equal(scan.records.length, 1);
});

test('the data of an entry is written from where it lies', () => {
  const data = Buffer.from('some data');
  const encoder = new RecordEncoder(ID, 0, DURABLE);
  encoder.add({ type: 'entry', entry: { index: 1, term: 1, type: 'normal', stampMs: 0, data } });
  encoder.finish();
  assert.ok(encoder.buffers.includes(data));
  assert.equal(encoder.bytes % RECORD_ALIGNMENT, 0);
  assert.equal(
    encoder.buffers.reduce((sum, { length }) => sum + length, 0),
    encoder.bytes,
  );
});

test('no changed bit of a record goes unnoticed', () => {
  const data = Buffer.from('nine bytes');
  const list: LogRecord[] = [
    { type: 'hard-state', hardState: { term: 5, votedFor: 2, commitIndex: 7 } },
    { type: 'entry', entry: { index: 8, term: 5, type: 'normal', stampMs: 12.5, data } },
  ];
  const segment = segmentOf(list);
  const { end } = scanSegment(segment, ID);
  for (let at = SEGMENT_HEADER_BYTES; at < end; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = Buffer.from(segment);
      flipped[at]! ^= 1 << bit;
      const scan = scanSegment(flipped, ID);
      assert.notEqual(scan.problem, null, `byte ${at} bit ${bit}`);
      assert.ok(scan.records.length < 2);
    }
  }
});

test('a record of another segment, or out of its row, is not taken', () => {
  const list: LogRecord[] = [1, 2, 3].map((index) => ({
    type: 'entry',
    entry: { index, term: 1, type: 'normal', stampMs: 0, data: Buffer.from([index]) },
  }));
  const segment = segmentOf(list);
  assert.equal(scanSegment(segment, ID + 1).records.length, 0);
  const size = recordBytes(list[0]!);
  const swapped = Buffer.from(segment);
  segment.copy(swapped, SEGMENT_HEADER_BYTES + size, SEGMENT_HEADER_BYTES + 2 * size);
  const scan = scanSegment(swapped, ID);
  assert.equal(scan.records.length, 1);
  assert.equal(scan.problem, 'the record does not follow the one before it');
});

test('a record whose length reaches beyond the file is not read', () => {
  const segment = segmentOf(
    [{ type: 'entry', entry: { index: 1, term: 1, type: 'normal', stampMs: 0, data: Buffer.alloc(100, 1) } }],
    0,
  );
  const header = decodeRecordHeader(segment, SEGMENT_HEADER_BYTES, ID);
  assert.ok(header !== null);
  assert.match(textOf(decodeRecord(segment.subarray(0, segment.length - 8), header)), /longer than the rest/);
  assert.equal(
    decodeRecordHeader(segment.subarray(0, SEGMENT_HEADER_BYTES + 55), SEGMENT_HEADER_BYTES, ID),
    null,
  );
});

test('the records behind a broken one are found by their headers', () => {
  const list: LogRecord[] = Array.from({ length: 5 }, (_, at) => ({
    type: 'entry',
    entry: { index: at + 1, term: 1, type: 'normal', stampMs: 0, data: Buffer.alloc(10 * at, 9) },
  }));
  const segment = segmentOf(list);
  const offsets = scanSegment(segment, ID).records.map(({ offset }) => offset);
  segment[offsets[1]!]! ^= 1;
  const scan = scanSegment(segment, ID);
  assert.equal(scan.end, offsets[1]);
  assert.deepEqual(
    scan.strays.map(({ offset }) => offset),
    offsets.slice(2),
  );
});

test('a segment header that cannot be used says why', () => {
  const header = encodeSegmentHeader({ id: ID, sequence: 12, size: 65_536 });
  assert.deepEqual(decodeSegmentHeader(header), { id: ID, sequence: 12, size: 65_536 });
  assert.match(textOf(decodeSegmentHeader(header.subarray(0, 100))), /too short for a segment: 100 bytes/);
  const magic = Buffer.from(header);
  magic[0] = 0;
  assert.match(textOf(decodeSegmentHeader(magic)), /wrong magic/);
  const damaged = Buffer.from(header);
  damaged[17]! ^= 1;
  assert.match(textOf(decodeSegmentHeader(damaged)), /checksum/);
});
