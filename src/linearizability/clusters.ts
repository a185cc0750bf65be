import type { Candidate } from './models/model.ts';

/**
 * Operations that tell of one and the same stretch of time in which a state lasted: those that saw it, and the
 * one that made it if only one can have.
 */
export interface Cluster {
  readonly writer: number | undefined;
  readonly readers: readonly number[];
}

/** Spans of time that only become narrower. */
export class Spans {
  readonly callMs: Float64Array;
  readonly returnMs: Float64Array;
  #hasChanged = false;

  constructor(candidates: readonly Candidate[]) {
    this.callMs = Float64Array.from(candidates, ({ callMs }) => callMs);
    this.returnMs = Float64Array.from(candidates, ({ returnMs }) => returnMs);
  }

  /** Operation `i` takes effect at this time or later. */
  after(i: number, ms: number): void {
    if (ms <= (this.callMs[i] as number)) return;
    this.callMs[i] = ms;
    this.#hasChanged = true;
  }

  /** Operation `i` takes effect at this time or earlier. */
  before(i: number, ms: number): void {
    if (ms >= (this.returnMs[i] as number)) return;
    this.returnMs[i] = ms;
    this.#hasChanged = true;
  }

  /** Whether something became narrower since this was asked last. */
  takeChange(): boolean {
    const hasChanged = this.#hasChanged;
    this.#hasChanged = false;
    return hasChanged;
  }

  /** Whether an operation has no time left. */
  hasContradiction(): boolean {
    return this.callMs.some((callMs, i) => callMs > (this.returnMs[i] as number));
  }

  /** The candidates with their new spans. */
  apply(candidates: readonly Candidate[]): Candidate[] {
    return candidates.map((candidate, i) => {
      const [callMs, returnMs] = [this.callMs[i] as number, this.returnMs[i] as number];
      if (callMs === candidate.callMs && returnMs === candidate.returnMs) return candidate;
      return { ...candidate, callMs, returnMs };
    });
  }
}

/** From the first return to the last call of a cluster: there its state lasted, for sure. */
interface Zone {
  readonly cluster: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Narrows by clusters of which each lasted for one uninterrupted stretch of time (Gibbons and Korach, "Testing
 * shared memories", 1997): a writer comes before its readers, and what belongs to another state has no place
 * between the first return and the last call of a cluster. `homeOf[i]` is the cluster that operation `i`
 * belongs to, or -1; `isOutsider[i]` says that it cannot take effect within any other's stretch. False if that
 * cannot be for all.
 */
export function narrowByClusters(
  spans: Spans,
  clusters: readonly Cluster[],
  homeOf: Int32Array,
  isOutsider: readonly boolean[],
): boolean {
  for (const cluster of clusters) orderWithin(spans, cluster);
  const zones = zonesOf(spans, clusters);
  for (const [n, zone] of zones.entries()) {
    const next = zones[n + 1];
    if (next !== undefined && next.fromMs < zone.toMs) return false;
  }
  for (const [i, isOut] of isOutsider.entries()) if (isOut) keepOut(spans, zones, homeOf[i] as number, i);
  return !spans.hasContradiction();
}

function orderWithin(spans: Spans, { writer, readers }: Cluster): void {
  if (writer === undefined) return;
  for (const reader of readers) {
    spans.before(writer, spans.returnMs[reader] as number);
    spans.after(reader, spans.callMs[writer] as number);
  }
}

function zonesOf(spans: Spans, clusters: readonly Cluster[]): Zone[] {
  const zones: Zone[] = [];
  for (const [cluster, { writer, readers }] of clusters.entries()) {
    let fromMs = writer === undefined ? Infinity : (spans.returnMs[writer] as number);
    let toMs = writer === undefined ? -Infinity : (spans.callMs[writer] as number);
    for (const reader of readers) {
      fromMs = Math.min(fromMs, spans.returnMs[reader] as number);
      toMs = Math.max(toMs, spans.callMs[reader] as number);
    }
    if (fromMs < toMs) zones.push({ cluster, fromMs, toMs });
  }
  return zones.sort((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs);
}

/** Moves both ends of the span of operation `i` out of the zones of other clusters. */
function keepOut(spans: Spans, zones: readonly Zone[], home: number, i: number): void {
  const called = zoneAround(zones, spans.callMs[i] as number);
  if (called !== undefined && called.cluster !== home) spans.after(i, called.toMs);
  const returned = zoneAround(zones, spans.returnMs[i] as number);
  if (returned !== undefined && returned.cluster !== home) spans.before(i, returned.fromMs);
}

/** The zone that a moment is within; its ends are not. */
function zoneAround(zones: readonly Zone[], ms: number): Zone | undefined {
  let [low, high] = [0, zones.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((zones[middle] as Zone).fromMs < ms) low = middle + 1;
    else high = middle;
  }
  const zone = zones[low - 1];
  return zone !== undefined && ms < zone.toMs ? zone : undefined;
}
