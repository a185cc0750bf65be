import { assert } from '../../base/assert.ts';
import { byteString, isRaw } from '../text.ts';
import type { Candidate } from './model.ts';

/** What the operations wrote or read, in a form that can be joined and compared by prefix. */
export interface AppendTexts {
  /** By candidate; undefined for a read that found nothing. */
  readonly texts: readonly (string | undefined)[];
  /** Whether a character of a text stands for a byte. */
  readonly isBinary: boolean;
}

export function appendTextsOf(candidates: readonly Candidate[]): AppendTexts {
  const texts = candidates.map(({ operation }) => {
    const { kind, value, result } = operation;
    assert(kind === 'put' || kind === 'append' || kind === 'get', `a log of appends knows no ${kind}`);
    return kind === 'get' ? result?.value : value;
  });
  // Pieces that are no UTF-8 may join to something that is, so all are compared byte by byte.
  const isBinary = texts.some((text) => text !== undefined && isRaw(text));
  return {
    texts: isBinary ? texts.map((text) => (text === undefined ? text : byteString(text))) : texts,
    isBinary,
  };
}

/** Finds the texts of operations that other texts begin with. */
export class TextIndex {
  readonly #operations = new Map<string, number[]>();
  readonly #lengths: number[] = [];
  readonly #lengthOf = new Map<number, number>();

  add(text: string, i: number): void {
    this.#lengthOf.set(i, text.length);
    const own = this.#operations.get(text);
    if (own !== undefined) {
      own.push(i);
      return;
    }
    this.#operations.set(text, [i]);
    if (!this.#lengths.includes(text.length)) this.#lengths.push(text.length);
  }

  /** The length of the text of operation `i`. */
  lengthOf(i: number): number {
    return this.#lengthOf.get(i) as number;
  }

  /** The operations whose texts stand in `text` at `offset`. */
  *at(text: string, offset: number): Generator<number> {
    for (const length of this.#lengths) {
      if (offset + length > text.length) continue;
      yield* this.#operations.get(text.slice(offset, offset + length)) ?? [];
    }
  }
}
