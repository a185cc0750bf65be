import { ByteMap, type Entry, type Layered } from './byte-map.ts';
import { hashKey } from './key-hash.ts';
import { SortedKeys } from './sorted-keys.ts';
import type { StateKey } from './store.ts';

/** What an entry costs beyond its bytes in the map: its slot there. */
const SLOT_BYTES = 24;
/** What a key costs that is kept in order, beside its characters: its string, its place among the others. */
const ORDERED_KEY_BYTES = 48;
/** What was replaced may take as much room as what is valid, and this much more. */
const GARBAGE_BYTES = 4 * 1024;

/** How many further generations keep a namespace in order after one in which it was walked. */
const KEPT_GENERATIONS = 8;

/** The keys that begin with one character. */
interface Namespace {
  count: number;
  /** Null as long as nobody walks over them. */
  keys: SortedKeys | null;
  /** For so many generations, with this one, they are kept in order. */
  keptFor: number;
}

/**
 * Writes over whatever lies below. Values are copied on their way in, and those given out stay as they are.
 *
 * Keys are put in order only in namespaces that are walked: a server whose records nobody ranges over would keep a
 * string of every key for nothing, and those strings are what a garbage collector has most work with.
 */
export class Generation {
  readonly #entries = new ByteMap();
  /** By the codes of the first characters. */
  readonly #namespaces: (Namespace | undefined)[] = [];
  #orderedBytes = 0;

  /** The one that follows `before` keeps those namespaces in order from the start that were walked not long ago. */
  constructor(before?: Generation) {
    if (before === undefined) return;
    before.#namespaces.forEach((namespace, code) => {
      if (namespace === undefined || namespace.keptFor <= 1) return;
      this.#namespaces[code] = { count: 0, keys: new SortedKeys(), keptFor: namespace.keptFor - 1 };
    });
  }

  /** About what the entries take in memory; what was replaced may take as much again for a while. */
  get bytes(): number {
    return this.#entries.liveBytes + this.#entries.size * SLOT_BYTES + this.#orderedBytes;
  }

  /** Bytes of the entries, with those that were replaced and still take room. */
  get usedBytes(): number {
    return this.#entries.usedBytes;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Undefined where nothing is said of the key here. `hash` is the key's, where it is known. */
  get(key: StateKey, hash = hashKey(key)): Layered | undefined {
    return this.#entries.get(key, hash);
  }

  put(key: StateKey, value: Layered, hash = hashKey(key)): void {
    const entries = this.#entries;
    if (entries.put(key, hash, value)) this.#added(key);
    if (entries.usedBytes > 2 * entries.liveBytes + GARBAGE_BYTES) entries.retireOldest(true);
  }

  /** Forgets a key: what lies below shows again. */
  remove(key: StateKey, hash = hashKey(key)): void {
    if (!this.#entries.remove(key, hash)) return;
    const namespace = this.#namespaces[key.charCodeAt(0)] as Namespace;
    namespace.count--;
    if (namespace.keys === null) return;
    namespace.keys.remove(key);
    this.#orderedBytes -= ORDERED_KEY_BYTES + key.length;
  }

  /** Entries from `start`, inclusive, to `end`, exclusive. Nothing may be written while the walk is under way. */
  *range(start: StateKey, end: StateKey, reverse: boolean): Generator<[StateKey, Layered], undefined> {
    if (start >= end) return undefined;
    const ordered = this.#inOrder(start.charCodeAt(0) || 0, lastNamespace(end));
    for (const keys of reverse ? ordered.reverse() : ordered) {
      for (const key of keys.walk(start, end, reverse)) {
        const value = this.get(key);
        if (value !== undefined) yield [key, value];
      }
    }
    return undefined;
  }

  /** All entries, in no order. Nothing may be written while the walk is under way. */
  entries(): Generator<Entry, undefined> {
    return this.#entries.entries();
  }

  #added(key: StateKey): void {
    const code = key.charCodeAt(0);
    const namespace = (this.#namespaces[code] ??= { count: 0, keys: null, keptFor: 0 });
    namespace.count++;
    if (namespace.keys === null) return;
    namespace.keys.add(key);
    this.#orderedBytes += ORDERED_KEY_BYTES + key.length;
  }

  /** The keys of the namespaces from `first` to `last` that have any. */
  #inOrder(first: number, last: number): SortedKeys[] {
    const walked: [code: number, namespace: Namespace][] = [];
    for (let code = first; code <= last; code++) {
      const namespace = this.#namespaces[code];
      if (namespace === undefined || namespace.count === 0) continue;
      namespace.keptFor = KEPT_GENERATIONS;
      walked.push([code, namespace]);
    }
    const missing = walked.filter(([, { keys }]) => keys === null);
    if (missing.length > 0) this.#putInOrder(new Map(missing));
    return walked.map(([, { keys }]) => keys as SortedKeys);
  }

  #putInOrder(namespaces: ReadonlyMap<number, Namespace>): void {
    const keysOf = new Map<number, StateKey[]>();
    for (const code of namespaces.keys()) keysOf.set(code, []);
    for (const key of this.#entries.keys(new Set(namespaces.keys()))) {
      keysOf.get(key.charCodeAt(0))?.push(key);
      this.#orderedBytes += ORDERED_KEY_BYTES + key.length;
    }
    for (const [code, namespace] of namespaces) namespace.keys = SortedKeys.of(keysOf.get(code) ?? []);
  }
}

/** The code of the highest first character that a key below `end` may have. */
const lastNamespace = (end: StateKey): number =>
  Math.min(255, end.charCodeAt(0) - (end.length === 1 ? 1 : 0));
