import { KvraftError } from '../base/errors.ts';

/**
 * The fields of one object of a configuration file. Names are matched whatever their case; each accessor takes a
 * field, and `done` refuses what nobody took. Every error is one line: file, place, fault.
 */
export class Fields {
  readonly #file: string;
  readonly #place: string;
  readonly #values = new Map<string, { readonly name: string; readonly value: unknown }>();
  readonly #known: string[] = [];

  constructor(file: string, place: string, value: unknown) {
    this.#file = file;
    this.#place = place;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.fault('', `${describe(value)} is not an object { … }`);
    }
    for (const [name, field] of Object.entries(value)) {
      if (this.#values.has(name.toLowerCase())) throw this.fault(name, 'stands here twice');
      this.#values.set(name.toLowerCase(), { name, value: field });
    }
  }

  /** The error that a caller throws for a field, with its place in the file. */
  fault(name: string, message: string): KvraftError {
    const place = [this.#place, name].filter((part) => part !== '').join('.');
    return new KvraftError('INVALID_CONFIG', `${this.#file}: ${place === '' ? '' : `${place}: `}${message}`);
  }

  text(name: string, fallback: string): string {
    const value = this.#take(name);
    if (value === undefined) return fallback;
    if (typeof value !== 'string') throw this.fault(name, `${describe(value)} is not a text in quotes`);
    return value;
  }

  /** One of the `names`. */
  choice<Name extends string>(name: string, names: readonly Name[], fallback: Name): Name {
    const text = this.text(name, fallback);
    const choice = names.find((each) => each === text);
    if (choice === undefined)
      throw this.fault(name, `${JSON.stringify(text)} is none of ${names.join(', ')}`);
    return choice;
  }

  /** Without a fallback the field must be there. */
  integer(name: string, min: number, max: number, fallback?: number): number {
    const value = this.#take(name);
    if (value === undefined) {
      if (fallback !== undefined) return fallback;
      throw this.fault(name, 'is missing');
    }
    if (!Number.isInteger(value)) throw this.fault(name, `${describe(value)} is not a whole number`);
    const number = value as number;
    if (number < min || number > max) throw this.fault(name, `${number} is not from ${min} to ${max}`);
    return number;
  }

  /** The texts of a list with at most `max` items; without the field there are none. */
  texts(name: string, max: number): string[] {
    const value = this.#take(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.fault(name, `${describe(value)} is not a list [ … ]`);
    if (value.length > max) throw this.fault(name, `${value.length} are more than ${max}`);
    return value.map((item: unknown, at) => {
      if (typeof item === 'string') return item;
      throw this.fault(`${name}[${at}]`, `${describe(item)} is not a text in quotes`);
    });
  }

  /** The objects of a list with at least `min` and at most `max` items; with a `min` of 0 it may be missing. */
  list(name: string, min: number, max: number): Fields[] {
    const value = this.#take(name);
    if (value === undefined && min === 0) return [];
    if (value === undefined) throw this.fault(name, 'is missing');
    if (!Array.isArray(value)) throw this.fault(name, `${describe(value)} is not a list [ … ]`);
    if (value.length < min) throw this.fault(name, 'names no server');
    if (value.length > max)
      throw this.fault(name, `${value.length} are more than the ${max} that a cluster can have`);
    const place = this.#place === '' ? name : `${this.#place}.${name}`;
    return value.map((item: unknown, at) => new Fields(this.#file, `${place}[${at}]`, item));
  }

  done(): void {
    for (const [key, { name }] of this.#values) {
      if (this.#known.some((known) => known.toLowerCase() === key)) continue;
      const nearest = this.#known.toSorted(
        (a, b) => distance(key, a.toLowerCase()) - distance(key, b.toLowerCase()),
      )[0];
      throw this.fault(
        name,
        `is not a known name${nearest === undefined ? '' : `; did you mean ${nearest}?`}`,
      );
    }
  }

  #take(name: string): unknown {
    this.#known.push(name);
    return this.#values.get(name.toLowerCase())?.value;
  }
}

function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** Levenshtein's edit distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
