import { assert } from '../base/assert.ts';
import type { Prng } from '../base/prng.ts';
import { RpcBench, type RpcTestClient } from '../listeners/test-rpc.ts';
import { decodeAnswer, encodeHello, RPC_PREAMBLE } from '../wire/rpc-handshake.ts';
import { decodeReply } from '../wire/rpc-replies.ts';
import { encodeRequest, type Op, type RpcRequest } from '../wire/rpc-requests.ts';
import { mutate, pick, pickWeighted, pieces, repeat } from './choices.ts';
import type { FuzzProtocol } from './fuzz.ts';

const serverBytesMax = 20_000;
/** One input and what it makes of heap: far over what one connection may send before it is not read. */
const heldBytesMax = 200_000;

const makeKey = (prng: Prng): string => pick(prng, ['a', 'ab', 'b', '\0', '\xff', 'k'.repeat(300)]);

function makeOp(prng: Prng): Op {
  const key = makeKey(prng);
  const value = Buffer.alloc(prng.below(100), 'v');
  const version = prng.below(4);
  return pick<Op>(prng, [
    {
      op: 'set',
      key,
      value,
      flags: 0,
      ttlMs: prng.below(50),
      when: pick(prng, ['always', 'absent', 'present']),
    },
    { op: 'cas', key, value, flags: 0, ttlMs: 0, version },
    { op: 'append', key, value, when: 'always' },
    { op: 'delete', key, version },
    { op: 'put-hash', key, value },
    { op: 'touch', key, ttlMs: 5 },
    { op: 'check', key, version: version === 0 ? null : version },
    { op: 'flush' },
    { op: 'lease-grant', ttlMs: 5 },
    { op: 'lease-revoke', lease: 1 },
  ]);
}

function makeBatch(prng: Prng): RpcRequest {
  const number = prng.below(20);
  const ops = repeat(prng.below(4), () => makeOp(prng));
  const fence = prng.chance(0.1) ? { lock: 'a', token: prng.below(5) } : null;
  const session = prng.below(4);
  return {
    type: 'batch',
    session,
    number,
    lowest: prng.below(number + 2),
    atomic: prng.chance(0.3),
    ops,
    fence,
  };
}

function makeRequest(prng: Prng): RpcRequest {
  const stale = prng.chance(0.3);
  const entriesMax = prng.below(3);
  return pickWeighted<RpcRequest>(prng, [
    [1, { type: 'register' }],
    [1, { type: 'keep-alive', session: prng.below(4) }],
    [1, { type: 'end-session', session: prng.below(4) }],
    [8, makeBatch(prng)],
    [4, { type: 'get', stale, keys: repeat(prng.below(4), () => makeKey(prng)) }],
    [
      3,
      {
        type: 'range',
        stale,
        start: '',
        end: pick(prng, [null, 'b']),
        reverse: prng.chance(0.5),
        entriesMax,
      },
    ],
    [3, { type: 'range-next', range: prng.below(30), entriesMax }],
    [1, { type: 'range-close', range: prng.below(30) }],
    [3, { type: 'watch', prefix: pick(prng, ['', 'a']), from: prng.below(5) }],
    [1, { type: 'status' }],
    [1, { type: 'ping' }],
    [2, { type: 'cancel' }],
  ]);
}

/** What may happen between two pieces of the input. */
function happen(prng: Prng, bench: RpcBench, client: RpcTestClient): void {
  pickWeighted(prng, [
    [3, () => bench.replicator.apply()],
    [3, () => bench.replicator.confirm()],
    [3, () => bench.clock.advance(prng.below(3))],
    [1, () => (client.stream.stalled = true)],
    [2, () => client.drain()],
    [4, () => undefined],
  ])();
}

function settle(bench: RpcBench, client: RpcTestClient): void {
  client.stream.stalled = false;
  for (let round = 0; round < 5; round++) {
    client.drain();
    bench.answer();
  }
}

/** A conversation by the rules: each request has one answer, whatever is asked and whenever it is answered. */
function playByTheRules(prng: Prng): void {
  const bench = new RpcBench(serverBytesMax);
  const client = bench.client();
  const requests = repeat(1 + prng.below(20), () => makeRequest(prng));
  const input = Buffer.concat([
    RPC_PREAMBLE,
    encodeHello({ version: 1, features: 0, clusterId: '' }),
    ...requests.map((request, i) => encodeRequest(i + 1, request)),
  ]);
  play(prng, bench, client, input);
  client.stop();
  settle(bench, client);
  assert(decodeAnswer(client.take()).kind === 'welcome', 'the client is welcome');
  const answered = client.stream.payloads.map((payload) => decodeReply(payload).id).sort((a, b) => a - b);
  const expected = requests.flatMap(({ type }, i) => (type === 'cancel' ? [] : [i + 1]));
  assert(answered.join() === expected.join(), `asked ${expected.join()}, answered ${answered.join()}`);
  assert(client.stream.ended, 'a server that stops ends the connection when all is answered');
  leave(bench, client);
}

/** Anything at all: it must not throw, nor stay in memory. */
function playGarbage(prng: Prng): void {
  const bench = new RpcBench(serverBytesMax);
  const client = bench.client();
  const said = [RPC_PREAMBLE, encodeHello({ version: prng.below(3), features: 0, clusterId: '' })];
  for (let count = prng.below(8); count > 0; count--)
    said.push(encodeRequest(prng.below(4), makeRequest(prng)));
  const meaningful = ['\x94', '\xc4', '\xc0', '\xdd\xff\xff\xff\xff', '\xff\xff\xff\xff', '\xd4\0\0', '\xcf'];
  const input = mutate(prng, Buffer.concat(said).toString('latin1'), meaningful);
  play(prng, bench, client, Buffer.from(input, 'latin1'));
  settle(bench, client);
  leave(bench, client);
}

function play(prng: Prng, bench: RpcBench, client: RpcTestClient, input: Buffer): void {
  for (const piece of pieces(prng, input)) {
    client.send(piece);
    assert(bench.admission.inFlightBytes < heldBytesMax, `${bench.admission.inFlightBytes} bytes are held`);
    happen(prng, bench, client);
  }
}

function leave(bench: RpcBench, client: RpcTestClient): void {
  client.vanish();
  bench.answer();
  assert(bench.admission.inFlightBytes === 0, `${bench.admission.inFlightBytes} bytes are left behind`);
}

export const rpcProtocol: FuzzProtocol = {
  name: 'rpc',
  about: 'each request has one answer; no bytes do harm, are kept, or end more than their connection',
  run: (prng) => (prng.chance(0.5) ? playByTheRules(prng) : playGarbage(prng)),
};
