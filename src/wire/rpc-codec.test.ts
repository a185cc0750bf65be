import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { KvraftError } from '../base/errors.ts';
import { FRAME_HEADER_BYTES, FrameDecoder } from '../base/frame.ts';
import { allOps } from '../kv/op-arbitraries.test-support.ts';
import { decodeAnswer, decodeHello, encodeHello, encodeRefusal, encodeWelcome } from './rpc-handshake.ts';
import { rpcLimits } from './rpc-limits.ts';
import { batchVerdicts, decodeReply, encodeReply, parseReply } from './rpc-replies.ts';
import { decodeRequest, encodeRequest, type RpcRequest } from './rpc-requests.ts';

const run = { seed: 20_251, numRuns: process.env['KVRAFT_TEST_FULL'] === undefined ? 300 : 20_000 };

const uint = fc.oneof(fc.nat(300), fc.maxSafeInteger().map(Math.abs));
const id = uint.map((id) => Math.max(1, id));
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const key = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .map((array) => Buffer.from(array).toString('latin1'));
const text = fc.oneof(fc.constant(''), key);
const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(arbitrary, { nil: null });
/** Increments of up to 2^53 − 1 can be said. */
const by = uint.map(BigInt);
const op = allOps({
  key,
  value: bytes,
  flags: fc.nat(),
  ttlMs: uint,
  version: uint,
  by,
  lease: fc.nat(),
}).filter(({ op }) => op !== 'visit' && op !== 'invalidate');

const request: fc.Arbitrary<RpcRequest> = fc.oneof(
  fc.constantFrom(
    { type: 'register' as const },
    { type: 'status' as const },
    { type: 'ping' as const },
    { type: 'cancel' as const },
  ),
  fc.record({ type: fc.constantFrom('keep-alive' as const, 'end-session' as const), session: uint }),
  fc.record({
    type: fc.constant('batch' as const),
    session: uint,
    number: uint,
    lowest: uint,
    atomic: fc.boolean(),
    ops: fc.array(op, { maxLength: 5 }),
    fence: nullable(fc.record({ lock: key, token: uint })),
  }),
  fc.record({
    type: fc.constant('get' as const),
    stale: fc.boolean(),
    keys: fc.array(text, { maxLength: 5 }),
  }),
  fc.record({
    type: fc.constant('range' as const),
    stale: fc.boolean(),
    start: text,
    end: nullable(text),
    reverse: fc.boolean(),
    entriesMax: uint,
  }),
  fc.record({ type: fc.constant('range-next' as const), range: uint, entriesMax: uint }),
  fc.record({ type: fc.constant('range-close' as const), range: uint }),
  fc.record({ type: fc.constant('watch' as const), prefix: text, from: uint }),
);

const payloadOf = (frame: Buffer): Buffer => frame.subarray(FRAME_HEADER_BYTES);

