import assert from 'node:assert/strict';
import type { Clock } from '../base/clock.ts';
import { createPrng, type Prng } from '../base/prng.ts';
import { NO_MEMBER, type Entry, type HardState } from '../raft/types.ts';
import { SimDisk, type CrashChoices, type SimDiskOptions } from '../sim/disk.ts';
import { Scheduler } from '../sim/scheduler.ts';
import type { Vfs } from './vfs.ts';
import type { RecoveredLog, Wal, WalBatch } from './wal-types.ts';
import { openWal } from './wal.ts';

export const FOLDER = 'data/log';

export const entry = (index: number, term = 1, text = `entry ${index} of term ${term}`): Entry => ({
  index,
  term,
  type: 'normal',
  stampMs: index * 10,
  data: Buffer.from(text),
});

/** Entries from `first` to `last`, both included. */
export const entries = (first: number, last: number, term = 1): Entry[] =>
  Array.from({ length: last - first + 1 }, (_, at) => entry(first + at, term));

export const hardState = (term: number, votedFor = NO_MEMBER, commitIndex = 0): HardState => ({
  term,
  votedFor,
  commitIndex,
});

export const batch = (list: readonly Entry[], state: HardState | null = null, mustSync = true): WalBatch => ({
  hardState: state,
  entries: list,
  mustSync,
});

/** What a log recovered to, short enough to compare at a glance: each entry as `index/term`. */
export function summary({ baseIndex, baseTerm, entries, hardState }: RecoveredLog): {
  base: string;
  entries: string[];
  hardState: HardState;
} {
  return {
    base: `${baseIndex}/${baseTerm}`,
    entries: entries.map(({ index, term, data }) => {
      const text = Buffer.from(data).toString();
      assert.ok(!text.startsWith('entry') || text === `entry ${index} of term ${term}`, `${index}: ${text}`);
      return `${index}/${term}`;
    }),
    hardState,
  };
}

/** The result, where a message was expected in place of a value. */
export function textOf(result: unknown): string {
  assert.ok(typeof result === 'string', 'there is a message');
  return result;
}

/** Files to be read where they lie, and nothing else. */
export function imageVfs(image: ReadonlyMap<string, Uint8Array>): Vfs {
  const reading: Pick<Vfs, 'list' | 'exists' | 'readFile'> = {
    list: (folder) =>
      [...image.keys()]
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1))
        .sort(),
    exists: (path) => image.has(path),
    readFile: (path) => image.get(path) ?? assert.fail(`${path} is there`),
  };
  return reading as Vfs;
}

export interface Life {
  readonly vfs: Vfs;
  readonly wal: Wal;
  readonly recovered: RecoveredLog;
  /** Ends the life: none of its timers fires any more. */
  readonly end: () => void;
  /** The errors that the log called fatal. */
  readonly fatal: Error[];
  /** What the log said of space. */
  readonly space: boolean[];
}

/** A disk, virtual time, and one log on it after the other. */
export class WalBench {
  readonly scheduler = new Scheduler();
  readonly prng: Prng;
  readonly disk: SimDisk;
  readonly segmentBytes: number;
  life: Life;

  constructor(
    options: {
      seed?: number;
      segmentBytes?: number;
      image?: ReadonlyMap<string, Uint8Array>;
    } & Partial<SimDiskOptions> = {},
  ) {
    const { seed = 1, segmentBytes = 4_096, image, ...diskOptions } = options;
    this.prng = createPrng(seed);
    this.segmentBytes = segmentBytes;
    this.disk = new SimDisk({
      prng: this.prng,
      schedule: (delayMs, callback) => this.scheduler.schedule(delayMs, callback),
      ...diskOptions,
    });
    if (image !== undefined) this.disk.load(image);
    this.life = this.start();
  }

  get wal(): Wal {
    return this.life.wal;
  }

  /** Appends and waits until it is done. */
  append(list: readonly Entry[], state: HardState | null = null, mustSync = true): void {
    let done = false;
    this.wal.append(batch(list, state, mustSync), () => (done = true));
    this.until(() => done);
  }

  reset(index: number, term: number, state: HardState): void {
    let done = false;
    this.wal.reset(index, term, state, () => (done = true));
    this.until(() => done);
  }

  until(condition: () => boolean): void {
    assert.ok(
      this.scheduler.runUntil(condition, this.scheduler.nowMs + 60_000),
      'it happens within a minute',
    );
  }

  /** Lets everything settle: marks are written, segments reserved, files removed. */
  rest(): void {
    this.scheduler.runFor(500);
  }

  close(): void {
    let done = false;
    this.wal.close((error) => {
      assert.equal(error, null);
      done = true;
    });
    this.until(() => done);
    this.life.end();
  }

  /** Kills the process and starts the next one. */
  killed(): RecoveredLog {
    this.life.end();
    this.disk.crashProcess();
    return this.restart();
  }

  powerLost(choices?: CrashChoices): RecoveredLog {
    this.life.end();
    this.disk.losePower(choices);
    return this.restart();
  }

  restart(): RecoveredLog {
    this.life = this.start();
    return this.life.recovered;
  }

  /** A clock for one life, in virtual time. */
  clock(): { clock: Clock; end: () => void } {
    let alive = true;
    const setTimer: Clock['setTimer'] = (delayMs, callback) =>
      this.scheduler.schedule(delayMs, () => {
        if (alive) callback();
      });
    const clock: Clock = {
      monotonicMs: () => this.scheduler.nowMs,
      wallMs: () => 0,
      setTimer,
      defer: (callback) => void setTimer(0, callback),
    };
    return { clock, end: () => (alive = false) };
  }

  start(): Life {
    const { clock, end } = this.clock();
    const vfs = this.disk.mount();
    const fatal: Error[] = [];
    const space: boolean[] = [];
    const { wal, recovered } = openWal(
      vfs,
      FOLDER,
      { segmentBytes: this.segmentBytes, prng: this.prng, clock },
      { onFatal: (error) => fatal.push(error), onSpace: (available) => space.push(available) },
    );
    return { vfs, wal, recovered, end, fatal, space };
  }
}
