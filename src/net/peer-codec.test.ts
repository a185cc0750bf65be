import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { AssertionError } from '../base/assert.ts';
import { KvraftError } from '../base/errors.ts';
import type { AppendEntries, Entry } from '../raft/types.ts';
import { FRAME_HEADER_BYTES } from '../base/frame.ts';
import { pack } from '../base/msgpack.ts';
import { decodeMessage, MessageEncoder } from './peer-codec.ts';
import { anyMessage, messageOfType, messageTypes } from './peer-messages.test-support.ts';
import type { PeerMessage } from './transport.ts';

const SEED = 20_240_611;

const payloadOf = (message: PeerMessage): Buffer =>
  Buffer.concat(new MessageEncoder().encode(message)).subarray(FRAME_HEADER_BYTES);

const isProtocolError = (error: unknown): boolean =>
  error instanceof KvraftError && error.code === 'PROTOCOL';

/** A payload from raw fields. */
const raw = (...fields: unknown[]): Buffer => pack(fields, 0);

function refused(payload: Buffer, message: RegExp): void {
  assert.throws(
    () => decodeMessage(payload),
    (error) => isProtocolError(error) && message.test((error as Error).message),
  );
}

const entry = (index: number, term: number, data = ''): Entry => ({
  index,
  term,
  type: 'normal',
  stampMs: 5,
  data: Buffer.from(data),
});

const append = (entries: readonly Entry[], to = 2): AppendEntries => ({
  type: 'AppendEntries',
  from: 1,
  to,
  term: 9,
  prevLogIndex: (entries[0]?.index ?? 1) - 1,
  prevLogTerm: 1,
  entries,
  leaderCommit: 3,
});

for (const type of messageTypes) {
  test(`${type} comes out as it went in`, () => {
    fc.assert(
      fc.property(messageOfType(type), (message) => {
        assert.deepEqual(decodeMessage(payloadOf(message)), message);
      }),
      { seed: SEED, numRuns: 50 },
    );
  });
}

test('a message that is cut anywhere or has a byte too many is refused', () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const payload = payloadOf(message);
      for (let end = 0; end < payload.length; end++) {
        assert.throws(() => decodeMessage(payload.subarray(0, end)), isProtocolError);
      }
      assert.throws(() => decodeMessage(Buffer.concat([payload, Buffer.of(0xc0)])), isProtocolError);
    }),
    { seed: SEED, numRuns: 40 },
  );
});

test('mutated messages decode or throw the protocol error, never anything else', () => {
  const mutation = fc.record({
    at: fc.nat(),
    byte: fc.nat(255),
    kind: fc.constantFrom('set', 'insert', 'remove'),
  });
  let failures = 0;
  fc.assert(
    fc.property(anyMessage, fc.array(mutation, { minLength: 1, maxLength: 4 }), (message, mutations) => {
      const bytes = [...payloadOf(message)];
      for (const { at, byte, kind } of mutations) {
        const place = at % bytes.length;
        if (kind === 'set') bytes[place] = byte;
        else bytes.splice(place, kind === 'remove' ? 1 : 0, ...(kind === 'insert' ? [byte] : []));
        if (bytes.length === 0) bytes.push(byte);
      }
      try {
        decodeMessage(Buffer.from(bytes));
      } catch (error) {
        failures++;
        if (!isProtocolError(error)) throw error;
      }
    }),
    { seed: SEED, numRuns: 3_000 },
  );
  assert.ok(failures > 1_000, 'most mutations make no message');
});

test('random bytes never throw anything but the protocol error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.throws(() => decodeMessage(Buffer.from(bytes)), isProtocolError);
    }),
    { seed: SEED, numRuns: 3_000 },
  );
});

test('fields of a wrong kind or out of range are refused by name', () => {
  refused(pack('text', 0), /not an array/);
  refused(raw(), /too few fields/);
  refused(raw('Heartbeat'), /field 0 is not an unsigned integer/);
  refused(raw(99), /unknown type 99/);
  refused(raw(8, 1, 2), /too few fields/);
  refused(raw(8, 1, 2, 3, 4), /too many fields/);
  refused(raw(8, -1, 2, 3), /field 1 is not an unsigned integer/);
  refused(raw(8, 2 ** 32, 2, 3), /field 1 is not a member/);
  refused(raw(8, 1, 2, 1.5), /field 3 is not an unsigned integer/);
  refused(raw(8, 1, 2, 2 ** 53), /field 3 is not an unsigned integer/);
  refused(raw(8, 1, 2, Number.NaN), /field 3 is not an unsigned integer/);
  refused(raw(2, 1, 2, 3, 1, true), /field 4 is not a boolean/);
  refused(raw(16, 1, 'text'), /field 2 is not bytes/);
  refused(raw(17, 1, 3), /field 2 is not one of the choices/);
  refused(raw(7, 1, 2, 3, 4, 5, 6, [1, 1], [], [], []), /not sorted/);
  refused(raw(7, 1, 2, 3, 4, 5, 6, [2, 1], [], [], []), /not sorted/);
  refused(raw(7, 1, 2, 3, 4, 5, 6, 7, [], [], []), /field 7 is not a list/);
});

