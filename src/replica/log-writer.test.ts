import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_MEMBER, type Entry, type HardState } from '../raft/types.ts';
import type { Store } from '../store/store.ts';
import type { Wal, WalBatch } from '../wal/wal-types.ts';
import { LogWriter } from './log-writer.ts';

const state = (commitIndex: number): HardState => ({ term: 6, votedFor: NO_MEMBER, commitIndex });
const entry = (index: number): Entry => ({
  index,
  term: 6,
  type: 'normal',
  stampMs: 0,
  data: new Uint8Array(0),
});

function writer(): { writer: LogWriter; batches: WalBatch[]; sync: () => void; durable: number[] } {
  const batches: WalBatch[] = [];
  const waiting: (() => void)[] = [];
  const durable: number[] = [];
  const wal = {
    durableIndex: 0,
    append: (batch: WalBatch, done: () => void) => {
      batches.push(batch);
      waiting.push(() => {
        wal.durableIndex = batch.entries.at(-1)?.index ?? wal.durableIndex;
        done();
      });
    },
  };
  const store = { setLogDurable: (index: number) => durable.push(index) };
  return {
    writer: new LogWriter({ wal: wal as unknown as Wal, store: store as unknown as Store }),
    batches,
    sync: () => waiting.shift()?.(),
    durable,
  };
}

test('a commit index never stands in the log before an entry that it speaks of', () => {
  const { writer: log, batches } = writer();
  log.write({ hardState: state(17), entries: [entry(7), entry(8)], mustSync: true }, true, () => undefined);
  assert.deepEqual(
    batches[0]?.hardState,
    state(6),
    'torn behind the hard state, the old entry 7 is not committed',
  );
  log.write({ hardState: null, entries: [], mustSync: false }, true, () => undefined);
  assert.deepEqual(batches[1]?.hardState, state(17), 'the rest goes with the next write');
});

test('a commit index alone waits for the next write', () => {
  const { writer: log, batches } = writer();
  log.write({ hardState: state(3), entries: [], mustSync: false }, false, () => undefined);
  assert.equal(batches.length, 0);
  log.write({ hardState: null, entries: [entry(5)], mustSync: true }, false, () => undefined);
  assert.deepEqual(batches[0]?.hardState, state(3));
});

test('the store is told how far the log is durable, and again when it is', () => {
  const { writer: log, sync, durable } = writer();
  let done = false;
  log.write({ hardState: null, entries: [entry(1)], mustSync: true }, false, () => (done = true));
  assert.deepEqual(durable, [0]);
  sync();
  assert.deepEqual(durable, [0, 1]);
  assert.ok(done);
});
