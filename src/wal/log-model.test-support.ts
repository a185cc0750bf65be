import assert from 'node:assert/strict';
import type { Entry, HardState } from '../raft/types.ts';
import type { RecoveredLog } from './wal-types.ts';

/** What the log is after some prefix of all records. */
interface State {
  readonly baseIndex: number;
  readonly baseTerm: number;
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
}

/** The log as its user knows it: every state that it went through, record by record. */
export class LogModel {
  readonly states: State[];
  /** The state that must survive a loss of power, and the one that must survive the death of the process. */
  durable = 0;
  done = 0;
  #serial = 0;
  /** Set from the log when it was compacted: the base may lie anywhere between. */
  compactedTo: number;

  constructor(recovered: RecoveredLog) {
    const { baseIndex, baseTerm, entries, hardState } = recovered;
    this.states = [{ baseIndex, baseTerm, entries, hardState }];
    this.compactedTo = baseIndex;
  }

  get last(): State {
    return this.states.at(-1)!;
  }

  get lastIndex(): number {
    return this.last.baseIndex + this.last.entries.length;
  }

  makeEntry(index: number, term: number, bytes: number): Entry {
    const data = Buffer.alloc(bytes, ++this.#serial);
    if (bytes >= 4) data.writeUInt32LE(this.#serial);
    return { index, term, type: 'normal', stampMs: this.#serial, data };
  }

  append(entries: readonly Entry[], hardState: HardState | null): void {
    if (hardState !== null) this.states.push({ ...this.last, hardState });
    for (const entry of entries) {
      const kept = this.last.entries.slice(0, entry.index - this.last.baseIndex - 1);
      this.states.push({ ...this.last, entries: [...kept, entry] });
    }
  }

  reset(index: number, term: number, hardState: HardState): void {
    this.states.push({ baseIndex: index, baseTerm: term, entries: [], hardState });
  }

  /** The callback of the call that made the last state. */
  acknowledge(mustSync: boolean): () => void {
    const state = this.states.length - 1;
    return () => {
      assert.ok(state >= this.done, 'done is called in the order of the calls');
      this.done = state;
      if (mustSync) this.durable = state;
    };
  }

  /** What was recovered is one of the states, and none before `floor`. */
  check(recovered: RecoveredLog, floor: number): void {
    const found = this.states.findLastIndex((state) => this.#same(state, recovered));
    assert.ok(found >= floor, `recovered to state ${found}, but state ${floor} was durable`);
  }

  /** Equal but for what compaction may have cut off in front. */
  #same(state: State, recovered: RecoveredLog): boolean {
    const { baseIndex, entries, hardState } = recovered;
    const cut = baseIndex - state.baseIndex;
    if (cut < 0 || cut > state.entries.length || (cut > 0 && baseIndex > this.compactedTo)) return false;
    const baseTerm = cut === 0 ? state.baseTerm : state.entries[cut - 1]!.term;
    return (
      recovered.baseTerm === baseTerm &&
      hardState.term === state.hardState.term &&
      hardState.votedFor === state.hardState.votedFor &&
      hardState.commitIndex <= Math.max(state.hardState.commitIndex, baseIndex) &&
      entries.length === state.entries.length - cut &&
      entries.every((entry, at) => sameEntry(entry, state.entries[at + cut]!))
    );
  }
}

const sameEntry = (a: Entry, b: Entry): boolean =>
  a.index === b.index && a.term === b.term && a.stampMs === b.stampMs && Buffer.compare(a.data, b.data) === 0;
