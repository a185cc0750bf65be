import type { Clock } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { ChangeEvent } from '../kv/change-log.ts';
import type { Lease } from '../kv/leases.ts';
import type { KvStateMachine } from '../kv/machine.ts';
import type { RangePage, RangeQuery } from '../kv/range.ts';
import type { ReadRecord } from './kv-service.ts';

export type { RangePage, RangeQuery } from '../kv/range.ts';

/**
 * Reads of the local state beyond single keys. Linearizable only within the callback of a read barrier; everything
 * that is read in one turn is read from one state.
 */
export interface KvReads {
  /** Of the last change that was applied here. */
  readonly version: number;
  /** Undefined if the key is not there. */
  get(key: string): ReadRecord | undefined;
  /** One page, as of now. */
  range(query: RangeQuery): RangePage;
  /** Undefined if there is no such lease (any more). */
  lease(id: number): Lease | undefined;
  /** The keys as they are now, for reads over many turns. Throws `OVERLOADED` when too many are held. */
  openSnapshot(): KvSnapshot;
  /** Changes from version `from` on, at most `limit`; `compacted` if the first of them is no longer kept. */
  changes(from: number, limit: number): ChangeEvent[] | 'compacted';
  /**
   * Calls back when `version` has grown, be it by a snapshot from another server: at most once a turn, and after
   * everything that the turn applied. The returned function ends it.
   */
  subscribe(listener: () => void): () => void;
}

/**
 * The keys at one moment. Reads throw `SNAPSHOT_EXPIRED` after `pinMsMax`, when too much was changed since, when the
 * server has taken over another state, and after `close`.
 */
export interface KvSnapshot {
  /** Of the last change that it shows. */
  readonly version: number;
  get(key: string): ReadRecord | undefined;
  range(query: RangeQuery): RangePage;
  /** Idempotent. */
  close(): void;
}

export class KvReader implements KvReads {
  readonly #machine: KvStateMachine;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #tellIsDue = false;

  /** Takes over `machine.onChange`. */
  constructor(machine: KvStateMachine, clock: Clock) {
    this.#machine = machine;
    this.#clock = clock;
    machine.onChange = () => {
      if (this.#tellIsDue || this.#listeners.size === 0) return;
      this.#tellIsDue = true;
      clock.defer(this.#tell);
    };
  }

  get version(): number {
    return this.#machine.version;
  }

  get(key: string): ReadRecord | undefined {
    return this.#machine.get(key);
  }

  range(query: RangeQuery): RangePage {
    return this.#machine.range(query);
  }

  lease(id: number): Lease | undefined {
    return this.#machine.lease(id);
  }

  openSnapshot(): KvSnapshot {
    const { pinsMax, pinMsMax } = limits;
    if (this.#machine.pinned.count >= pinsMax) {
      throw new KvraftError('OVERLOADED', `${pinsMax} ranges are being read at this server already`, {
        retryable: true,
      });
    }
    const pin = this.#machine.pin();
    const timer = this.#clock.setTimer(pinMsMax, () => pin.end(`it was held for ${pinMsMax / 1_000} s`));
    return {
      version: pin.version,
      get: (key) => pin.get(key),
      range: (query) => pin.range(query),
      close: () => {
        timer.cancel();
        pin.end('it was closed');
      },
    };
  }

  changes(from: number, limit: number): ChangeEvent[] | 'compacted' {
    return this.#machine.changes(from, limit);
  }

  subscribe(listener: () => void): () => void {
    // A function may be subscribed more than once: each one is an entry of its own.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  readonly #tell = (): void => {
    this.#tellIsDue = false;
    for (const listener of this.#listeners) listener();
  };
}
