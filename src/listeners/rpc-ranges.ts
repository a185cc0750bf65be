import { KvraftError } from '../base/errors.ts';
import { rpcLimits } from '../wire/rpc-limits.ts';
import type { RpcRangePage } from '../wire/rpc-replies.ts';
import type { RangeRequest } from '../wire/rpc-requests.ts';
import type { KvReads, KvSnapshot } from './kv-reader.ts';
import { recordOf } from './rpc-records.ts';

/** A range that is read page by page. */
interface OpenRange {
  readonly snapshot: KvSnapshot;
  readonly reverse: boolean;
  readonly stampMs: number;
  start: string;
  end: string | null;
}

/** The ranges that one connection reads, each from a state of the store that is held for it. */
export class RpcRanges {
  readonly #reads: KvReads;
  readonly #ranges = new Map<number, OpenRange>();

  constructor(reads: KvReads) {
    this.#reads = reads;
  }

  /** The first page of a range that goes by the id of its request. Throws `OVERLOADED` when too many are open. */
  open(id: number, { start, end, reverse, entriesMax }: RangeRequest, stampMs: number): RpcRangePage {
    if (this.#ranges.size >= rpcLimits.rangesMax || this.#ranges.has(id)) {
      const message = `this connection reads ${this.#ranges.size} ranges already: finish some before beginning others`;
      throw new KvraftError('OVERLOADED', message, { retryable: true });
    }
    const range = { snapshot: this.#reads.openSnapshot(), reverse, stampMs, start, end };
    this.#ranges.set(id, range);
    return this.#page(id, range, entriesMax);
  }

  /** The next page. Throws `SNAPSHOT_EXPIRED` when the state is not held any more. */
  next(id: number, entriesMax: number): RpcRangePage {
    const range = this.#ranges.get(id);
    if (range === undefined) {
      throw new KvraftError(
        'SNAPSHOT_EXPIRED',
        'the state that this range reads is not held any more: begin anew',
      );
    }
    return this.#page(id, range, entriesMax);
  }

  close(id: number): void {
    this.#ranges.get(id)?.snapshot.close();
    this.#ranges.delete(id);
  }

  closeAll(): void {
    for (const id of this.#ranges.keys()) this.close(id);
  }

  #page(id: number, range: OpenRange, entriesMax: number): RpcRangePage {
    const { snapshot, reverse, start, end, stampMs } = range;
    const limit = Math.min(Math.max(1, entriesMax), rpcLimits.pageEntriesMax);
    const { version } = snapshot;
    try {
      const { entries, next } = snapshot.range({
        start,
        end,
        reverse,
        limit,
        bytesMax: rpcLimits.pageBytesMax,
      });
      const records = entries.map(({ key, record }) => ({ key, ...recordOf(record, stampMs) }));
      if (next === null) this.close(id);
      else if (reverse) range.end = next;
      else range.start = next;
      return { range: next === null ? 0 : id, version, entries: records };
    } catch (error) {
      this.close(id);
      throw error;
    }
  }
}
