import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextReplies } from './text-replies.ts';

const taken = (replies: TextReplies): string => Buffer.from(replies.take()).toString('latin1');

test('each reply has its form', () => {
  const replies = new TextReplies();
  const cases: [encode: () => void, expected: string][] = [
    [() => replies.ok(17), 'OK 17\r\n'],
    [() => replies.ok(Number.MAX_SAFE_INTEGER), 'OK 9007199254740991\r\n'],
    [() => replies.deleted(), 'DELETED\r\n'],
    [() => replies.value(Buffer.from('abc')), 'VALUE 3\r\nabc\r\n'],
    [() => replies.value(Buffer.alloc(0)), 'VALUE 0\r\n\r\n'],
    [() => replies.valueWithMeta(5, 300, Buffer.from('a\r\nb')), 'VALUE 5 300 4\r\na\r\nb\r\n'],
    [() => replies.line('ERR_CMD_ERR'), 'ERR_CMD_ERR\r\n'],
  ];
  for (const [encode, expected] of cases) {
    encode();
    assert.equal(replies.length, expected.length);
    assert.equal(taken(replies), expected);
  }
});

test('a number has all its digits', () => {
  const replies = new TextReplies();
  const numbers = [0, 9, 10, 99, 100, 4_294_967_296, Number.MAX_SAFE_INTEGER];
  for (let exponent = 1; exponent < 16; exponent++) {
    numbers.push(10 ** exponent - 1, 10 ** exponent, 10 ** exponent + 7, 9 * 10 ** exponent);
  }
  for (let bits = 1; bits < 53; bits++) numbers.push(2 ** bits - 1, 2 ** bits, 2 ** bits + 1);
  for (const number of numbers) {
    replies.ok(number);
    assert.equal(taken(replies), `OK ${number}\r\n`);
  }
});

test('the replies of a turn are one piece of bytes, in their order', () => {
  const replies = new TextReplies();
  let expected = '';
  for (let i = 0; i < 1_000; i++) {
    const value = 'v'.repeat(i % 70);
    replies.ok(i);
    replies.valueWithMeta(i, 0, Buffer.from(value));
    expected += `OK ${i}\r\nVALUE ${i} 0 ${value.length}\r\n${value}\r\n`;
  }
  assert.equal(taken(replies), expected);
});

test('every byte of a value is sent as it is', () => {
  const replies = new TextReplies();
  const value = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  replies.value(value);
  assert.deepEqual([...replies.take().subarray('VALUE 256\r\n'.length, -2)], [...value]);
});

test('what was taken is not touched by later replies', () => {
  const replies = new TextReplies();
  replies.ok(1);
  const first = replies.take();
  replies.line('ERR_INTERNAL');
  assert.equal(Buffer.from(first).toString(), 'OK 1\r\n');
  assert.equal(taken(replies), 'ERR_INTERNAL\r\n');
  assert.equal(replies.length, 0);
});
