import type { Candidate, Guide } from './model.ts';
import { ValueCounts } from './values.ts';
import { VersionOrder } from './version-order.ts';
import { stateKey, type VersionedState } from './versioned-state.ts';

/** What an operation tells of the key at the moment it takes effect, apart from value and version. */
type Presence = 'present' | 'absent' | 'either';

/**
 * Looks ahead by two rules: versions grow, so nothing that saw or replaces a version may be left when the present
 * one is greater; and a value that is still to be read must be present or still to be written.
 */
export class VersionedGuide implements Guide<VersionedState> {
  readonly #candidates: readonly Candidate[];
  readonly #value: Int32Array;
  readonly #counts: ValueCounts;
  readonly #order: VersionOrder;
  readonly #presence: readonly Presence[];
  /** Operations left that depend on the key being present, and on its being absent. */
  readonly #left = { present: 0, absent: 0, either: 0 };

  constructor(candidates: readonly Candidate[], value: Int32Array, valueCount: number) {
    this.#candidates = candidates;
    this.#value = value;
    this.#counts = new ValueCounts(valueCount);
    this.#order = new VersionOrder(candidates);
    this.#presence = candidates.map(presenceOf);
    for (const i of candidates.keys()) this.#count(i, 1);
  }

  take(i: number): void {
    this.#order.take(i);
    this.#count(i, -1);
  }

  untake(i: number): void {
    this.#order.untake(i);
    this.#count(i, 1);
  }

  keyOf(state: VersionedState): string {
    return stateKey(state);
  }

  isHopeless(state: VersionedState): boolean {
    if (this.#order.isPassed(state.floor)) return true;
    return this.#counts.isHopeless(state.value);
  }

  /**
   * A write is needed if its value is read, if something depends on there being a key, or, as it may expire, on
   * there being none. A deletion is needed if something depends on there being none; a touch may always be.
   */
  isUseful(i: number, state: VersionedState): boolean {
    const { kind, ttlMs } = (this.#candidates[i] as Candidate).operation;
    if (kind === 'touch') return state.value !== 0;
    if (kind === 'delete') return state.value !== 0 && this.#left.absent > 0;
    if (this.#counts.readsOf(this.#value[i] as number) > 0) return true;
    const others = this.#left.present - (this.#presence[i] === 'present' ? 1 : 0);
    return others > 0 || ((ttlMs ?? 0) > 0 && this.#left.absent > 0);
  }

  #count(i: number, sign: 1 | -1): void {
    this.#left[this.#presence[i] as Presence] += sign;
    const value = this.#value[i] as number;
    if (value === 0) return;
    const { operation } = this.#candidates[i] as Candidate;
    const isRead = ['get', 'getm', 'touch'].includes(operation.kind);
    // A write that was refused writes nothing.
    if (!isRead && operation.result !== undefined && operation.result.status !== 'ok') return;
    if (isRead && sign > 0) this.#counts.addRead(value);
    else if (isRead) this.#counts.removeRead(value);
    else if (sign > 0) this.#counts.addWrite(value);
    else this.#counts.removeWrite(value);
  }
}

function presenceOf({ operation }: Candidate): Presence {
  const { kind, when, version, result } = operation;
  switch (result?.status) {
    case 'not-found':
      return 'absent';
    case 'exists':
    case 'version-mismatch':
    case 'not-a-number':
      return 'present';
    case undefined:
    case 'ok':
    case 'not-applied':
      if (when === 'absent') return 'absent';
      if (kind === 'touch' || when === 'present' || version !== undefined) return 'present';
      // A deletion without an answer does not ask for a key to delete.
      return kind === 'delete' && result !== undefined ? 'present' : 'either';
  }
}