/** Decoded values with their bytes as plain text, to compare. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, field: unknown) => {
      if (typeof field === 'bigint') return `${field}n`;
      return field instanceof Uint8Array ? Buffer.from(field).toString('hex') : field;
    }).replaceAll(/\{"type":"Buffer","data":\[([\d,]*)\]\}/g, (_, list: string) =>
      JSON.stringify(Buffer.from(list === '' ? [] : list.split(',').map(Number)).toString('hex')),
    ),
  );

test('requests come out as they went in', () => {
  fc.assert(
    fc.property(id, request, (id, request) => {
      assert.deepEqual(plain(decodeRequest(payloadOf(encodeRequest(id, request)))), plain({ id, request }));
    }),
    run,
  );
});

test('replies come out as they went in', () => {
  const record = fc.record({ version: uint, ttlMs: uint, flags: fc.nat(), value: bytes });
  const entries = fc.array(
    fc.tuple(text, record).map(([key, record]) => ({ key, ...record })),
    { maxLength: 3 },
  );
  const event = fc.oneof(
    fc.record({ version: uint, type: fc.constant('put' as const), key: text, record }),
    fc.record({
      version: uint,
      type: fc.constantFrom('delete' as const, 'expire' as const, 'flush' as const),
      key: text,
      record: fc.constant(null),
    }),
  );
  const result = fc.record({ status: fc.constantFrom('ok' as const, 'fenced' as const), version: uint });
  fc.assert(
    fc.property(
      id,
      fc.array(nullable(record), { maxLength: 3 }),
      fc.record({ range: uint, version: uint, entries }),
      fc.record({ next: uint, events: fc.array(event, { maxLength: 3 }) }),
      fc.constantFrom(...batchVerdicts),
      fc.array(result, { maxLength: 3 }),
      (id, records, range, watch, verdict, results) => {
        const check = (frame: Buffer, parse: keyof typeof parseReply, value: unknown): void => {
          const reply = decodeReply(payloadOf(frame));
          assert(reply.fields !== null && reply.id === id);
          assert.deepEqual(plain(parseReply[parse](reply.fields)), plain(value));
        };
        check(encodeReply.get(id, records), 'get', records);
        check(encodeReply.range(id, range), 'range', range);
        check(encodeReply.watch(id, watch), 'watch', watch);
        check(encodeReply.batch(id, verdict, results), 'batch', { verdict, results });
        check(encodeReply.ping(id, null), 'ping', null);
        check(encodeReply.keepAlive(id, true), 'keepAlive', true);
        check(encodeReply.register(id, 1, 2), 'register', { session: 1, ttlMs: 2 });
      },
    ),
    run,
  );
});

test('errors, refusals and statuses come out as they went in', () => {
  const error = {
    code: 'TIMEOUT',
    message: 'why',
    outcome: 'unknown',
    retryable: true,
    leaderId: 3,
  } as const;
  assert.deepEqual(decodeReply(payloadOf(encodeReply.error(9, error))), { id: 9, fields: null, error });
  const refusal = { code: 'OVERLOADED', message: 'full', retryable: true };
  assert.deepEqual(decodeAnswer(payloadOf(encodeRefusal(refusal))), { kind: 'refusal', refusal });
  const status = {
    clusterId: 'ab'.repeat(16),
    serverId: 1,
    leaderId: null,
    term: 2,
    commitIndex: 3,
    lastApplied: 3,
    version: 4,
    keys: 5,
    stateHash: 'f'.repeat(16),
    servers: [{ id: 1, host: 'h', port: 1 }],
  };
  const { fields } = decodeReply(payloadOf(encodeReply.status(1, status)));
  assert(fields !== null);
  assert.deepEqual(parseReply.status(fields), status);
});

test('of another version of the protocol only the version is read', () => {
  const hello = payloadOf(encodeHello({ version: 9, features: 0, clusterId: '' }));
  assert.equal(decodeHello(hello).version, 9);
});

/** Runs a decoder on bytes that may be anything: it gives a value or says `PROTOCOL`, nothing else. */
function harmless(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    assert(error instanceof KvraftError && error.code === 'PROTOCOL', String(error));
  }
}

test('no bytes do harm: random ones, and messages with bytes changed, added and taken away', () => {
  const welcome = encodeWelcome({
    features: 0,
    clusterId: 'ab'.repeat(16),
    serverId: 0,
    leaderId: null,
    servers: [{ id: 0, host: 'h', port: 1 }],
    keyBytesMax: 1,
    valueBytesMax: 1,
  });
  const messages = fc.oneof(
    fc.tuple(id, request).map(([id, request]) => payloadOf(encodeRequest(id, request))),
    fc.constantFrom(
      payloadOf(welcome),
      payloadOf(encodeHello({ version: 1, features: 0, clusterId: '' })),
      payloadOf(
        encodeReply.watch(1, { next: 2, events: [{ version: 1, type: 'delete', key: 'k', record: null }] }),
      ),
      payloadOf(encodeReply.range(1, { range: 0, version: 1, entries: [] })),
    ),
  );
  const harmed = fc
    .tuple(messages, fc.nat(), fc.uint8Array({ maxLength: 4 }), fc.nat(4))
    .map(([message, at, put, drop]) => {
      const place = at % (message.length + 1);
      return Buffer.concat([message.subarray(0, place), put, message.subarray(place + drop)]);
    });
  const anything = fc.oneof(
    harmed,
    fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
  );
  fc.assert(
    fc.property(anything, (payload) => {
      harmless(() => decodeRequest(payload));
      harmless(() => decodeHello(payload));
      harmless(() => decodeAnswer(payload));
      for (const parse of Object.values(parseReply)) {
        harmless(() => {
          const { fields } = decodeReply(payload);
          if (fields !== null) parse(fields);
        });
      }
    }),
    { ...run, numRuns: run.numRuns * 4 },
  );
});

test('frames are cut out of a stream however it comes in pieces', () => {
  fc.assert(
    fc.property(
      fc.array(request, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      (requests, cuts) => {
        const stream = Buffer.concat(requests.map((request, i) => encodeRequest(i + 1, request)));
        const places = [...cuts.map((cut) => cut % stream.length), stream.length].sort((a, b) => a - b);
        const decoder = new FrameDecoder(rpcLimits.frameBytesMax);
        const ids: number[] = [];
        let from = 0;
        for (const to of places) {
          decoder.push(Buffer.from(stream.subarray(from, to)));
          for (let payload = decoder.next(); payload !== null; payload = decoder.next()) {
            ids.push(decodeRequest(payload).id);
          }
          from = to;
        }
        assert.deepEqual(
          ids,
          requests.map((_, i) => i + 1),
        );
        assert.equal(decoder.partialBytes, 0);
      },
    ),
    run,
  );
});
