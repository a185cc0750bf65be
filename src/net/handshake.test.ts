import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { KvraftError } from '../base/errors.ts';
import { memberId } from '../raft/types.ts';
import { FRAME_HEADER_BYTES } from '../base/frame.ts';
import {
  decodeAnswer,
  decodeHello,
  encodeHello,
  encodeRefusal,
  encodeWelcome,
  MAGIC,
  otherVersionReason,
  PROTOCOL_VERSION,
  refusalOfHello,
  refusalOfWelcome,
  type Judge,
  type PeerHello,
} from './handshake.ts';
import { pack } from '../base/msgpack.ts';
import { netLimits } from './net-limits.ts';
import type { PeerIdentity } from './transport.ts';

const CLUSTER = '0123456789abcdef0123456789abcdef';

const identityOf = (serverId: number, clusterId = CLUSTER): PeerIdentity => ({
  clusterId,
  member: memberId(serverId, 1),
  incarnation: '00112233445566aa',
});

const hello: PeerHello = { kind: 'control', identity: identityOf(2), expectServer: 1 };

const judge = (admit: Judge['admit'] = () => null): Judge => ({ identity: () => identityOf(1), admit });
const knowsAll = (): boolean => true;

const payloadOf = (frame: Buffer): Buffer => frame.subarray(FRAME_HEADER_BYTES);
const isProtocolError = (error: unknown): boolean =>
  error instanceof KvraftError && error.code === 'PROTOCOL';

test('hellos come out as they went in', () => {
  const founding = { ...hello, kind: 'bulk', identity: identityOf(2, '') } as const;
  for (const each of [hello, founding, { kind: 'admin' }] as const) {
    assert.deepEqual(decodeHello(payloadOf(encodeHello(each))), each);
  }
});

test('answers come out as they went in', () => {
  const identity = identityOf(1);
  assert.deepEqual(decodeAnswer(payloadOf(encodeWelcome(identity))), { kind: 'welcome', identity });
  assert.deepEqual(decodeAnswer(payloadOf(encodeRefusal('no'))), { kind: 'refused', reason: 'no' });
});

test('a hello of another version is told apart, whatever follows', () => {
  const other = pack([MAGIC, 7, 'something', { new: true }], 0);
  assert.deepEqual(decodeHello(other), { kind: 'other-version', version: 7 });
  assert.deepEqual(decodeAnswer(other), { kind: 'other-version', version: 7 });
  assert.match(
    otherVersionReason(7),
    /version 7 .* version 1: run the same version of kvraft on all servers/,
  );
});

test('a refusal is read whatever its version', () => {
  const reason = 'too old';
  assert.deepEqual(decodeAnswer(pack([MAGIC, 7, 'refused', reason], 0)), { kind: 'refused', reason });
});

test('what is no hello is the protocol error', () => {
  const { clusterId, member, incarnation } = hello.identity;
  const bad: unknown[] = [
    'GET / HTTP/1.1',
    [],
    [MAGIC],
    ['KVRQ', PROTOCOL_VERSION, 'admin'],
    [MAGIC, -1, 'admin'],
    [MAGIC, PROTOCOL_VERSION, 'unknown'],
    [MAGIC, PROTOCOL_VERSION, 'admin', 1],
    [MAGIC, PROTOCOL_VERSION, 'control'],
    [MAGIC, PROTOCOL_VERSION, 'control', clusterId, member, incarnation],
    [MAGIC, PROTOCOL_VERSION, 'control', clusterId, member, incarnation, 1, 1],
    [MAGIC, PROTOCOL_VERSION, 'control', 'abc', member, incarnation, 1],
    [MAGIC, PROTOCOL_VERSION, 'control', clusterId.toUpperCase(), member, incarnation, 1],
    [MAGIC, PROTOCOL_VERSION, 'control', clusterId, -1, incarnation, 1],
    [MAGIC, PROTOCOL_VERSION, 'control', clusterId, member, 'zz112233445566aa', 1],
    [MAGIC, PROTOCOL_VERSION, 'control', clusterId, member, '', 1],
  ];
  for (const value of bad) assert.throws(() => decodeHello(pack(value, 0)), isProtocolError);
});

test('what is no answer is the protocol error', () => {
  const bad: unknown[] = [
    [MAGIC, PROTOCOL_VERSION, 'control'],
    [MAGIC, PROTOCOL_VERSION, 'refused'],
    [MAGIC, PROTOCOL_VERSION, 'refused', 'x'.repeat(netLimits.reasonCharsMax + 1)],
    [MAGIC, PROTOCOL_VERSION, 'welcome'],
  ];
  for (const value of bad) assert.throws(() => decodeAnswer(pack(value, 0)), isProtocolError);
});

test('random and mutated bytes never throw anything but the protocol error', () => {
  const frames = [encodeHello(hello), encodeWelcome(identityOf(1)), encodeRefusal('because')].map(payloadOf);
  const mutated = fc
    .tuple(
      fc.constantFrom(...frames),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
    )
    .map(([frame, changes]) => {
      const bytes = Buffer.from(frame);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return bytes;
    });
  const random = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
  let failures = 0;
  fc.assert(
    fc.property(fc.oneof(mutated, random), (bytes) => {
      for (const decode of [decodeHello, decodeAnswer]) {
        try {
          decode(bytes);
        } catch (error) {
          failures++;
          if (!isProtocolError(error)) throw error;
        }
      }
    }),
    { seed: 3, numRuns: 2_000 },
  );
  assert.ok(failures > 1_000, 'most of them are no handshake');
});

test('the reason of a refusal is cut to its limit and cannot write into a log what it likes', () => {
  const answer = decodeAnswer(payloadOf(encodeRefusal(`a\n\u001b[31mb${'x'.repeat(1_000)}`)));
  assert.ok(answer.kind === 'refused');
  assert.equal(answer.reason.length, netLimits.reasonCharsMax);
  assert.ok(answer.reason.startsWith('a??[31mb'));
});

test('who calls another server than this one is told so', () => {
  const reason = refusalOfHello({ ...hello, expectServer: 3 }, judge(), knowsAll);
  assert.match(
    reason ?? '',
    /server 2 called this one as server 3, but it is server 1: check Hostname and LogPort/,
  );
});

test('a server that the configuration does not name is refused', () => {
  const reason = refusalOfHello(hello, judge(), (serverId) => serverId !== 2);
  assert.match(reason ?? '', /server 2 is not in the configuration of server 1/);
});

test('the handler judges who called, a second server under its own id, too', () => {
  const asked: PeerIdentity[] = [];
  const strict = judge((peer) => {
    asked.push(peer);
    return 'not you';
  });
  assert.equal(refusalOfHello(hello, judge(), knowsAll), null);
  assert.equal(refusalOfHello(hello, strict, knowsAll), 'not you');
  const twin = { ...hello, identity: identityOf(1) };
  assert.equal(
    refusalOfHello(twin, strict, () => false),
    'not you',
  );
  assert.deepEqual(asked, [hello.identity, twin.identity]);
});

test('the caller judges who answered', () => {
  assert.equal(refusalOfWelcome(identityOf(2), 2, judge()), null);
  assert.match(
    refusalOfWelcome(identityOf(3), 2, judge()) ?? '',
    /server 3 answered where server 2 was called/,
  );
  assert.equal(
    refusalOfWelcome(
      identityOf(2),
      2,
      judge(() => 'not you'),
    ),
    'not you',
  );
});