test('entries that no log can hold are refused', () => {
  const head = [3, 1, 2, 9, 4, 5, 0];
  const data = Buffer.of(1);
  assert.equal(decodeMessage(raw(...head, [[5, 0, 1, data]])).type, 'AppendEntries');
  refused(raw(...head, [[4, 0, 1, data]]), /terms fall/);
  refused(
    raw(...head, [
      [6, 0, 1, data],
      [5, 0, 1, data],
    ]),
    /terms fall/,
  );
  refused(raw(...head, [[10, 0, 1, data]]), /later term/);
  refused(raw(...head, [[5, 2, 1, data]]), /not one of the choices/);
  refused(raw(...head, [[5, 0, 1]]), /entry: too few/);
  refused(raw(...head, [[5, 0, 1, data, 1]]), /entry: too many/);
  refused(raw(...head, [5]), /entry: not an array/);
  refused(raw(3, 1, 2, 9, 2 ** 53 - 1, 5, 0, [[5, 0, 1, data]]), /past the last index/);
});

test('the bytes are those of the protocol description', () => {
  const frameOf = (message: PeerMessage): string =>
    Buffer.concat(new MessageEncoder().encode(message)).toString('hex');
  const heartbeat = { type: 'Heartbeat', from: 1, to: 2, term: 7, leaderCommit: 300, readRound: 5 } as const;
  assert.equal(frameOf(heartbeat), '090000001c9447829605010207cd012c05');
  const appended: AppendEntries = {
    type: 'AppendEntries',
    from: 1,
    to: 2,
    term: 7,
    prevLogIndex: 9,
    prevLogTerm: 6,
    entries: [{ index: 10, term: 7, type: 'normal', stampMs: 1_000, data: new Uint8Array([0x68, 0x69]) }],
    leaderCommit: 8,
  };
  assert.equal(frameOf(appended), '13000000d2a367c7980301020709060891940700cd03e8c4026869');
});

test('decoded entries alias the payload', () => {
  const payload = payloadOf(append([entry(1, 1, 'abc')]));
  const message = decodeMessage(payload) as AppendEntries;
  payload.fill(0);
  assert.deepEqual([...(message.entries[0]?.data ?? [])], [0, 0, 0]);
});

test('the same entries are encoded once for all followers, until the turn is over', () => {
  const entries = [entry(1, 1, 'a'), entry(2, 1, 'b'), entry(3, 1, 'c')];
  const encoder = new MessageEncoder();
  const [, first] = encoder.encode(append(entries, 2));
  const [head, second] = encoder.encode(append([...entries], 3));
  assert.equal(second, first);
  const message = decodeMessage(Buffer.concat([head!, second!]).subarray(FRAME_HEADER_BYTES));
  assert.deepEqual(message, append(entries, 3));
  encoder.forget();
  assert.notEqual(encoder.encode(append(entries, 2))[1], first);
});

test('other entries are never taken for those that were encoded before', () => {
  const [a, b, c] = [entry(1, 1, 'a'), entry(2, 1, 'b'), entry(3, 1, 'c')];
  const encoder = new MessageEncoder();
  for (const entries of [
    [a, b, c],
    [b, c],
    [c],
    [a, b],
    [entry(1, 1, 'x'), b, c],
    [entry(2, 1, 'y')],
    [a, b, c],
  ]) {
    const payload = Buffer.concat(encoder.encode(append(entries))).subarray(FRAME_HEADER_BYTES);
    assert.deepEqual((decodeMessage(payload) as AppendEntries).entries, entries);
  }
});

test('entries with a gap are a bug of the sender', () => {
  const encoder = new MessageEncoder();
  assert.throws(() => encoder.encode(append([entry(1, 1), entry(3, 1)])), AssertionError);
});

test('a value of the largest size passes', () => {
  const data = Buffer.alloc(16 * 1024 * 1024, 7);
  const message = append([{ ...entry(1, 1), data }]);
  const decoded = decodeMessage(payloadOf(message)) as AppendEntries;
  assert.equal(Buffer.compare(Buffer.from(decoded.entries[0]!.data), data), 0);
});
