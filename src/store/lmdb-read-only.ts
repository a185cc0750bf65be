import { KvraftError } from '../base/errors.ts';
import { EnvReader, openEnv } from './lmdb-env.ts';
import { LmdbFolder } from './lmdb-folder.ts';
import type { Position, StateStorage } from './store.ts';

export interface ReadOnlyState {
  readonly position: Position;
  /** Writing to it throws. */
  readonly storage: StateStorage;
  close(): void;
}

/** Opens the state of a server that does not run, to look at it. Throws `STORE_DAMAGED`. */
export function openReadOnly(folder: string): ReadOnlyState {
  const states = new LmdbFolder(folder);
  const name = states.current();
  if (name === null) throw new KvraftError('STORE_DAMAGED', `there is no state of kvraft in ${folder}`);
  const env = openEnv(states.path(name), true);
  const reader = new EnvReader(env);
  const refuse = (): never => {
    throw new KvraftError('INVALID_ARGUMENT', `the state in ${folder} is open for reading only`);
  };
  return {
    position: reader.positionRecord(states.path(name)).position,
    storage: {
      get: (key) => reader.get(key),
      range: (options) => take(reader.range(options), options.limit ?? Infinity),
      put: refuse,
      delete: refuse,
    },
    close: () => void env.close(),
  };
}

function* take<T>(items: Iterable<T>, limit: number): Generator<T, undefined> {
  let count = 0;
  if (limit <= 0) return undefined;
  for (const item of items) {
    yield item;
    if (++count >= limit) return undefined;
  }
  return undefined;
}
