/**
 * Where the log's writes and syncs run. In the thread pool each costs two changes of thread, which on a fast disk
 * take longer than the sync itself; on the event loop a slow disk would hold up heartbeats. So the loop does them
 * while the disk is fast, and the pool as soon as it is not (docs/adr/0013).
 */

/** A sync on the loop that takes longer sends the next ones to the pool, milliseconds. Far below a heartbeat. */
const SLOW_MS = 4;
/** In the pool, so many syncs in a row must each be faster than this, the way through the pool included. */
const FAST_MS = 1;
const FAST_SYNCS_MIN = 64;
/** Doubles with every return to the pool, so that a disk that stutters is tried ever more rarely. */
const FAST_SYNCS_MAX = 64 * 1024;
/** Syncs on the loop without a slow one after which the past is forgotten. */
const FORGIVEN_AFTER_SYNCS = 64 * 1024;

/** Decides from how long the last syncs took. */
export class SyncMode {
  #onLoop = false;
  /** Fast ones in a row. */
  #fastSyncs = 0;
  #fastSyncsNeeded = FAST_SYNCS_MIN;

  get onLoop(): boolean {
    return this.#onLoop;
  }

  /** Takes note of a write or sync of the log that took so long, where `onLoop` said that it should run. */
  took(durationMs: number): void {
    if (durationMs > (this.#onLoop ? SLOW_MS : FAST_MS)) {
      if (this.#onLoop) this.#fastSyncsNeeded = Math.min(2 * this.#fastSyncsNeeded, FAST_SYNCS_MAX);
      this.#onLoop = false;
      this.#fastSyncs = 0;
      return;
    }
    this.#fastSyncs++;
    if (!this.#onLoop && this.#fastSyncs >= this.#fastSyncsNeeded) {
      this.#onLoop = true;
      this.#fastSyncs = 0;
    } else if (this.#onLoop && this.#fastSyncs >= FORGIVEN_AFTER_SYNCS) {
      this.#fastSyncsNeeded = FAST_SYNCS_MIN;
    }
  }
}
