import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemcachedLine } from '../wire/memcached-line.ts';
import { TextLine } from '../wire/text-line.ts';
import { TextReplies } from '../wire/text-replies.ts';
import { fuzz, type FuzzProtocol } from './fuzz.ts';
import { memcachedProtocol } from './memcached.ts';
import { protocols } from './protocols.ts';
import { textProtocol } from './text.ts';

const full = process.env['KVRAFT_TEST_FULL'] === '1';
const seed = 1;

/** Of protocols that are slower than the others. */
const samples: Readonly<Record<string, number>> = { memcached: 1_500, rpc: 1_500, 'text-sockets': 100 };

for (const protocol of protocols) {
  const inputs = (samples[protocol.name] ?? 3_000) * (full ? 20 : 1);
  test(`${inputs} inputs by chance break no rule of ${protocol.name}`, async () => {
    const failure = await fuzz(protocol, { inputs, seed });
    assert.equal(failure?.error, undefined, `seed ${failure?.seed}`);
  });
}

/** The seed of the first input that shows what `plant` does to the code; `plant` gives back how to undo it. */
async function foundBy(protocol: FuzzProtocol, plant: () => () => void): Promise<number | undefined> {
  const undo = plant();
  const failure = await fuzz(protocol, { inputs: 2_000, seed });
  undo();
  if (failure === null) return undefined;
  const again = plant();
  const repeated = await fuzz(protocol, { inputs: 1, seed: failure.seed });
  again();
  assert.equal(String(repeated?.error), String(failure.error), 'its seed makes the same input again');
  return failure.seed;
}

test('a reply that differs is found, and its seed makes it again', async () => {
  const found = await foundBy(textProtocol, () => {
    // oxlint-disable-next-line typescript/unbound-method -- put back as it was
    const { deleted } = TextReplies.prototype;
    TextReplies.prototype.deleted = function misspelt(): void {
      this.line('DELETE');
    };
    return () => {
      TextReplies.prototype.deleted = deleted;
    };
  });
  assert.notEqual(found, undefined);
});

test('a line that is read too kindly is found, too', async () => {
  const found = await foundBy(textProtocol, () => {
    // oxlint-disable-next-line typescript/unbound-method -- put back as it was
    const { read } = TextLine.prototype;
    TextLine.prototype.read = function kind(bytes, start, end) {
      const hasTail = bytes[end - 1] === 0x0d;
      return read.call(this, bytes, start, hasTail ? end - 1 : end);
    };
    return () => {
      TextLine.prototype.read = read;
    };
  });
  assert.notEqual(found, undefined);
});

test('data that are taken for requests are found, in the memcached protocol, too', async () => {
  const found = await foundBy(memcachedProtocol, () => {
    // oxlint-disable-next-line typescript/unbound-method -- put back as it was
    const { read } = MemcachedLine.prototype;
    MemcachedLine.prototype.read = function careless(bytes, start, end, out) {
      const follow = read.call(this, bytes, start, end, out);
      return follow === 'skip' ? 'line' : follow;
    };
    return () => {
      MemcachedLine.prototype.read = read;
    };
  });
  assert.notEqual(found, undefined);
});
