import type { Prng } from '../base/prng.ts';
import type { KeyOp, Op } from '../kv/ops.ts';

const KEYS = 6;
const TTL_MS_MAX = 3_000;

/** Draws operations of every kind that no model of histories knows: what they do must only be the same on all servers. */
export class FurtherOperations {
  readonly #prng: Prng;
  /** Leases that were granted, the last ones. */
  #leases: number[] = [];

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  granted(lease: number): void {
    this.#leases = [...this.#leases.slice(-3), lease];
  }

  /** One to four operations. */
  draw(): Op[] {
    return Array.from({ length: 1 + this.#prng.below(4) }, () => this.#draw());
  }

  #draw(): Op {
    const prng = this.#prng;
    if (prng.chance(0.2)) return this.#drawLease();
    const key = `more-${prng.below(KEYS)}`;
    const value = Buffer.from(String(prng.below(1_000)));
    const ttlMs = prng.chance(0.5) ? 0 : 1 + prng.below(TTL_MS_MAX);
    const ops: readonly KeyOp[] = [
      { op: 'set', key, value, flags: prng.below(9), ttlMs, when: 'always', ...this.#leaseField() },
      { op: 'prepend', key, value, when: prng.chance(0.5) ? 'always' : 'present' },
      { op: 'increment', key, by: BigInt(prng.below(1_000)), down: prng.chance(0.5), initial: 7n, ttlMs },
      { op: 'touch', key, ttlMs },
      { op: 'put-hash', key, value },
      { op: 'check', key, version: prng.chance(0.5) ? null : prng.below(1_000) },
      { op: 'delete', key, version: prng.chance(0.5) ? 0 : prng.below(1_000) },
      {
        op: 'visit',
        key,
        ttlMs: prng.chance(0.5) ? ttlMs : null,
        vivifyTtlMs: prng.chance(0.5) ? ttlMs : null,
        recacheMs: prng.chance(0.5) ? prng.below(TTL_MS_MAX) : null,
      },
      { op: 'invalidate', key, version: prng.chance(0.5) ? 0 : prng.below(1_000), ttlMs: null },
    ];
    return ops[prng.below(ops.length)] as Op;
  }

  #drawLease(): Op {
    const lease = this.#anyLease();
    if (lease === 0 || this.#prng.chance(0.4))
      return { op: 'lease-grant', ttlMs: 1 + this.#prng.below(TTL_MS_MAX) };
    return { op: this.#prng.chance(0.7) ? 'lease-keep-alive' : 'lease-revoke', lease };
  }

  #leaseField(): { lease?: number } {
    const lease = this.#prng.chance(0.4) ? this.#anyLease() : 0;
    return lease === 0 ? {} : { lease };
  }

  #anyLease(): number {
    return this.#leases[this.#prng.below(this.#leases.length + 1)] ?? 0;
  }
}
