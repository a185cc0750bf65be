/** A key as a read found it. Strings are UTF-8; `keyBytes` and `value` are the bytes themselves. */
export interface Entry {
  readonly key: string;
  readonly keyBytes: Uint8Array;
  /** The caller's own copy. */
  readonly value: Uint8Array;
  /** Grows with every change of any key, and is never used twice. */
  readonly version: number;
  /** Milliseconds that were left when the entry was read, at least 1; `null` if the key does not expire. */
  readonly ttl: number | null;
  /** The value as text. */
  string(): string;
  /** The value as JSON. Throws a `SyntaxError` if it is none. The type is the caller's word. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a cast where it is read best
  json<T = unknown>(): T;
}
