import type { Scheduler } from './scheduler.ts';

/** Lines that are kept unless all are wanted. */
const LINES_KEPT = 60;
const FNV_PRIME = 0x01000193;

type Line = readonly [atMs: number, text: string | (() => string)];

/**
 * What happened in one run, in order. Lines are made only when somebody reads them; a digest over all events tells
 * whether two runs were the same.
 */
export class Transcript {
  readonly #scheduler: Scheduler;
  /** Takes every line at once; null to keep the last ones only. */
  readonly #sink: ((line: string) => void) | null;
  #lines: Line[] = [];
  #digest = 0x811c9dc5;
  #count = 0;

  constructor(scheduler: Scheduler, sink: ((line: string) => void) | null) {
    this.#scheduler = scheduler;
    this.#sink = sink;
  }

  /** Events so far. */
  get count(): number {
    return this.#count;
  }

  /** Of all events and their times, as 8 hexadecimal digits. */
  get digest(): string {
    return (this.#digest >>> 0).toString(16).padStart(8, '0');
  }

  /** Something rare, told in words. */
  add(text: string): void {
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
    this.#push(text);
  }

  /** Something frequent: `checksum` stands for it in the digest, the words are made when they are read. */
  addLater(checksum: number, text: () => string): void {
    this.#mix(checksum);
    this.#push(text);
  }

  /** The last lines. */
  tail(): string[] {
    return this.#lines.slice(-LINES_KEPT).map(format);
  }

  #push(text: Line[1]): void {
    this.#count++;
    const atMs = this.#scheduler.nowMs;
    this.#mix(Math.round(atMs * 1_000));
    if (this.#sink !== null) this.#sink(format([atMs, text]));
    this.#lines.push([atMs, text]);
    if (this.#lines.length > 4 * LINES_KEPT) this.#lines = this.#lines.slice(-LINES_KEPT);
  }

  #mix(value: number): void {
    this.#digest = Math.imul(this.#digest ^ value, FNV_PRIME);
  }
}

const format = ([atMs, text]: Line): string =>
  `${atMs.toFixed(3).padStart(11)} ${typeof text === 'string' ? text : text()}`;
