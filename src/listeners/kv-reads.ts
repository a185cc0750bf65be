import { KvraftError } from '../base/errors.ts';
import type { KvStateMachine } from '../kv/machine.ts';
import type { ChangeEvent } from '../kv/change-log.ts';
import type { ReadRecord } from './kv-service.ts';

export interface RangeQuery {
  readonly start: string;
  readonly end: string | null;
  readonly reverse?: boolean;
  readonly limit: number;
  readonly bytesMax: number;
}
export interface RangePage {
  readonly entries: readonly { readonly key: string; readonly record: ReadRecord }[];
  readonly next: string | null;
}
export interface KvSnapshot {
  readonly version: number;
  get(key: string): ReadRecord | undefined;
  range(query: RangeQuery): RangePage;
  close(): void;
}
export interface KvReads {
  readonly version: number;
  get(key: string): ReadRecord | undefined;
  openSnapshot(): KvSnapshot;
  changes(from: number, limit: number): ChangeEvent[] | 'compacted';
  subscribe(listener: () => void): () => void;
}

/** Stands in until ranges can be read. */
export const machineReads = (machine: KvStateMachine): KvReads => ({
  get version() {
    return machine.version;
  },
  get: (key) => machine.get(key),
  openSnapshot: () => {
    throw new KvraftError('INTERNAL', 'ranges cannot be read yet');
  },
  changes: (from, limit) => machine.changes(from, limit),
  subscribe(listener) {
    let v = machine.version;
    const t = globalThis.setInterval(() => {
      if (machine.version !== v) {
        v = machine.version;
        listener();
      }
    }, 5);
    return () => globalThis.clearInterval(t);
  },
});
