import { NO_MEMBER, type HardState } from '../raft/types.ts';
import type { LogRecord } from './format.ts';

export const NO_HARD_STATE: HardState = { term: 0, votedFor: NO_MEMBER, commitIndex: 0 };

/** What a log comes to, record by record: everything but the entries themselves. */
export class LogState {
  baseIndex = 0;
  baseTerm = 0;
  lastIndex = 0;
  hardState: HardState = NO_HARD_STATE;

  /** Why the record cannot come next, or null. */
  contradiction(record: LogRecord): string | null {
    switch (record.type) {
      case 'entry': {
        const { index } = record.entry;
        if (index > this.lastIndex + 1) return `entry ${index} follows entry ${this.lastIndex}`;
        return index <= this.baseIndex
          ? `entry ${index} in a log that begins behind ${this.baseIndex}`
          : null;
      }
      case 'base':
        if (record.lastIndex !== this.lastIndex) {
          return `a base that speaks of entries up to ${record.lastIndex}, where the log ends at ${this.lastIndex}`;
        }
        return record.index < this.baseIndex || record.index > this.lastIndex
          ? `base ${record.index} in a log from ${this.baseIndex} to ${this.lastIndex}`
          : null;
      case 'hard-state':
      case 'reset':
        return null;
    }
  }

  apply(record: LogRecord): void {
    switch (record.type) {
      case 'entry':
        this.lastIndex = record.entry.index;
        break;
      case 'hard-state':
        this.hardState = record.hardState;
        break;
      case 'base':
        this.#rebase(record.index, record.term, record.lastIndex, record.hardState);
        break;
      case 'reset':
        this.#rebase(record.index, record.term, record.index, record.hardState);
        break;
    }
  }

  /** The record that stands first in a new segment. */
  opening(): LogRecord {
    const { baseIndex, baseTerm, lastIndex, hardState } = this;
    return { type: 'base', index: baseIndex, term: baseTerm, lastIndex, hardState };
  }

  #rebase(index: number, term: number, lastIndex: number, hardState: HardState): void {
    this.baseIndex = index;
    this.baseTerm = term;
    this.lastIndex = lastIndex;
    this.hardState = hardState;
  }
}
