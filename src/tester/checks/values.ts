import type { Prng } from '../../base/prng.ts';
import type { Check } from '../check.ts';
import { getRequest } from '../request.ts';
import type { System } from '../system.ts';

/** Sets each value, and reads it back by get and getm through another server. */
async function roundTrip(system: System, values: readonly (Buffer | string)[]): Promise<void> {
  const writer = system.client();
  for (const value of values) {
    const key = system.key();
    await writer.set(key, value);
    const reader = system.client();
    await reader.expect(`get ${key}`, getRequest(key), { value });
    await reader.expect(`getm ${key}`, Buffer.from(`getm ${key}\r\n`, 'latin1'), { value });
    reader.close();
  }
}

function randomBytes(prng: Prng, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = prng.below(256);
  return bytes;
}

export const valueChecks: readonly Check[] = [
  {
    name: 'values/binary',
    about: 'values hold bytes of every kind at every place',
    async run(system) {
      const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      const reversed = Buffer.from([...all].toReversed());
      await roundTrip(system, [
        all,
        reversed,
        Buffer.alloc(100),
        Buffer.alloc(100, 0xff),
        '\xc3\x28\xf0\x9f',
      ]);
    },
  },
  {
    name: 'values/line-ends',
    about: 'values may hold line ends and what looks like requests and replies',
    async run(system) {
      const texts = [
        '\r\n',
        '\n',
        '\r',
        '\r\n\r\n',
        'a\r\nb',
        '\nb',
        'a\r',
        'a\n',
        'a\r\n',
        'get x\r\n',
        '\r\ndelete x\r\n',
        'OK 1\r\n',
        'VALUE 1\r\nx\r\n',
        'ERR_NOT_FOUND\r\n',
      ];
      await roundTrip(system, texts);
    },
  },
  {
    name: 'values/sizes',
    about: 'values of any length come back as they were, the empty one, too',
    async run(system) {
      const lengths = [0, 1, 2, 9, 10, 99, 100, 1_460, 4_095, 4_096, 4_097, 65_535, 65_536, 200_000];
      await roundTrip(
        system,
        lengths.map((length) => randomBytes(system.prng, length)),
      );
    },
  },
  {
    name: 'values/random',
    about: 'random bytes of random lengths come back as they were',
    async run(system) {
      const count = 30 * system.options.scale;
      const values = Array.from({ length: count }, () =>
        randomBytes(system.prng, system.prng.below(2 ** (1 + system.prng.below(12)))),
      );
      await roundTrip(system, values);
    },
  },
  {
    name: 'values/keys',
    about: 'keys may be any printable characters, and words of the protocol',
    async run(system) {
      const prefix = system.key();
      const names = [
        'get',
        'set',
        'noreply',
        '0',
        '-1',
        '"quoted"',
        "it's",
        '#!$%&()*+,./:;<=>?@[\\]^_`{|}~',
      ];
      const client = system.client();
      for (const name of names) await client.set(`${prefix}${name}`, `of ${name}`);
      for (const name of names) {
        await client.expect(`get of the key ${name}`, getRequest(`${prefix}${name}`), {
          value: `of ${name}`,
        });
      }
      const long = prefix + 'k'.repeat(200 - prefix.length);
      await client.set(long, 'long');
      await client.expect('get of a key of 200 bytes', getRequest(long), { value: 'long' });
      await client.expect('get of one that ends earlier', getRequest(long.slice(0, -1)), 'not-found');
      await client.expect('get in other case', getRequest(long.toUpperCase()), 'not-found');
    },
  },
];
