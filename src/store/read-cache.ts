import { ByteMap } from './byte-map.ts';
import type { StateKey } from './store.ts';

/** What was read of the disk or brought there, up to so many bytes: what came in first goes first. */
export class ReadCache {
  readonly #entries = new ByteMap();
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#entries.usedBytes;
  }

  /** A view, which stays as it is. */
  get(key: StateKey, hash: number): Uint8Array | undefined {
    return this.#entries.get(key, hash) ?? undefined;
  }

  put(key: StateKey, hash: number, value: Uint8Array): void {
    const entries = this.#entries;
    // It would drive out a good part of all others.
    if (value.length > this.#bytesMax / 16) return void entries.remove(key, hash);
    entries.put(key, hash, value);
    while (entries.usedBytes > this.#bytesMax && entries.retireOldest(false));
  }

  remove(key: StateKey, hash: number): void {
    this.#entries.remove(key, hash);
  }
}
