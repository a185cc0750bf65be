import { fnv1a } from '../../base/fnv1a.ts';
import type { KeyInvocation } from '../history.ts';
import { bytesOfText, joinTexts, type Text } from '../text.ts';

/** What an operation makes of a value: the new value, and what it answers of the two. */
interface Update {
  readonly made: Text;
  readonly answer?: Text;
}

const UINT64_END = 2n ** 64n;
/** Blanks at the end are no part of the number: memcached leaves some when a number gets shorter. */
const NUMBER = /^(\d{1,20}) *$/;
const NUMBER_LENGTH_MAX = 64;

/** The number that a value is; undefined if it is none. */
export function numberOf(text: Text): bigint | undefined {
  const digits = text.length <= NUMBER_LENGTH_MAX ? NUMBER.exec(text)?.[1] : undefined;
  const number = digits === undefined ? undefined : BigInt(digits);
  return number !== undefined && number < UINT64_END ? number : undefined;
}

/** What an operation whose effect depends on the value does to one; undefined if it cannot be done to this one. */
export function update({ kind, value = '', by = '0' }: KeyInvocation, old: Text): Update | undefined {
  switch (kind) {
    case 'append':
      return { made: joinTexts(old, value) };
    case 'prepend':
      return { made: joinTexts(value, old) };
    case 'increment':
    case 'decrement': {
      const number = numberOf(old);
      if (number === undefined) return undefined;
      const change = BigInt(by);
      const next = kind === 'increment' ? (number + change) % UINT64_END : number - change;
      const made = String(next < 0n ? 0n : next);
      return { made, answer: made };
    }
    case 'put-hash':
      return { made: String(fnv1a(bytesOfText(old), bytesOfText(value))), answer: old };
    default:
      return undefined;
  }
}

/** What it does where there is no key; undefined if it does nothing then. */
export function updateOfNothing({ kind, value = '', when, initial }: KeyInvocation): Update | undefined {
  switch (kind) {
    case 'append':
    case 'prepend':
      return when === 'present' ? undefined : { made: value };
    case 'increment':
    case 'decrement':
      return initial === undefined ? undefined : { made: initial, answer: initial };
    case 'put-hash':
      return update({ kind, value }, '');
    default:
      return undefined;
  }
}
