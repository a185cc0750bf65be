import { assert } from '../../base/assert.ts';
import type { HistoryHeader, Operation, OperationResult } from '../history.ts';
import { showText } from '../text.ts';
import type { Candidate, Guide, Model, PreparedModel } from './model.ts';
import {
  absentFromStart,
  deleted,
  expired,
  withVersion,
  withoutVersion,
  type VersionedState,
} from './versioned-state.ts';
import { VersionedGuide } from './versioned-guide.ts';
import { narrowByValue, type ValueEffect } from './value-narrowing.ts';
import { ValueTable } from './values.ts';

export const DEFAULT_CLOCK_TOLERANCE_MS = 50;

/**
 * A store in which every change gives a key a greater version, and in which keys expire.
 *
 * An expiry is an event inside the system, after the write that set the time to live, whose time no client sees.
 * What is checked (and argued in docs/history-format.md): it does not happen before `ttlMs` have passed since the
 * write was called, less the clock tolerance; it may happen at any time from then on, or never; once a client saw
 * a key expired, it stays absent until it is written again.
 */
export const versionedModel: Model = {
  name: 'versioned',
  narrow: (candidates) => narrowByValue(candidates, effectOf, false),
  prepare: (candidates, header) => new VersionedStore(candidates, header),
};

function effectOf({ operation }: Candidate): ValueEffect {
  const { kind, value, result } = operation;
  const isDone = result === undefined || result.status === 'ok';
  if (isDone && (kind === 'set' || kind === 'cas')) return { writes: value as string, isOutsider: true };
  if (isDone && (kind === 'get' || kind === 'getm'))
    return { reads: result?.value ?? null, isOutsider: true };
  return { isOutsider: isDone || result?.status === 'not-found' };
}

class VersionedStore implements PreparedModel<VersionedState> {
  readonly initial = absentFromStart;
  readonly #candidates: readonly Candidate[];
  readonly #toleranceMs: number;
  readonly #values = new ValueTable();
  /** The number of the value that the operation writes or read, 0 for none. */
  readonly #value: Int32Array;

  constructor(candidates: readonly Candidate[], header: HistoryHeader) {
    this.#candidates = candidates;
    this.#toleranceMs = header.clockToleranceMs ?? DEFAULT_CLOCK_TOLERANCE_MS;
    this.#value = Int32Array.from(candidates, ({ operation }) => {
      assert(
        operation.kind !== 'put' && operation.kind !== 'append',
        `a versioned store knows no ${operation.kind}`,
      );
      const text = operation.value ?? operation.result?.value;
      return text === undefined ? 0 : this.#values.idOf(text);
    });
  }

  step(state: VersionedState, i: number): VersionedState | undefined {
    const candidate = this.#at(i);
    if (candidate.returnMs < state.notBeforeMs) return undefined;
    const { operation } = candidate;
    switch (operation.result?.status) {
      case undefined:
      case 'ok':
        return this.#succeed(state, i, operation);
      case 'not-found':
        return absent(state, candidate);
      case 'exists':
        return state.value === 0 ? undefined : state;
      case 'version-mismatch':
        return mismatch(state, operation, operation.result);
    }
  }

  isObserver(i: number): boolean {
    const { kind, result } = this.#at(i).operation;
    return kind === 'get' || kind === 'getm' || (result !== undefined && result.status !== 'ok');
  }

  effectOf(i: number): string | undefined {
    const { kind, when, version, ttlMs, result } = this.#at(i).operation;
    // A time to live counts from the call, so no two such writes are alike; and an answer has its own version.
    if (result !== undefined || (ttlMs ?? 0) > 0) return undefined;
    return `${kind} ${when} ${version} ${this.#value[i]}`;
  }

  guide(): Guide<VersionedState> {
    return new VersionedGuide(this.#candidates, this.#value, this.#values.size);
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
    switch (operation.kind) {
      case 'set': {
        const found = operation.when === 'absent' ? absent(state, this.#at(i)) : state;
        if (found === undefined || (operation.when === 'present' && found.value === 0)) return undefined;
        return this.#write(found, i, operation);
      }
      case 'cas': {
        const found = state.value === 0 ? undefined : withVersion(state, operation.version as number);
        return found === undefined ? undefined : this.#write(found, i, operation);
      }
      case 'delete':
        return state.value === 0 ? undefined : deleted(state);
      default:
        return this.#read(state, i, operation);
    }
  }

  #write(state: VersionedState, i: number, operation: Operation): VersionedState | undefined {
    const version = operation.result?.version ?? 0;
    if (version !== 0 && version <= state.floor) return undefined;
    const ttlMs = operation.ttlMs ?? 0;
    return {
      value: this.#value[i] as number,
      version,
      floor: version === 0 ? state.floor + 1 : version,
      notVersions: [],
      ttlMs,
      // Counted from the call as it was: the system reads its clock some time after it, also for a write that
      // takes effect late.
      expiryFromMs: ttlMs === 0 ? Infinity : operation.callMs + ttlMs - this.#toleranceMs,
      // What is placed after this one is over only after its call, so an earlier bound says nothing more.
      notBeforeMs: this.#at(i).callMs >= state.notBeforeMs ? -Infinity : state.notBeforeMs,
    };
  }

  #read(state: VersionedState, i: number, operation: Operation): VersionedState | undefined {
    if (state.value === 0 || state.value !== this.#value[i]) return undefined;
    const { version, ttlMs } = operation.result as OperationResult;
    if (ttlMs !== undefined && !isPossibleTtl(state, ttlMs, operation.returnMs as number)) return undefined;
    return version === undefined ? state : withVersion(state, version);
  }
}

