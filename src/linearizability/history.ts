import type { Text } from './text.ts';

/** The models that a history can be checked against. */
export const modelNames = ['register', 'append', 'versioned'] as const;
export type ModelName = (typeof modelNames)[number];

/** The kinds of operations, with the models that know them. */
export const operationKinds = {
  put: ['register', 'append'],
  append: ['append'],
  get: ['register', 'append', 'versioned'],
  getm: ['versioned'],
  set: ['versioned'],
  cas: ['versioned'],
  delete: ['versioned'],
} as const satisfies Record<string, readonly ModelName[]>;
export type OperationKind = keyof typeof operationKinds;

/**
 * What the client knows of an operation: `ok`, it was answered, and the answer is in `result` (also an answer
 * like `not-found`); `fail`, it surely did not happen and never will; `unknown`, it may take effect at any
 * later time, or never.
 */
export const outcomes = ['ok', 'fail', 'unknown'] as const;
export type OperationOutcome = (typeof outcomes)[number];

export const resultStatuses = ['ok', 'not-found', 'version-mismatch', 'exists'] as const;
export type ResultStatus = (typeof resultStatuses)[number];

/** When a `set` takes effect: whatever there is, only if the key is absent, only if it is present. */
export const setConditions = ['always', 'absent', 'present'] as const;
export type SetCondition = (typeof setConditions)[number];

/** What the system answered. */
export interface OperationResult {
  readonly status: ResultStatus;
  /** The value that a `get` or `getm` read. */
  readonly value?: Text;
  /** The version that a write made or a read saw; with `version-mismatch`, the version that there is. */
  readonly version?: number;
  /** Of a read: the time until the key expires, exact or rounded up to whole seconds; 0 if it does not expire. */
  readonly ttlMs?: number;
}

/** What was asked of the system. */
export interface Invocation {
  readonly kind: OperationKind;
  readonly key: Text;
  /** What a `put`, `append`, `set` or `cas` writes. */
  readonly value?: Text;
  /** The version that a `cas` demands. */
  readonly version?: number;
  /** The time to live that a `set` or `cas` gives the key; absent or 0: it does not expire. */
  readonly ttlMs?: number;
  /** Of a `set`; `always` if absent. */
  readonly when?: SetCondition;
}

/** One operation of one client: what it asked and when, what it was answered and when. */
export interface Operation extends Invocation {
  readonly client: string;
  /** When the client sent it, in milliseconds of the history's clock. */
  readonly callMs: number;
  /** When the client had the answer, or gave up; `null` if it never did. An `ok` always has one. */
  readonly returnMs: number | null;
  readonly outcome: OperationOutcome;
  /** With `ok`, and only then. */
  readonly result?: OperationResult;
}

/** What is known of a history as a whole. */
export interface HistoryHeader {
  /** The model to check against if nobody asks for another. */
  readonly model?: ModelName;
  /**
   * How many milliseconds earlier than by the history's clock a key may expire, because the system measures
   * time with another clock. Default: 50.
   */
  readonly clockToleranceMs?: number;
  /** Whether a version is used once in the whole store and grows with every change of it, or key by key. Default: `store`. */
  readonly versionScope?: VersionScope;
}

export const versionScopes = ['store', 'key'] as const;
export type VersionScope = (typeof versionScopes)[number];

/** What clients of a key-value store saw. The order of the operations in the list means nothing. */
export interface History {
  readonly header: HistoryHeader;
  readonly operations: readonly Operation[];
}
