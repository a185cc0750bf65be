import { LinkedList } from '../linked-list.ts';
import { isOptional, type Candidate, type Guide } from './model.ts';
import { ValueCounts } from './values.ts';
import type { VersionedState } from './versioned-state.ts';

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
  /** The operations that must find a version, or make one, by that version. */
  readonly #byVersion: number[];
  readonly #list: LinkedList;
  /** Place in `#byVersion`, from 1 on; 0 for none. */
  readonly #place: Int32Array;
  readonly #presence: readonly Presence[];
  /** Operations left that depend on the key being present, and on its being absent. */
  readonly #left = { present: 0, absent: 0, either: 0 };

  constructor(candidates: readonly Candidate[], value: Int32Array, valueCount: number) {
    this.#candidates = candidates;
    this.#value = value;
    this.#counts = new ValueCounts(valueCount);
    this.#byVersion = candidates
      .map((_, i) => i)
      .filter((i) => versionOf(candidates[i] as Candidate) !== undefined);
    this.#byVersion.sort((a, b) => this.#versionAt(a) - this.#versionAt(b));
    this.#list = new LinkedList(this.#byVersion.length);
    this.#place = new Int32Array(candidates.length);
    for (const [place, i] of this.#byVersion.entries()) this.#place[i] = place + 1;
    this.#presence = candidates.map(presenceOf);
    for (const i of candidates.keys()) this.#count(i, 1);
  }

  take(i: number): void {
    const place = this.#place[i] as number;
    if (place > 0) this.#list.lift(place);
    this.#count(i, -1);
  }

  untake(i: number): void {
    const place = this.#place[i] as number;
    if (place > 0) this.#list.restore(place);
    this.#count(i, 1);
  }

  keyOf(state: VersionedState): string {
    const { value, version, floor, notVersions, ttlMs, expiryFromMs, notBeforeMs } = state;
    return `${value} ${version} ${floor} ${notVersions.join()} ${ttlMs} ${expiryFromMs} ${notBeforeMs}`;
  }

  isHopeless(state: VersionedState): boolean {
    const first = this.#list.first();
    if (first !== 0 && this.#versionAt(this.#byVersion[first - 1] as number) < state.floor) return true;
    return this.#counts.isHopeless(state.value);
  }

  /**
   * A write is needed if its value is read, if something depends on there being a key, or, as it may expire, on
   * there being none. A deletion is needed if something depends on there being none.
   */
  isUseful(i: number, state: VersionedState): boolean {
    const { kind, ttlMs } = (this.#candidates[i] as Candidate).operation;
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
    const isRead = operation.kind === 'get' || operation.kind === 'getm';
    // A write that was refused writes nothing.
    if (!isRead && operation.result !== undefined && operation.result.status !== 'ok') return;
    if (isRead && sign > 0) this.#counts.addRead(value);
    else if (isRead) this.#counts.removeRead(value);
    else if (sign > 0) this.#counts.addWrite(value);
    else this.#counts.removeWrite(value);
  }

  #versionAt(i: number): number {
    return versionOf(this.#candidates[i] as Candidate) as number;
  }
}

/** The version that must be the present one when the operation takes effect, or is made by it. */
function versionOf(candidate: Candidate): number | undefined {
  const { kind, version, result } = candidate.operation;
  if (isOptional(candidate)) return undefined;
  return kind === 'cas' && result?.status === 'ok' ? version : result?.version;
}

function presenceOf({ operation }: Candidate): Presence {
  const { kind, when, result } = operation;
  switch (result?.status) {
    case 'not-found':
      return 'absent';
    case 'exists':
    case 'version-mismatch':
      return 'present';
    case undefined:
    case 'ok':
      if (kind === 'cas' || when === 'present') return 'present';
      if (when === 'absent') return 'absent';
      // A deletion without an answer does not ask for a key to delete.
      return kind === 'delete' && result !== undefined ? 'present' : 'either';
  }
}
