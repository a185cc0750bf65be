import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const HISTORY_LINES_MAX = 1_000;

/** Only for its owner: lines hold keys and values. */
const MODE = 0o600;

/** The lines that were typed in shells before, in a file; one that cannot be used is no reason to stop. */
export class ShellHistory {
  readonly #file: string;

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    this.#file = environment['KVRAFT_HISTORY'] ?? join(homedir(), '.kvraft_history');
  }

  /** The newest first. Shortens the file when it has become long. */
  load(): string[] {
    try {
      const lines = readFileSync(this.#file, 'utf8')
        .split('\n')
        .filter((line) => line !== '');
      const kept = lines.slice(-HISTORY_LINES_MAX);
      if (lines.length > 2 * HISTORY_LINES_MAX)
        writeFileSync(this.#file, `${kept.join('\n')}\n`, { mode: MODE });
      return kept.toReversed();
    } catch {
      return [];
    }
  }

  add(line: string): void {
    if (line.trim() === '') return;
    try {
      appendFileSync(this.#file, `${line}\n`, { mode: MODE });
    } catch {
      // A history that is not kept is no fault of the line's.
    }
  }
}
