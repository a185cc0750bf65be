import { open, type RootDatabase } from 'lmdb';
import { diskError } from './backend.ts';
import { checkDataFile, reserveLockFile } from './lmdb-file.ts';
import { LAST_KEY, POSITION_KEY } from './keys.ts';
import { decodePosition, type PositionRecord } from './position-record.ts';
import type { RangeOptions, StateKey } from './store.ts';

export type Env = RootDatabase<Uint8Array, StateKey>;
export type ReadTransaction = ReturnType<Env['useReadTransaction']>;

/**
 * Address space for one environment, not disk or memory. Far above any state, so that the map never moves while
 * somebody reads; small enough that two fit into 39 bits, which is all that some ARM kernels give.
 */
const MAP_BYTES = 2 ** 37;

/** Entries and bytes that a walk reads ahead before it lets go of its cursor. */
const READ_AHEAD_ENTRIES_MAX = 256;
const READ_AHEAD_BYTES_MAX = 256 * 1024;

/** Keys as bytes, one a character, so that LMDB's order is that of the strings. */
const keyEncoder = {
  writeKey(key: StateKey, target: Buffer, start: number): number {
    // The library asks again with a larger buffer after a RangeError; `write` alone would cut the key off.
    if (start + key.length > target.length) throw new RangeError('no room for the key');
    return start + target.write(key, start, 'latin1');
  },
  readKey: (source: Buffer, start: number, end: number): StateKey => source.toString('latin1', start, end),
};

/** The type of the library lacks the last one. */
type EnvOptions = Parameters<typeof open>[0] & { readonly batchStartThreshold: number };

const ENV_OPTIONS = {
  noSubdir: false,
  mapSize: MAP_BYTES,
  keyEncoder,
  encoding: 'binary',
  compression: false,
  noMemInit: true,
  // Synced before it is visible: with overlapping sync a killed process may come back without what was read.
  overlappingSync: false,
  // A batch is not begun before it is whole: once begun, it would wait for the rest from a thread that may end.
  eventTurnBatching: false,
  batchStartThreshold: Number.MAX_SAFE_INTEGER,
} as const;

/** Opens the environment in a folder. All openers of one process share it. */
export function openEnv(folder: string, readOnly: boolean): Env {
  const options: EnvOptions = { ...ENV_OPTIONS, path: folder, readOnly };
  checkDataFile(folder);
  try {
    if (!readOnly) reserveLockFile(folder);
    return open<Uint8Array, StateKey>(options);
  } catch (error) {
    throw diskError(error, `cannot open the state in ${folder}`);
  }
}

/**
 * Reads of one environment: of its newest state, or of the one that a transaction holds. Every value is a copy in
 * memory of its own, and no cursor stays open between two calls, whoever abandons a walk half-way.
 */
export class EnvReader {
  readonly #env: Env;
  readonly #options: { readonly transaction?: ReadTransaction };

  constructor(env: Env, transaction?: ReadTransaction) {
    this.#env = env;
    this.#options = transaction === undefined ? {} : { transaction };
  }

  get(key: StateKey): Uint8Array | undefined {
    return this.#env.get(key, this.#options);
  }

  positionRecord(where: string): PositionRecord {
    return decodePosition(this.get(POSITION_KEY), where);
  }

  *range({ start, end, reverse = false }: RangeOptions): Generator<[StateKey, Uint8Array], undefined> {
    let from: StateKey | null = null;
    let count = 2;
    while (start < end) {
      const entries = this.#read(start, end, reverse, from, count);
      for (const entry of entries) {
        if (entry[0] !== POSITION_KEY) yield entry;
      }
      const last = entries.at(-1);
      if (last === undefined) return undefined;
      from = last[0];
      count = Math.min(count * 4, READ_AHEAD_ENTRIES_MAX);
    }
    return undefined;
  }

  /** The next entries of a walk; `from` is the last one before, null at the beginning. */
  #read(
    start: StateKey,
    end: StateKey,
    reverse: boolean,
    from: StateKey | null,
    limit: number,
  ): [StateKey, Uint8Array][] {
    const first = reverse ? (from ?? end) : (from ?? start);
    const last = reverse ? start : end;
    const entries: [StateKey, Uint8Array][] = [];
    let bytes = 0;
    const walk = this.#env.getRange({
      ...this.#options,
      ...bound('start', first),
      ...bound('end', last),
      // Downwards, the given end is where the walk begins and does not count, and the given start does.
      exclusiveStart: reverse || from !== null,
      inclusiveEnd: reverse,
      reverse,
      limit,
    });
    for (const { key, value } of walk) {
      entries.push([key, value]);
      bytes += key.length + value.length;
      if (bytes >= READ_AHEAD_BYTES_MAX) break;
    }
    return entries;
  }
}

/** The library takes no empty key, and has no bytes for a key above all others. */
function bound(name: 'start' | 'end', key: StateKey): { start?: StateKey; end?: StateKey } {
  if (key >= LAST_KEY) return {};
  return { [name]: key === '' ? '\0' : key };
}
