import type { Operation, OperationResult } from '../history.ts';
import { showText } from '../text.ts';
import type { Candidate } from './model.ts';
import {
  deleted,
  expiredBy,
  withNewVersion,
  withSupposedVersion,
  withVersion,
  withoutVersion,
  type VersionedState,
} from './versioned-state.ts';
import type { ValueTable } from './values.ts';

/** What each operation does that does not depend on the value that there was. */
export class VersionedSteps {
  readonly #candidates: readonly Candidate[];
  readonly #toleranceMs: number;
  readonly #values: ValueTable;
  readonly #isInBatch: (i: number) => boolean;
  /** The number of the value that the operation writes or read, 0 for none. */
  readonly value: Int32Array;

  /** `isInBatch`: whether no key expires right before the operation, as it is not the first of its batch. */
  constructor(
    candidates: readonly Candidate[],
    toleranceMs: number,
    values: ValueTable,
    isInBatch: (i: number) => boolean = () => false,
  ) {
    this.#candidates = candidates;
    this.#toleranceMs = toleranceMs;
    this.#values = values;
    this.#isInBatch = isInBatch;
    this.value = Int32Array.from(candidates, ({ operation }) => {
      const text = operation.value ?? operation.result?.value;
      return text === undefined ? 0 : values.idOf(text);
    });
  }

  /** The state after the operation, or undefined if it cannot come next with what it answered. */
  step(state: VersionedState, i: number): VersionedState | undefined {
    const candidate = this.#at(i);
    if (candidate.returnMs < state.notBeforeMs) return undefined;
    const { operation } = candidate;
    switch (operation.result?.status) {
      case undefined:
      case 'ok':
      // It could have been done, but its batch was not.
      case 'not-applied':
        return this.#succeed(state, i, operation);
      case 'not-found':
        return this.absent(state, i);
      case 'exists':
        return state.value === 0 ? undefined : sees(state, operation.result);
      case 'version-mismatch':
        return mismatch(state, operation, operation.result);
      case 'not-a-number':
        return undefined;
    }
  }

  /** The state in which the operation has written the value; `ttlMs` is left as it is if the operation does not set it. */
  write(
    state: VersionedState,
    i: number,
    value: number,
    ttlMs: number | undefined,
  ): VersionedState | undefined {
    const { callMs, operation } = this.#at(i);
    const { result } = operation;
    const isSupposed = result?.status === 'not-applied';
    const made = isSupposed ? withSupposedVersion(state) : withNewVersion(state, result?.version);
    if (made === undefined) return undefined;
    // What is placed after this one is over only after its call, so an earlier bound says nothing more.
    const notBeforeMs = callMs >= state.notBeforeMs ? -Infinity : state.notBeforeMs;
    const written = { ...made, value, notBeforeMs };
    return ttlMs === undefined ? written : this.#withTtl(written, operation, ttlMs);
  }

  /** The state after an operation that found no key: there was none, or it has expired by then. */
  absent(state: VersionedState, i: number): VersionedState | undefined {
    if (state.value === 0) return state;
    return this.#isInBatch(i) ? undefined : expiredBy(state, this.#at(i).returnMs);
  }

  describe(state: VersionedState): string {
    if (state.value === 0) return state.floor === 0 ? 'absent' : `absent, versions used up to ${state.floor}`;
    const version =
      state.version === 0 ? `an unknown version from ${state.floor} on` : `version ${state.version}`;
    const expiry = state.ttlMs === 0 ? '' : `, may expire from ${roundMs(state.expiryFromMs)} on`;
    return `${showText(this.#values.textOf(state.value))}, ${version}${expiry}`;
  }

  whyNot(state: VersionedState, i: number): string {
    const { operation, returnMs } = this.#at(i);
    if (returnMs < state.notBeforeMs) {
      return `a key was seen expired that could not expire before ${roundMs(state.notBeforeMs)}, and this had ended by then`;
    }
    return `${saidOf(operation)}, but the key is ${this.describe(state)}`;
  }

