import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parsePieces, smallLimits, type Parsed } from './test-parse.ts';
import { TextParser } from './text-parser.ts';

const run = { seed: 20_251, numRuns: 400 };

/** The input cut at these places. */
function cut(input: string, places: readonly number[]): string[] {
  const at = places.map((place) => place % (input.length + 1)).toSorted((a, b) => a - b);
  return [0, ...at].map((from, i) => input.slice(from, at[i] ?? input.length));
}

/** Input and what it means. */
interface Piece {
  readonly input: string;
  readonly requests: readonly Parsed[];
}

const error: Parsed = { kind: 'error', noreply: false, close: false };
const silent: Parsed = { kind: 'error', noreply: true, close: false };

const places = fc.array(fc.nat(2_000), { maxLength: 8, size: 'max' });
const text = (characters: string, minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...characters.split('')), minLength, maxLength, size: 'max' });
const lineEnd = fc.constantFrom('\r\n', '\n');
const blank = fc.constantFrom(' ', '  ', '\t', ' \t ');
const key = text('abcxyz0123\xe4\xff!~', 1, smallLimits.keyBytesMax);

/** Bytes that would do harm if they were read as commands. */
const value = fc.oneof(
  text('\r\n\0 s3', 0, smallLimits.valueBytesMax),
  fc.constantFrom('delete evil\r\n', 'get evil\r\nget evil\r\n', '\r\nget evil\n', 'set evil 0 1\r\nx\r\n'),
);

const read: fc.Arbitrary<Piece> = fc
  .record({ kind: fc.constantFrom('get', 'getm'), key, blank, lineEnd })
  .map((r) => ({
    input: `${r.kind}${r.blank}${r.key}${r.lineEnd}`,
    requests: [{ kind: r.kind, key: r.key }],
  }));

const write: fc.Arbitrary<Piece> = fc
  .record({
    key,
    value,
    lineEnd,
    blank,
    exptimeS: fc.nat(1_000),
    version: fc.option(fc.nat()),
    noreply: fc.boolean(),
  })
  .map(({ key, value, lineEnd, blank, exptimeS, version, noreply }) => {
    const isCas = version !== null;
    const fields = [isCas ? 'cas' : 'set', key, exptimeS, ...(isCas ? [version] : []), value.length];
    const line = [...fields, ...(noreply ? ['noreply'] : [])].join(blank);
    const base = { key, exptimeS, value, noreply };
    return {
      input: `${line}${lineEnd}${value}${lineEnd}`,
      requests: [isCas ? { kind: 'cas', version, ...base } : { kind: 'set', ...base }],
    };
  });

/** Of the right form, but its value is too large to store and small enough to skip. */
const refused: fc.Arbitrary<Piece> = fc
  .record({ key, noreply: fc.boolean(), lineEnd, value: fc.constantFrom('get evil\r\n', 'delete evil\n\r') })
  .map(({ key, noreply, lineEnd, value }) => ({
    input: `set ${key} 0 ${value.length * 4}${noreply ? ' noreply' : ''}${lineEnd}${value.repeat(4)}${lineEnd}`,
    requests: [noreply ? silent : error],
  }));

const malformed: fc.Arbitrary<Piece> = fc
  .constantFrom('nonsense', 'get', 'set k', 'get a b', 'cas k 0 3', 'set k 0 -1', `g${'e'.repeat(80)}t`)
  .map((line) => ({ input: `${line}\r\n`, requests: [error] }));

const empty: fc.Arbitrary<Piece> = fc
  .constantFrom('\r\n', '\n', ' \n')
  .map((input) => ({ input, requests: [] }));

const stream = fc
  .array(fc.oneof(read, write, refused, malformed, empty), { maxLength: 8, size: 'max' })
  .map((pieces): Piece => ({
    input: pieces.map(({ input }) => input).join(''),
    requests: pieces.flatMap(({ requests }) => requests),
  }));

test('a stream means the same however it is cut, and no value is taken for commands', () => {
  fc.assert(
    fc.property(stream, places, ({ input, requests }, places) => {
      assert.deepEqual(parsePieces(cut(input, places)), requests);
    }),
    run,
  );
});

test('whatever the bytes, nothing is thrown, and cuts change nothing', () => {
  const bytes = text('setgcadlnorpy 0123456789\r\n\t\0\xff', 0, 300);
  fc.assert(
    fc.property(bytes, places, (input, places) => {
      assert.deepEqual(parsePieces(cut(input, places)), parsePieces([input]));
    }),
    run,
  );
});

test('whatever is changed in a stream, nothing is thrown, cuts change nothing, limits hold', () => {
  const change = fc.record({ at: fc.nat(2_000), drop: fc.nat(3), insert: text('\r\n 09sx\0', 0, 3) });
  fc.assert(
    fc.property(stream, fc.array(change, { maxLength: 3 }), places, ({ input }, changes, places) => {
      let mutated = input;
      for (const { at, drop, insert } of changes) {
        const from = at % (mutated.length + 1);
        mutated = mutated.slice(0, from) + insert + mutated.slice(from + drop);
      }
      const requests = parsePieces(cut(mutated, places));
      assert.deepEqual(requests, parsePieces([mutated]));
      for (const { key, value } of requests) {
        assert.ok(String(key ?? 'k').length <= smallLimits.keyBytesMax);
        assert.ok(String(value ?? '').length <= smallLimits.valueBytesMax);
      }
    }),
    run,
  );
});

test('a value of another length than announced closes the connection, and is never taken for commands', () => {
  const body = fc.constantFrom('get evil', 'delete evil', 'set evil 0 1', 'xxxxxxxxxxxxxxxxx');
  const wrong = fc.record({ before: stream, body, length: fc.nat(30), places });
  fc.assert(
    fc.property(wrong, ({ before, body, length, places }) => {
      fc.pre(length !== body.length && (length < body.length || length > body.length + 2));
      const input = `${before.input}set k 0 ${length}\r\n${body}\r\nget evil\r\n`;
      const requests = parsePieces(cut(input, places));
      const after = requests.slice(before.requests.length);
      assert.ok(
        after.every(({ kind, key }) => kind === 'error' || key !== 'evil'),
        JSON.stringify(after),
      );
    }),
    run,
  );
});

test('random bytes of every value are survived, at full limits, too', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 3_000, size: 'max' }), { maxLength: 5, size: 'max' }),
      (chunks) => {
        const parser = new TextParser();
        for (const chunk of chunks) parser.parse(Buffer.from(chunk), []);
      },
    ),
    { ...run, numRuns: 100 },
  );
});
