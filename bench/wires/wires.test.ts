import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame, frameFlags, frameTypes, settingsFrame, windowUpdate } from './http2.ts';
import { GrpcWire } from './grpc-wire.ts';
import { memcachedWire, respWire, textWire } from './line-protocols.ts';
import { field } from './protobuf.ts';
import { readStamp, type MakeWire, type Wire, type WireHandler } from './wire.ts';

const VALUE_BYTES = 24;
const value = (key: number, number: number): string =>
  `${String(number).padStart(12, '0')}${String(key).padStart(8, '0')}vvvv`;

/** Notes what a wire says, one text for each. */
function noted(): { events: string[]; handler: WireHandler } {
  const events: string[] = [];
  const handler: WireHandler = {
    succeeded: (slot, bytes, at) => events.push(`${slot}:${at < 0 ? 'done' : readStamp(bytes, at, slot)}`),
    missed: (slot) => events.push(`${slot}:missing`),
    failed: (slot, text) => events.push(`${slot}:${text}`),
    say: (bytes) => events.push(`say ${bytes.toString('hex')}`),
  };
  return { events, handler };
}

function encode(wire: Wire, slot: number, key: number, number: number): Buffer {
  const out = Buffer.alloc(wire.requestBytesMax + 3);
  return out.subarray(3, wire.encode(out, 3, slot, key, number));
}

/** The events of `replies` after requests in `slots`, the same however the bytes are cut. */
function receive(
  make: MakeWire,
  work: 'read' | 'write',
  slots: readonly number[],
  replies: Buffer,
): string[] {
  const all = [replies.length, 1, 2, 3, 7].map((step) => {
    const { events, handler } = noted();
    const wire = make({ work, valueBytes: VALUE_BYTES }, handler);
    for (const slot of slots) encode(wire, slot, slot, 1);
    for (let at = 0; at < replies.length; at += step)
      wire.receive(Buffer.from(replies.subarray(at, at + step)));
    return events;
  });
  for (const events of all) assert.deepEqual(events, all[0]);
  return all[0]!;
}

const shape = (work: 'read' | 'write') => ({ work, valueBytes: VALUE_BYTES });
const { handler: deaf } = noted();

test('the text protocol', () => {
  assert.equal(
    encode(textWire(shape('write'), deaf), 0, 123, 45).toString(),
    `set key-00000123 0 24\r\n${value(123, 45)}\r\n`,
  );
  assert.equal(encode(textWire(shape('read'), deaf), 0, 99_999_999, 0).toString(), 'get key-99999999\r\n');
  assert.deepEqual(receive(textWire, 'write', [4, 2, 9], Buffer.from('OK 1\r\nOK 22\r\nERR_INTERNAL\r\n')), [
    '4:done',
    '2:done',
    '9:ERR_INTERNAL',
  ]);
  const reads = `VALUE 24\r\n${value(0, 45)}\r\nERR_NOT_FOUND\r\nERR_INTERNAL\r\nVALUE 24\r\n${value(3, 1e12 - 1)}\r\n`;
  assert.deepEqual(receive(textWire, 'read', [0, 1, 2, 3], Buffer.from(reads)), [
    '0:45',
    '1:missing',
    '2:ERR_INTERNAL',
    '3:999999999999',
  ]);
});

test('memcached', () => {
  assert.equal(
    encode(memcachedWire(shape('write'), deaf), 0, 7, 8).toString(),
    `set key-00000007 0 0 24\r\n${value(7, 8)}\r\n`,
  );
  assert.deepEqual(receive(memcachedWire, 'write', [0, 1], Buffer.from('STORED\r\nSERVER_ERROR x\r\n')), [
    '0:done',
    '1:SERVER_ERROR x',
  ]);
  const reads = `VALUE key-00000007 0 24\r\n${value(5, 8)}\r\nEND\r\nEND\r\n`;
  assert.deepEqual(receive(memcachedWire, 'read', [5, 6], Buffer.from(reads)), ['5:8', '6:missing']);
});

test('redis', () => {
  assert.equal(
    encode(respWire(shape('write'), deaf), 0, 7, 8).toString(),
    `*3\r\n$3\r\nSET\r\n$12\r\nkey-00000007\r\n$24\r\n${value(7, 8)}\r\n`,
  );
  assert.equal(
    encode(respWire(shape('read'), deaf), 0, 7, 8).toString(),
    '*2\r\n$3\r\nGET\r\n$12\r\nkey-00000007\r\n',
  );
  assert.deepEqual(receive(respWire, 'write', [0, 1], Buffer.from('+OK\r\n-ERR no\r\n')), [
    '0:done',
    '1:-ERR no',
  ]);
  const reads = `$24\r\n${value(5, 8)}\r\n$-1\r\n-LOADING\r\n`;
  assert.deepEqual(receive(respWire, 'read', [5, 6, 7], Buffer.from(reads)), [
    '5:8',
    '6:missing',
    '7:-LOADING',
  ]);
});

