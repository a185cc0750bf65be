import assert from 'node:assert/strict';
import { createPrng } from '../base/prng.ts';
import { FakeBackend } from './fake-backend.test-support.ts';
import { OverlayStore } from './overlay-store.ts';
import { bytes, virtualTime } from './store.test-support.ts';

/** A store over a backend whose writes end when the test says, in virtual time. */
export function makeStore(flushBytes = 10_000) {
  const backend = new FakeBackend();
  const { scheduler, startLife } = virtualTime();
  const store = new OverlayStore(backend, { clock: startLife(), prng: createPrng(1), flushBytes });
  const fatal: Error[] = [];
  const flushes: number[] = [];
  store.onFatal = (error) => fatal.push(error);
  store.onFlushed = () => flushes.push(store.durablePosition.index);
  /** Lets a flush get to the backend, and ends it. */
  const finish = (error: Error | null = null): void => {
    for (let ms = 0; ms < 200 && backend.pending === null; ms++) scheduler.runFor(1);
    assert.ok(backend.pending !== null, 'a write is under way');
    backend.pending.finish(error);
  };
  const fill = (from: number, to: number): void => {
    for (let i = from; i < to; i++) store.put(`k${String(i).padStart(6, '0')}`, bytes('x'.repeat(30)));
  };
  return { backend, scheduler, store, fatal, flushes, finish, fill };
}
