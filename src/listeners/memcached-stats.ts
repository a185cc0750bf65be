import type { MemcachedRequest } from '../wire/memcached-requests.ts';
import type { WriteResult } from './kv-service.ts';

/** What the server knows of itself, for `stats`. */
export interface MemcachedFacts {
  /** The general statistics, in their order. */
  general(): readonly (readonly [name: string, value: number | string])[];
  settings(): readonly (readonly [name: string, value: number | string])[];
  /** Keys that are there. */
  items(): number;
}

/** What is counted since the start or the last `stats reset`, by the names that memcached has for it. */
const counterNames = [
  'cmd_get',
  'cmd_set',
  'cmd_flush',
  'cmd_touch',
  'cmd_meta',
  'get_hits',
  'get_misses',
  'delete_misses',
  'delete_hits',
  'incr_misses',
  'incr_hits',
  'decr_misses',
  'decr_hits',
  'cas_misses',
  'cas_hits',
  'cas_badval',
  'touch_hits',
  'touch_misses',
  'store_too_large',
  'store_no_memory',
] as const;

export type Counter = (typeof counterNames)[number];

/** The statistics of one memcached listener. */
export class MemcachedStats {
  readonly #facts: MemcachedFacts;
  readonly #counts = new Map<Counter, number>();

  constructor(facts: MemcachedFacts) {
    this.#facts = facts;
    this.reset();
  }

  count(counter: Counter): void {
    this.#counts.set(counter, (this.#counts.get(counter) ?? 0) + 1);
  }

  /** A request whose operation ended. */
  countResult({ kind }: MemcachedRequest, { status }: WriteResult): void {
    const done = status === 'ok' || status === 'deleted' || status === 'won';
    const missed = status === 'not-found';
    switch (kind) {
      case 'flush_all':
        return this.count('cmd_flush');
      case 'touch':
      case 'gat':
        this.count('cmd_touch');
        return this.count(missed ? 'touch_misses' : 'touch_hits');
      case 'delete':
      case 'md':
        return this.count(done ? 'delete_hits' : 'delete_misses');
      case 'incr':
      case 'ma':
        return this.#countEither(done, missed, 'incr_hits', 'incr_misses');
      case 'decr':
        return this.#countEither(done, missed, 'decr_hits', 'decr_misses');
      case 'cas':
        this.count('cmd_set');
        if (status === 'version-mismatch') return this.count('cas_badval');
        return this.#countEither(done, missed, 'cas_hits', 'cas_misses');
      case 'mg':
        return undefined;
      default:
        if (status === 'too-large') this.count('store_too_large');
        return this.count('cmd_set');
    }
  }

  #countEither(done: boolean, missed: boolean, hit: Counter, miss: Counter): void {
    if (done) this.count(hit);
    else if (missed) this.count(miss);
  }

  reset(): void {
    for (const name of counterNames) this.#counts.set(name, 0);
  }

  /** The answer to `stats` with this argument, without the last line's end. */
  answer(group: string): string {
    switch (group) {
      case '':
        return lines([
          ...this.#facts.general(),
          ...this.#counts,
          ['curr_items', this.#facts.items()],
          ['evictions', 0],
        ]);
      case 'reset':
        this.reset();
        return 'RESET';
      case 'settings':
        return lines(this.#facts.settings());
      case 'items':
        return lines(this.#hasItems(['items:1:number', this.#facts.items()]));
      case 'slabs':
        return lines([
          ...this.#hasItems(['1:used_chunks', this.#facts.items()]),
          ['active_slabs', this.#facts.items() > 0 ? 1 : 0],
          ['total_malloced', 0],
        ]);
      case 'sizes':
        return lines([['sizes_status', 'disabled']]);
      case 'conns':
        return 'END';
      case 'detail dump':
        return 'END';
      default:
        return group.startsWith('detail') ? 'CLIENT_ERROR usage: stats detail dump' : 'ERROR';
    }
  }

  /** All keys are in one class, as far as clients ask for classes. */
  #hasItems(stat: readonly [string, number]): (readonly [string, number])[] {
    return this.#facts.items() > 0 ? [stat] : [];
  }
}

function lines(stats: readonly (readonly [name: string, value: number | string])[]): string {
  return [...stats.map(([name, value]) => `STAT ${name} ${value}`), 'END'].join('\r\n');
}