test('more replies than requests are an error', () => {
  const wire = textWire(shape('write'), deaf);
  assert.throws(() => wire.receive(Buffer.from('OK 1\r\n')), /no request/);
});

test('many requests may wait', () => {
  const { events, handler } = noted();
  const wire = textWire(shape('write'), handler);
  for (let slot = 0; slot < 500; slot++) encode(wire, slot, slot, 1);
  wire.receive(Buffer.from('OK 1\r\n'.repeat(500)));
  assert.deepEqual(
    events,
    Array.from({ length: 500 }, (_, slot) => `${slot}:done`),
  );
});

const etcd: MakeWire = (requests, handler) => new GrpcWire(requests, handler);
const headers = (stream: number, end: boolean): Buffer =>
  frame(
    frameTypes.headers,
    frameFlags.endHeaders | (end ? frameFlags.endStream : 0),
    stream,
    Buffer.from([0x88]),
  );
function message(stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length, 1);
  return frame(frameTypes.data, 0, stream, Buffer.concat([head, payload]));
}
const reply = (stream: number, payload: Buffer): Buffer =>
  Buffer.concat([headers(stream, false), message(stream, payload), headers(stream, true)]);

test('etcd: the first request names its headers, later ones point at them', () => {
  const wire = etcd(shape('write'), deaf);
  const first = encode(wire, 0, 1, 1).toString('latin1');
  const later = encode(wire, 1, 2, 3);
  assert.ok(first.includes('/etcdserverpb.KV/Put') && first.includes('application/grpc'));
  assert.equal(later.length, 9 + 6 + 9 + 5 + 2 + 12 + 2 + VALUE_BYTES);
  assert.equal(later.readUInt32BE(5), 3, 'the second stream');
  assert.equal(later.readUInt32BE(15 + 5), 3);
  assert.ok(later.toString('latin1').endsWith(`\n\x0ckey-00000002\x12\x18${value(2, 3)}`));
  assert.ok(first.endsWith(`\n\x0ckey-00000001\x12\x18${value(1, 1)}`));
});

test('etcd: replies of any order, and errors', () => {
  const record = (key: number, number: number): Buffer =>
    field(
      2,
      Buffer.concat([
        field(1, Buffer.from('key')),
        Buffer.from([0x10, 0xff, 0x01]),
        field(5, Buffer.from(value(key, number))),
      ]),
    );
  const replies = Buffer.concat([
    settingsFrame([]),
    reply(3, record(11, 300)),
    reply(1, Buffer.concat([field(1, Buffer.from([0x08, 1])), record(10, 7)])),
    frame(frameTypes.ping, 0, 0, Buffer.from('12345678')),
    reply(5, field(1, Buffer.from([0x08, 1]))),
    headers(7, true),
  ]);
  assert.deepEqual(receive(etcd, 'read', [10, 11, 12, 13], replies), [
    '11:300',
    '10:7',
    '12:missing',
    '13:the call ended without a message',
  ]);
  assert.deepEqual(
    receive(etcd, 'write', [0, 1], Buffer.concat([reply(1, Buffer.alloc(4)), headers(3, true)])),
    ['0:done', '1:the call ended without a message'],
  );
});

test('etcd: a request that the window has no room for waits until it opens', () => {
  const { events, handler } = noted();
  const wire = new GrpcWire({ work: 'write', valueBytes: 16_000 }, handler);
  const sent = [0, 1, 2, 3, 4].map((slot) => encode(wire, slot, slot, 1).length);
  assert.deepEqual(
    sent.map((length) => length > 0),
    [true, true, true, true, false],
  );
  wire.receive(windowUpdate(0, 10_000));
  assert.equal(events.length, 0);
  wire.receive(windowUpdate(0, 10_000));
  assert.ok(events.join('').length > 32_000);
});

test('etcd: what HTTP/2 wants to be acknowledged goes with the next request, unless it is much', () => {
  const { events, handler } = noted();
  const wire = new GrpcWire(shape('read'), handler);
  encode(wire, 0, 0, 0);
  const ping = frame(frameTypes.ping, 0, 0, Buffer.from('12345678'));
  wire.receive(Buffer.concat([settingsFrame([]), ping]));
  assert.deepEqual(events, []);
  const acknowledged = `000000040100000000000008060100000000${Buffer.from('12345678').toString('hex')}`;
  assert.ok(encode(wire, 2, 2, 0).toString('hex').startsWith(acknowledged));
  assert.ok(!encode(wire, 3, 3, 0).toString('hex').startsWith('0000000401'));
  for (let i = 0; i < 4; i++) wire.receive(ping);
  assert.equal(events.length, 1, 'said at once');
});
