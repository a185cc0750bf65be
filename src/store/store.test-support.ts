import assert from 'node:assert/strict';
import type { Clock } from '../base/clock.ts';
import { Scheduler } from '../sim/scheduler.ts';
import type { StoreOptions } from './overlay-store.ts';
import { SnapshotEncoder } from './snapshot-format.ts';
import type { Position, RangeOptions, Store, StoreInstall, StoreSnapshot } from './store.ts';

/** The machine's own time. */
export const realClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
  defer: (callback) => void setImmediate(callback),
};

/** Virtual time. `startLife` gives a process its clock; what was set through an older one does not happen any more. */
export function virtualTime(): { readonly scheduler: Scheduler; readonly startLife: () => Clock } {
  const scheduler = new Scheduler();
  let life = 0;
  const startLife = (): Clock => {
    life++;
    const own = life;
    const schedule = (delayMs: number, callback: () => void) =>
      scheduler.schedule(delayMs, () => own === life && callback());
    return {
      monotonicMs: () => scheduler.nowMs,
      wallMs: () => scheduler.nowMs,
      setTimer: schedule,
      defer: (callback) => void schedule(0, callback),
    };
  };
  return { scheduler, startLife };
}

/** One backend, on one disk, over several lives of the process that uses it. */
export interface Harness {
  readonly clock: Clock;
  open(options: Omit<StoreOptions, 'clock' | 'prng'>): Store;
  /** Lets what is under way go on until the condition holds. */
  until(condition: () => boolean): Promise<void>;
  /** The process dies: stores that are open do nothing more, and the next `open` finds what is on disk. */
  crash(): Promise<void>;
  dispose(): Promise<void>;
}
export const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString('latin1');
export const at = (index: number): Position => ({ index, term: 1 + (index >> 3), stampMs: index * 1.5 });
export const everything: RangeOptions = { start: '', end: '\u0100' };
export const contents = (
  store: Pick<Store, 'range'>,
  options: RangeOptions = everything,
): [string, string][] =>
  [...store.range(options)].map(([key, value]) => [key, Buffer.from(value).toString('latin1')]);
/** Writes, moves to the position, and waits until it is on disk. */
export async function flushed(
  { until }: Pick<Harness, 'until'>,
  store: Store,
  index: number,
  writes: Record<string, string>,
): Promise<void> {
  for (const [key, value] of Object.entries(writes)) store.put(key, bytes(value));
  store.advance(at(index));
  store.setLogDurable(index);
  store.flush();
  await until(() => store.durablePosition.index === index);
}

export const drain = (snapshot: StoreSnapshot): Uint8Array[] => {
  const chunks: Uint8Array[] = [];
  for (let chunk = snapshot.next(); chunk !== null; chunk = snapshot.next()) chunks.push(chunk);
  return chunks;
};

/** Stages the chunks; the error that refused them, or null. */
export async function stage(
  { until }: Pick<Harness, 'until'>,
  install: StoreInstall,
  chunks: readonly Uint8Array[],
): Promise<Error | null> {
  const call = async (begin: (done: (error: Error | null) => void) => void): Promise<Error | null> => {
    let result: Error | null | undefined;
    begin((error) => (result = error));
    assert.equal(result, undefined, 'no callback inside the call');
    await until(() => result !== undefined);
    return result ?? null;
  };
  for (const chunk of chunks) {
    try {
      const error = await call((done) => install.write(chunk, done));
      if (error !== null) return error;
    } catch (error) {
      return error as Error;
    }
  }
  return call((done) => install.finish(done));
}

export async function installed(
  harness: Pick<Harness, 'until'>,
  store: Store,
  position: Position,
  chunks: readonly Uint8Array[],
): Promise<void> {
  const install = store.beginInstall(position);
  assert.equal(await stage(harness, install, chunks), null);
  install.commit();
}

export const snapshotOf = (position: Position, entries: Record<string, string>): Uint8Array[] => {
  const pairs = Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1));
  const encoder = new SnapshotEncoder(
    position,
    pairs.map(([k, v]): [string, Uint8Array] => [k, bytes(v)]).values(),
    64,
  );
  const chunks: Uint8Array[] = [];
  for (let chunk = encoder.next(); chunk !== null; chunk = encoder.next()) chunks.push(chunk);
  return chunks;
};