  #at(i: number): Candidate {
    return this.#candidates[i] as Candidate;
  }

  /** The step of an operation that did what it is for; also of one with an unknown outcome, if it took effect. */
  #succeed(state: VersionedState, i: number, operation: Operation): VersionedState | undefined {
    const { kind, version, when, ttlMs = 0, result } = operation;
    const value = this.value[i] as number;
    switch (kind) {
      case 'set': {
        const found = when === 'absent' ? this.absent(state, i) : state;
        if (found === undefined || (when === 'present' && found.value === 0)) return undefined;
        return this.write(found, i, value, ttlMs);
      }
      case 'cas': {
        const found = ofVersion(state, version);
        return found === undefined ? undefined : this.write(found, i, value, ttlMs);
      }
      case 'delete': {
        const found = ofVersion(state, version);
        if (found === undefined || result?.version === undefined) return found && deleted(found);
        const made = withNewVersion(found, result.version);
        return made && deleted(made);
      }
      case 'touch': {
        const found = this.#sees(state, i, result);
        return found === undefined ? undefined : this.#withTtl(found, operation, ttlMs);
      }
      case 'check': {
        if (when === 'absent') return this.absent(state, i);
        const found = ofVersion(state, version);
        return found && sees(found, result);
      }
      default:
        return this.#read(state, i, operation);
    }
  }

  #withTtl(state: VersionedState, { callMs }: Operation, ttlMs: number): VersionedState {
    // Counted from the call as it was: the system reads its clock some time after it, also for a write that takes
    // effect late.
    return { ...state, ttlMs, expiryFromMs: ttlMs === 0 ? Infinity : callMs + ttlMs - this.#toleranceMs };
  }

  #read(state: VersionedState, i: number, { result, returnMs }: Operation): VersionedState | undefined {
    const ttlMs = result?.ttlMs;
    if (ttlMs !== undefined && !isPossibleTtl(state, ttlMs, returnMs as number)) return undefined;
    return this.#sees(state, i, result);
  }

  /** The state if the key is there, with the value and version that the operation saw. */
  #sees(state: VersionedState, i: number, result: OperationResult | undefined): VersionedState | undefined {
    if (state.value === 0) return undefined;
    if (result?.value !== undefined && state.value !== this.value[i]) return undefined;
    return sees(state, result);
  }
}

const sees = (state: VersionedState, result: OperationResult | undefined): VersionedState | undefined =>
  result?.version === undefined ? state : withVersion(state, result.version);

/** The state if the key is there, and of the version, if one is asked for. */
export function ofVersion(state: VersionedState, version: number | undefined): VersionedState | undefined {
  if (state.value === 0) return undefined;
  return version === undefined ? state : withVersion(state, version);
}

function mismatch(
  state: VersionedState,
  operation: Operation,
  result: OperationResult,
): VersionedState | undefined {
  if (state.value === 0) return undefined;
  const other = withoutVersion(state, operation.version as number);
  return other === undefined ? undefined : sees(other, result);
}

/**
 * A time to live, exact or rounded up to whole seconds, is at most what was written, and not shorter by more than
 * the time that has passed since.
 */
function isPossibleTtl(state: VersionedState, ttlMs: number, returnMs: number): boolean {
  if (state.ttlMs === 0 || ttlMs === 0) return state.ttlMs === ttlMs;
  return ttlMs <= Math.ceil(state.ttlMs / 1000) * 1000 && ttlMs >= state.expiryFromMs - returnMs;
}

/** What the operation says of the key, for people. */
export function saidOf({ kind, version, when, result }: Operation): string {
  if (result?.status === 'version-mismatch') {
    const there = result.version === undefined ? '' : ` (there was ${result.version})`;
    return `the ${kind} for version ${version} met another version${there}`;
  }
  if (result?.status === 'not-found') return `the ${kind} found no key`;
  if (result?.status === 'exists') return `the ${kind} found the key present`;
  if (result?.status === 'not-a-number') return `the ${kind} found no number`;
  if (result?.status === 'not-applied') return `the ${kind} was not done`;
  const made = result?.version === undefined ? '' : `, version ${result.version}`;
  if (result?.value !== undefined) {
    const ttl = result.ttlMs === undefined ? '' : `, to live for ${result.ttlMs} ms`;
    const did = kind === 'increment' || kind === 'decrement' ? `the ${kind} made` : 'it read';
    return `${did} ${showText(result.value)}${made}${ttl}`;
  }
  const making = made && `, making${made.slice(1)}`;
  if (kind === 'cas') return `the cas replaced version ${version}${making}`;
  if (kind === 'check' && version !== undefined) return `the check found version ${version}`;
  if (when === 'absent' || when === 'present') return `the ${kind} was for a key that is ${when}${made}`;
  return `the ${kind} succeeded${making}`;
}

function roundMs(ms: number): string {
  return `${Number(ms.toFixed(3))} ms`;
}
