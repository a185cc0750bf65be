/** Buckets per power of two: a recorded value is known to better than 1 %. */
const SUB_BITS = 7;
const SUB_BUCKETS = 2 ** SUB_BITS;
const BUCKETS = (32 - SUB_BITS + 1) * SUB_BUCKETS;
/** Values are counted in steps of 100 ns, so that 32 bits reach to seven minutes. */
const STEPS_PER_MS = 10_000;
const STEPS_MAX = 2 ** 32 - 1;

/** What is told of a set of durations, in milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/**
 * Counts durations in buckets of logarithmic width (the idea of HdrHistogram). Recording allocates nothing and costs
 * a few nanoseconds.
 */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  record(ms: number): void {
    const index = bucketOf(Math.min(STEPS_MAX, Math.max(0, Math.round(ms * STEPS_PER_MS))));
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count++;
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#sumMs = 0;
    this.#maxMs = 0;
  }

  /**
   * The duration that `share` (0 to 1) of the recorded ones do not exceed, in milliseconds: the upper end of its bucket, at
   * most the longest that was recorded; 0 when nothing was.
   */
  percentile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#counts[index] ?? 0;
      if (seen >= rank) return Math.min(upperEnd(index) / STEPS_PER_MS, this.#maxMs);
    }
    return 0;
  }

  summary(): LatencySummary {
    return {
      count: this.#count,
      meanMs: this.#count === 0 ? 0 : this.#sumMs / this.#count,
      p50Ms: this.percentile(0.5),
      p90Ms: this.percentile(0.9),
      p99Ms: this.percentile(0.99),
      p999Ms: this.percentile(0.999),
      maxMs: this.#maxMs,
    };
  }
}

/** Small values have a bucket each; above them every power of two is divided into `SUB_BUCKETS`. */
function bucketOf(steps: number): number {
  const exponent = 31 - Math.clz32(steps);
  if (exponent < SUB_BITS) return steps;
  const shift = exponent - SUB_BITS;
  return (shift + 1) * SUB_BUCKETS + (steps >>> shift) - SUB_BUCKETS;
}

function upperEnd(index: number): number {
  if (index < SUB_BUCKETS) return index;
  const shift = Math.floor(index / SUB_BUCKETS) - 1;
  return (SUB_BUCKETS + (index % SUB_BUCKETS) + 1) * 2 ** shift - 1;
}
