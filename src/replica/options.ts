import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';

/** Timings and bounds of a replica. A configuration may change each under the same name. */
export interface ReplicaOptions {
  /** What the other timings are counted in. */
  readonly tickMs: number;
  readonly heartbeatIntervalMs: number;
  /** A follower that hears nothing for this long, up to twice as long at random, starts an election. */
  readonly electionTimeoutMs: number;
  /** A leader whose oldest disk write has been under way for longer steps down. */
  readonly diskStallMsMax: number;
  /** Log kept in memory and on disk for followers that are behind. */
  readonly logBytesMax: number;
  /** Applied but unflushed state past which nothing more is applied until the store has caught up. */
  readonly unflushedBytesMax: number;
  readonly uncommittedBytesMax: number;
  /**
   * How long new servers wait for those of the configuration that they have not met before a majority of them founds a
   * cluster; Infinity: until all have met.
   */
  readonly foundingWaitMs: number;
}

export const defaultReplicaOptions: ReplicaOptions = {
  tickMs: 25,
  heartbeatIntervalMs: 50,
  electionTimeoutMs: 500,
  diskStallMsMax: 2_000,
  logBytesMax: limits.logBytesMax,
  unflushedBytesMax: 256 * 1024 * 1024,
  uncommittedBytesMax: limits.uncommittedBytesMax,
  foundingWaitMs: 5_000,
};

/** Checks how the timings relate; a configuration is checked before, with a better message. */
export function assertOptions(options: ReplicaOptions): void {
  assert(options.tickMs > 0, 'a tick takes time');
  assert(options.heartbeatIntervalMs >= options.tickMs, 'a heartbeat is at least a tick apart from the next');
  assert(options.electionTimeoutMs >= 4 * options.heartbeatIntervalMs, 'a lost heartbeat is no election');
}
