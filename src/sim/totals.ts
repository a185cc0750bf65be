import type { RunResult } from './world.ts';

/** What is added up of a run. */
export type RunSummary = Pick<
  RunResult,
  'failure' | 'virtualMs' | 'events' | 'operations' | 'faults' | 'details'
>;

/** Faults of single messages, disk operations and processes, in words; other details are no faults. */
const DETAILS: Readonly<Record<string, string>> = {
  lost: 'messages lost',
  repeated: 'messages repeated',
  slowed: 'messages slowed',
  cut: 'messages into a partition',
  stalls: 'disk stalls',
  writeErrors: 'writes failed',
  syncErrors: 'syncs failed',
  noSpace: 'writes to a full disk',
  sectorsLost: 'unsynced sectors lost',
  sectorsTorn: 'sectors torn',
  folderOperationsLost: 'unsynced folder changes lost',
  damagedBytes: 'bytes damaged',
  deaths: 'processes ended by their disks',
  rebuilds: 'servers rebuilt',
};

/** What many runs came to together. */
export class Totals {
  worlds = 0;
  failed = 0;
  #virtualMs = 0;
  #events = 0;
  readonly #operations = { ok: 0, failed: 0, unknown: 0, undecided: 0 };
  readonly #faults = new Map<string, number>();
  readonly #details = new Map<string, number>();

  add({ failure, virtualMs, events, operations, faults, details }: RunSummary): void {
    this.worlds++;
    if (failure !== null) this.failed++;
    this.#virtualMs += virtualMs;
    this.#events += events;
    this.#operations.ok += operations.ok;
    this.#operations.failed += operations.failed;
    this.#operations.unknown += operations.unknown;
    this.#operations.undecided += operations.undecided;
    for (const [kind, count] of Object.entries(faults)) addTo(this.#faults, kind, count);
    for (const [name, count] of Object.entries(details)) addTo(this.#details, name, count);
  }

  /** For people, in a few lines. */
  describe(): string[] {
    const { ok, failed, unknown, undecided } = this.#operations;
    const messages = this.#details.get('sent') ?? 0;
    const details = Object.entries(DETAILS).map(([name, words]): [string, number] => {
      return [words, this.#details.get(name) ?? 0];
    });
    return [
      `virtual time: ${(this.#virtualMs / 3_600_000).toFixed(2)} hours, ${text(this.#events)} events, ${text(messages)} messages`,
      `operations checked: ${text(ok + failed + unknown)} (${text(ok)} answered, ${text(failed)} surely not done, ` +
        `${text(unknown)} of unknown fate), ${text(undecided)} histories too hard to decide`,
      `faults: ${list([...this.#faults].sort(([a], [b]) => (a < b ? -1 : 1)))}`,
      `  ${list(details)}`,
    ];
  }
}

const text = (count: number): string => Math.round(count).toLocaleString('en-US');
const list = (counts: readonly (readonly [string, number])[]): string =>
  counts.map(([name, count]) => `${name} ${text(count)}`).join(' · ');

function addTo(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}
