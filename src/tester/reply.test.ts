import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textDialects, type TextDialectName } from '../wire/text-dialects.ts';
import { ReplyReader, type Reply } from './reply.ts';

function read(name: TextDialectName, ...pieces: readonly string[]): Reply[] {
  const reader = new ReplyReader(textDialects[name]);
  return pieces.flatMap((piece) => reader.push(Buffer.from(piece, 'latin1')));
}

test('replies are read, whole and however they are cut', () => {
  const stream =
    'OK 7\r\nVALUE 5\r\na\r\nb\xff\r\nVALUE 9007199254740993 300 0\r\n\r\nDELETED\r\nERR_CMD_ERR\r\nERR_NOT_FOUND\r\n' +
    'ERR_VERSION\r\nERR_INTERNAL\r\nVALUE 1 \r\nx\r\n';
  const expected: Reply[] = [
    { kind: 'ok', version: 7n },
    { kind: 'value', value: Buffer.from('a\r\nb\xff', 'latin1') },
    { kind: 'meta', version: 9_007_199_254_740_993n, exptimeS: 300n, value: Buffer.from('') },
    { kind: 'deleted' },
    { kind: 'error', error: 'malformed' },
    { kind: 'error', error: 'not-found' },
    { kind: 'error', error: 'version' },
    { kind: 'error', error: 'internal' },
    { kind: 'value', value: Buffer.from('x') },
  ];
  assert.deepEqual(read('kvraft', stream), expected);
  assert.deepEqual(read('kvraft', ...stream.split('')), expected);
  for (let at = 1; at < stream.length; at++) {
    assert.deepEqual(read('kvraft', stream.slice(0, at), stream.slice(at)), expected, `cut at ${at}`);
  }
});

test('a redirect is one only in a dialect that has it, in its own form', () => {
  const byId = 'REDIRECT 3\r\n';
  const byAddress = 'ERR_REDIRECT localhost 9000\r\n';
  assert.deepEqual(read('raft-golang', byId), [{ kind: 'redirect', id: 3 }]);
  assert.deepEqual(read('redirect', byAddress), [{ kind: 'redirect', host: 'localhost', port: 9_000 }]);
  for (const [name, line] of [
    ['kvraft', byId],
    ['kvraft', byAddress],
    ['raft-golang', byAddress],
    ['redirect', byId],
    ['redirect-legacy', 'ERR_CMD_ERR\r\n'],
    ['redirect', 'ERRCMDERR\r\n'],
  ] as const) {
    assert.equal(read(name, line)[0]?.kind, 'strange', `${name}: ${line}`);
  }
});

test('what is no reply is strange, and swallows nothing behind it but its line', () => {
  for (const text of [
    'OK\r\n',
    'OK x\r\n',
    'OK 1\n',
    'ok 1\r\n',
    'VALUE\r\n',
    'VALUE 1 2\r\n',
    'VALUE -1\r\n',
    'VALUE 99999999999\r\n',
    'ERROR\r\n',
    '\r\n',
  ]) {
    const replies = read('kvraft', text, 'DELETED\r\n');
    assert.deepEqual(
      replies.map(({ kind }) => kind),
      ['strange', 'deleted'],
      JSON.stringify(text),
    );
  }
  const [first] = read('kvraft', 'VALUE 1\r\nxy\r\n');
  assert.equal(first?.kind, 'strange', 'a value without its line end');
  assert.equal(read('kvraft', 'x'.repeat(5_000))[0]?.kind, 'strange', 'a line without end');
});
