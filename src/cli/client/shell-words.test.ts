import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { quoted, shellWords } from './shell-words.ts';

test('words are parted by blanks and kept together by quotes and backslashes', () => {
  const cases: [string, string[]][] = [
    ['', []],
    ['  \t ', []],
    ['put key value', ['put', 'key', 'value']],
    ['  put   key  ', ['put', 'key']],
    [String.raw`put 'a b' "c d"e\ f`, ['put', 'a b', 'c de f']],
    [String.raw`put k ''`, ['put', 'k', '']],
    [String.raw`"a\"b" 'a\nb' "a\nb" a\tb`, ['a"b', String.raw`a\nb`, 'a\nb', 'a\tb']],
    [String.raw`"\u{1F600}\0" x\\y`, ['😀\0', String.raw`x\y`]],
    ["it''s", ['its']],
  ];
  for (const [line, words] of cases) assert.deepEqual(shellWords(line), words, line);
});

test('an open quote is refused', () => {
  for (const line of [`put 'a b`, `put "a`, `put "a\\"`, 'put a\\']) {
    assert.throws(() => shellWords(line), { code: 'INVALID_ARGUMENT', message: /a quote is open/ }, line);
  }
});

test('a quoted word is read as what it was', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', minLength: 1 })), (words) => {
      assert.deepEqual(shellWords(words.map(quoted).join(' ')), words);
    }),
  );
});
