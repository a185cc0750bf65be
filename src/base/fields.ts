import { protocolError } from './protocol-error.ts';

/**
 * The fields of a received array, taken one after the other, each checked for what it has to be. Every method
 * throws `PROTOCOL` when the next field is missing or something else.
 */
export class Fields {
  readonly #values: readonly unknown[];
  protected readonly what: string;
  #at = 0;

  /** `what` names the array in errors. */
  constructor(value: unknown, what: string) {
    if (!Array.isArray(value)) throw protocolError(`${what}: not an array`);
    this.#values = value;
    this.what = what;
  }

  /** An integer from 0 to 2^53 − 1. */
  uint(): number {
    const value = this.#next();
    if (!Number.isSafeInteger(value) || (value as number) < 0) this.fail('not an unsigned integer');
    return value as number;
  }

  bool(): boolean {
    const value = this.#next();
    if (typeof value !== 'boolean') this.fail('not a boolean');
    return value;
  }

  /** Aliases the received bytes. */
  bytes(): Uint8Array {
    const value = this.#next();
    if (!(value instanceof Uint8Array)) this.fail('not bytes');
    return value;
  }

  text(charsMax: number): string {
    const value = this.#next();
    if (typeof value !== 'string' || value.length > charsMax) this.fail('not a text, or too long');
    return value;
  }

  /** Text in lower-case hexadecimal digits, of one of the given lengths. */
  hex(...lengths: readonly number[]): string {
    const value = this.text(Math.max(...lengths));
    if (!lengths.includes(value.length) || !/^[0-9a-f]*$/.test(value)) this.fail('not hexadecimal digits');
    return value;
  }

  /** One of the choices, sent as its place among them. */
  choice<T>(choices: readonly T[]): T {
    const value = choices[this.uint()];
    if (value === undefined) this.fail('not one of the choices');
    return value;
  }

  /** What `read` takes, or null if the next field is nil. */
  optional<T>(read: () => T): T | null {
    if (this.#values[this.#at] !== null) return read();
    this.#at++;
    return null;
  }

  list(): readonly unknown[] {
    const value = this.#next();
    if (!Array.isArray(value)) this.fail('not a list');
    return value as unknown[];
  }

  /** To be called last: there are no further fields. */
  end(): void {
    if (this.#at !== this.#values.length) throw protocolError(`${this.what}: too many fields`);
  }

  #next(): unknown {
    if (this.#at === this.#values.length) throw protocolError(`${this.what}: too few fields`);
    return this.#values[this.#at++];
  }

  protected fail(fault: string): never {
    throw protocolError(`${this.what}: field ${this.#at - 1} is ${fault}`);
  }
}
