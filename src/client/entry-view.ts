import type { RpcRecord } from '../wire/rpc-replies.ts';
import type { Entry } from './entry.ts';
import { bytesOf, textOf, viewOf } from './input.ts';

/** An entry with copies of what a frame holds. */
export class EntryView implements Entry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly version: number;
  readonly ttl: number | null;
  readonly #key: string;

  constructor(key: string, { value, version, ttlMs }: RpcRecord) {
    this.#key = key;
    this.key = textOf(key);
    this.value = new Uint8Array(value);
    this.version = version;
    this.ttl = ttlMs === 0 ? null : ttlMs;
  }

  get keyBytes(): Uint8Array {
    return bytesOf(this.#key);
  }

  string(): string {
    return viewOf(this.value).toString('utf8');
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as in Entry
  json<T>(): T {
    return JSON.parse(this.string()) as T;
  }
}

/** The same as a change that a watch saw. */
export class PutEventView extends EntryView {
  readonly type = 'put';
}
