import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionError } from './assert.ts';
import { KvraftError } from './errors.ts';
import { EMPTY_FRAME, FrameDecoder, packFrame, sealFrame, FRAME_HEADER_BYTES } from './frame.ts';
import { unpack } from './msgpack.ts';

const MIB = 1024 * 1024;

const isProtocolError = (error: unknown): boolean =>
  error instanceof KvraftError && error.code === 'PROTOCOL';

const values: readonly unknown[] = [
  [1, 'a'],
  'x'.repeat(700),
  7,
  { a: [1, 2] },
  Buffer.alloc(3_000, 1),
  null,
];
const stream = Buffer.concat(values.map((value) => packFrame(value)));

/** Feeds the pieces one after the other and returns the payloads, decoded. */
function decode(pieces: readonly Buffer[], frameBytesMax = MIB): unknown[] {
  const decoder = new FrameDecoder(frameBytesMax);
  const payloads: Buffer[] = [];
  for (const piece of pieces) {
    decoder.push(piece);
    for (let payload = decoder.next(); payload !== null; payload = decoder.next()) payloads.push(payload);
  }
  // Only at the end: what was handed out must not be overwritten by what came later.
  return payloads.map((payload) => (payload.length === 0 ? 'empty' : unpack(payload)));
}

test('frames are found in one piece, split at every point, and byte by byte', () => {
  assert.deepEqual(decode([stream]), values);
  for (let at = 0; at <= stream.length; at++) {
    assert.deepEqual(decode([stream.subarray(0, at), stream.subarray(at)]), values);
  }
  assert.deepEqual(decode([...stream].map((byte) => Buffer.of(byte))), values);
});

test('a frame without a payload comes out as one, whole or in pieces', () => {
  const twice = Buffer.concat([EMPTY_FRAME, EMPTY_FRAME]);
  assert.deepEqual(decode([twice]), ['empty', 'empty']);
  assert.deepEqual(decode([...twice].map((byte) => Buffer.of(byte))), ['empty', 'empty']);
});

test('a frame may be sealed in two parts', () => {
  const whole = packFrame('abcdef');
  const head = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), whole.subarray(8, 10)]);
  sealFrame(head, whole.subarray(10));
  assert.deepEqual(Buffer.concat([head, whole.subarray(10)]), whole);
});

test('a frame that came in one piece aliases it, any other has bytes of its own', () => {
  const frame = packFrame('abc');
  const decoder = new FrameDecoder(MIB);
  decoder.push(frame);
  assert.equal(decoder.next()?.buffer, frame.buffer);
  decoder.push(frame.subarray(0, 9));
  assert.equal(decoder.next(), null);
  decoder.push(frame.subarray(9));
  assert.notEqual(decoder.next()?.buffer, frame.buffer);
});

test('every damaged byte of a frame is noticed', () => {
  const frame = packFrame([1, 'abc', 2]);
  for (let at = 0; at < frame.length; at++) {
    const damaged = Buffer.from(frame);
    damaged[at] = damaged[at]! ^ 0x10;
    const decoder = new FrameDecoder(frame.length);
    decoder.push(damaged);
    // A length that became larger, but is allowed, waits for bytes that would then not fit the checksum.
    try {
      assert.equal(decoder.next(), null);
      assert.ok(at < 4);
    } catch (error) {
      assert.ok(isProtocolError(error));
    }
  }
});

test('a frame longer than allowed is refused by its header alone', () => {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32LE(1_001);
  assert.throws(() => decode([header], 1_000), /a frame of 1001 bytes, where 1000 are allowed/);
  assert.throws(
    () =>
      decode(
        [...header].map((byte) => Buffer.of(byte)),
        1_000,
      ),
    isProtocolError,
  );
  header.writeUInt32LE(1_000);
  assert.deepEqual(decode([header], 1_000), []);
  const http = Buffer.from('GET / HTTP/1.1\r\nHost: example\r\n\r\n');
  assert.throws(() => decode([http], 64 * MIB), isProtocolError);
});

test('a claimed length allocates nothing: buffers grow with the bytes that came', () => {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32LE(60 * MIB);
  const before = process.memoryUsage().arrayBuffers;
  const decoders = Array.from({ length: 50 }, () => {
    const decoder = new FrameDecoder(64 * MIB);
    decoder.push(Buffer.concat([header, Buffer.alloc(100)]));
    assert.equal(decoder.next(), null);
    return decoder;
  });
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < MIB, `50 claims of 60 MiB took ${grown} bytes`);
  const piece = Buffer.alloc(64 * 1024);
  for (let i = 0; i < 16; i++) {
    decoders[0]!.push(piece);
    assert.equal(decoders[0]!.next(), null);
  }
  const more = process.memoryUsage().arrayBuffers - before - grown;
  assert.ok(more < 8 * MIB, `1 MiB of a frame took ${more} bytes`);
});

test('bytes pushed before the last ones are used up are a bug', () => {
  const decoder = new FrameDecoder(MIB);
  decoder.push(stream);
  assert.throws(() => decoder.push(stream), AssertionError);
});
