import { narrowByClusters, Spans, type Cluster } from '../clusters.ts';
import type { Candidate } from './model.ts';

/** What an operation has to do with values; for models in which a write makes the value anew. */
export interface ValueEffect {
  /** The value that it makes, if it takes effect. */
  readonly writes?: string;
  /** The value that it saw; null: that there was none. */
  readonly reads?: string | null;
  /** Whether it cannot take effect while some other value than its own lasts, without ending that. */
  readonly isOutsider: boolean;
}

/** As often as it may help; each round takes up what the one before has found. */
const ROUNDS_MAX = 8;

/**
 * Narrows by values that only one operation can have written: such a value lasts from its write to its last
 * read, and never comes back. `isAbsentOnce` says that a key that has a value keeps one. Returns undefined if
 * there is no legal order for sure.
 */
export function narrowByValue(
  candidates: readonly Candidate[],
  effectOf: (candidate: Candidate) => ValueEffect,
  isAbsentOnce: boolean,
): Candidate[] | undefined {
  const effects = candidates.map(effectOf);
  const writers = new Map<string, number[]>();
  for (const [i, { writes }] of effects.entries()) {
    if (writes === undefined) continue;
    const own = writers.get(writes);
    if (own === undefined) writers.set(writes, [i]);
    else own.push(i);
  }
  const readers = new Map<string | null, number[]>();
  for (const [i, { reads }] of effects.entries()) {
    if (reads === undefined) continue;
    if (reads !== null && !writers.has(reads)) return undefined;
    const own = readers.get(reads);
    if (own === undefined) readers.set(reads, [i]);
    else own.push(i);
  }
  const clusters: Cluster[] = [];
  const homeOf = new Int32Array(candidates.length).fill(-1);
  const spans = new Spans(candidates);
  for (const [value, own] of writers) {
    if (own.length > 1) continue;
    const cluster: Cluster = { writer: own[0], readers: readers.get(value) ?? [] };
    if (cluster.readers.length === 0) continue;
    for (const i of [own[0] as number, ...cluster.readers]) homeOf[i] = clusters.length;
    clusters.push(cluster);
  }
  if (isAbsentOnce) {
    const absent = readers.get(null) ?? [];
    const lastMs = absent.reduce((ms, i) => Math.max(ms, (candidates[i] as Candidate).callMs), -Infinity);
    for (const [i, { writes, reads }] of effects.entries()) {
      if (writes !== undefined || typeof reads === 'string') spans.after(i, lastMs);
    }
  }
  const isOutsider = effects.map((effect) => effect.isOutsider);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    if (!narrowByClusters(spans, clusters, homeOf, isOutsider)) return undefined;
    if (!spans.takeChange()) break;
  }
  return spans.apply(candidates);
}
