/** What a key of the versioned store holds; see `versioned.ts`. */
export interface VersionedState {
  /** The number of the value; 0: the key is absent. */
  readonly value: number;
  /** The version of the value; 0: not known yet, as nobody saw the answer of its write. */
  readonly version: number;
  /** The version of the next change is greater; an unknown version is at least this. */
  readonly floor: number;
  /** Versions above `floor` that an unknown version is not, in rising order. */
  readonly notVersions: readonly number[];
  /** The time to live that the value was written with; 0: it does not expire. */
  readonly ttlMs: number;
  /** The key cannot have expired before; Infinity if it does not expire. */
  readonly expiryFromMs: number;
  /** An expiry was seen that cannot have happened earlier: what follows takes effect at this time or later. */
  readonly notBeforeMs: number;
}

export const absentFromStart: VersionedState = {
  value: 0,
  version: 0,
  floor: 0,
  notVersions: [],
  ttlMs: 0,
  expiryFromMs: Infinity,
  notBeforeMs: -Infinity,
};

/** The absent key that an expiry leaves; undefined if the key cannot have expired by then. */
export function expiredBy(state: VersionedState, ms: number): VersionedState | undefined {
  const { floor, notBeforeMs, expiryFromMs } = state;
  if (ms < expiryFromMs) return undefined;
  return { ...absentFromStart, floor, notBeforeMs: Math.max(notBeforeMs, expiryFromMs) };
}

/** The absent key that a deletion leaves. */
export function deleted(state: VersionedState): VersionedState {
  return { ...absentFromStart, floor: state.floor, notBeforeMs: state.notBeforeMs };
}

/** The state in which the present version is known to be `version`; undefined if it cannot be. */
export function withVersion(state: VersionedState, version: number): VersionedState | undefined {
  if (state.version !== 0) return state.version === version ? state : undefined;
  if (version < state.floor || state.notVersions.includes(version)) return undefined;
  return { ...state, version, floor: version, notVersions: [] };
}

/**
 * The state behind a change that makes this version, or one that nobody saw; undefined if it cannot be. The rest is
 * as it was.
 */
export function withNewVersion(
  state: VersionedState,
  version: number | undefined,
): VersionedState | undefined {
  if (version === undefined) return { ...state, version: 0, floor: state.floor + 1, notVersions: [] };
  return version <= state.floor ? undefined : { ...state, version, floor: version, notVersions: [] };
}

/** The state behind a change that was only supposed: nobody ever sees the version that it would have made. */
export const withSupposedVersion = (state: VersionedState): VersionedState => ({
  ...state,
  version: Infinity,
  notVersions: [],
});

/** Different for states that are different. */
export function stateKey(state: VersionedState): string {
  const { value, version, floor, notVersions, ttlMs, expiryFromMs, notBeforeMs } = state;
  return `${value} ${version} ${floor} ${notVersions.join()} ${ttlMs} ${expiryFromMs} ${notBeforeMs}`;
}

/** The state in which the present version is known not to be `version`; undefined if it is. */
export function withoutVersion(state: VersionedState, version: number): VersionedState | undefined {
  if (state.version !== 0) return state.version === version ? undefined : state;
  if (version < state.floor || state.notVersions.includes(version)) return state;
  const excluded = [...state.notVersions, version].sort((a, b) => a - b);
  let { floor } = state;
  while (excluded[0] === floor) {
    excluded.shift();
    floor++;
  }
  return { ...state, floor, notVersions: excluded };
}
