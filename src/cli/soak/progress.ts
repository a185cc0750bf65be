const BAR_WIDTH = 30;
const LINE_EVERY_MS = 10_000;
const REDRAW_EVERY_MS = 200;

export interface Progress {
  /** From 0 to 1. */
  readonly done: number;
  readonly words: string;
}

/** Shows how far something is: as a bar that is drawn anew on a terminal, else as a plain line now and then. */
export class ProgressDisplay {
  readonly #out: NodeJS.WriteStream;
  #shownMs = -Infinity;
  #barIsDrawn = false;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show({ done, words }: Progress): void {
    const nowMs = performance.now();
    if (nowMs - this.#shownMs < (this.#out.isTTY ? REDRAW_EVERY_MS : LINE_EVERY_MS)) return;
    const first = this.#shownMs === -Infinity;
    this.#shownMs = nowMs;
    const percent = `${Math.floor(done * 100)}%`.padStart(4);
    if (!this.#out.isTTY) {
      if (!first) this.#out.write(`${percent}  ${words}\n`);
      return;
    }
    const full = Math.round(done * BAR_WIDTH);
    this.#out.write(`\r\u001b[K[${'█'.repeat(full)}${'·'.repeat(BAR_WIDTH - full)}]${percent}  ${words}`);
    this.#barIsDrawn = true;
  }

  /** Says something that stays; the bar comes back below it. */
  say(text: string): void {
    this.clear();
    this.#out.write(`${text}\n`);
  }

  clear(): void {
    if (this.#barIsDrawn) this.#out.write('\r\u001b[K');
    this.#barIsDrawn = false;
  }
}