/** The state after an operation that found no key: there was none, or it has expired by then. */
function absent(state: VersionedState, { returnMs }: Candidate): VersionedState | undefined {
  if (state.value === 0) return state;
  return returnMs >= state.expiryFromMs ? expired(state) : undefined;
}

function mismatch(
  state: VersionedState,
  operation: Operation,
  result: OperationResult,
): VersionedState | undefined {
  if (state.value === 0) return undefined;
  const other = withoutVersion(state, operation.version as number);
  return other === undefined || result.version === undefined ? other : withVersion(other, result.version);
}

/**
 * A time to live, exact or rounded up to whole seconds, is at most what was written, and not shorter by more than
 * the time that has passed since.
 */
function isPossibleTtl(state: VersionedState, ttlMs: number, returnMs: number): boolean {
  if (state.ttlMs === 0 || ttlMs === 0) return state.ttlMs === ttlMs;
  return ttlMs <= Math.ceil(state.ttlMs / 1000) * 1000 && ttlMs >= state.expiryFromMs - returnMs;
}

function saidOf({ kind, version, when, result }: Operation): string {
  if (result?.status === 'version-mismatch') {
    const there = result.version === undefined ? '' : ` (there was ${result.version})`;
    return `the cas for version ${version} met another version${there}`;
  }
  if (result?.status === 'not-found') return `the ${kind} found no key`;
  if (result?.status === 'exists') return 'the set found the key present';
  const made = result?.version === undefined ? '' : `, version ${result.version}`;
  if (result?.value !== undefined) {
    const ttl = result.ttlMs === undefined ? '' : `, to live for ${result.ttlMs} ms`;
    return `it read ${showText(result.value)}${made}${ttl}`;
  }
  if (kind === 'cas') return `the cas replaced version ${version}${made && `, making${made.slice(1)}`}`;
  if (when === 'absent' || when === 'present') return `the set was for a key that is ${when}${made}`;
  return `the ${kind} succeeded${made && `, making${made.slice(1)}`}`;
}

function roundMs(ms: number): string {
  return `${Number(ms.toFixed(3))} ms`;
}
