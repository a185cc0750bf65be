import type { Text } from './text.ts';

/** The models that a history can be checked against. */
export const modelNames = ['register', 'append', 'versioned'] as const;
export type ModelName = (typeof modelNames)[number];

/** The kinds of operations, with the models that know them; see `knows`. */
export const operationKinds = {
  put: ['register', 'append'],
  append: ['append', 'versioned'],
  prepend: ['versioned'],
  get: ['register', 'append', 'versioned'],
  getm: ['versioned'],
  set: ['versioned'],
  cas: ['versioned'],
  delete: ['versioned'],
  increment: ['versioned'],
  decrement: ['versioned'],
  touch: ['versioned'],
  'put-hash': ['versioned'],
  check: ['versioned'],
  batch: ['versioned'],
} as const satisfies Record<string, readonly ModelName[]>;
export type OperationKind = keyof typeof operationKinds;

/** Whether the model knows what such an operation does; that of appends knows nothing of conditions and versions. */
export function knows(model: ModelName, { kind, when, version, result }: Operation): boolean {
  const isVersioned =
    (when ?? 'always') !== 'always' || version !== undefined || result?.version !== undefined;
  if (kind === 'append' && model === 'append') return !isVersioned;
  return (operationKinds[kind] as readonly ModelName[]).includes(model);
}

/**
 * What the client knows of an operation: `ok`, it was answered, and the answer is in `result` (also an answer
 * like `not-found`); `fail`, it surely did not happen and never will; `unknown`, it may take effect at any
 * later time, or never.
 */
export const outcomes = ['ok', 'fail', 'unknown'] as const;
export type OperationOutcome = (typeof outcomes)[number];

export const resultStatuses = [
  'ok',
  'not-found',
  'version-mismatch',
  'exists',
  'not-a-number',
  'not-applied',
] as const;
export type ResultStatus = (typeof resultStatuses)[number];

/** When an operation takes effect: whatever there is, only if the key is absent, only if it is present. */
export const conditions = ['always', 'absent', 'present'] as const;
export type Condition = (typeof conditions)[number];

/** What the system answered. */
export interface OperationResult {
  readonly status: ResultStatus;
  /** What a `get`, `getm` or `touch` read, what an `increment` or `decrement` made, what a `put-hash` replaced. */
  readonly value?: Text;
  /** The version that a change made or a read saw; with `version-mismatch` and `exists`, the version that there is. */
  readonly version?: number;
  /** Of a read: the time until the key expires, exact or rounded up to whole seconds; 0 if it does not expire. */
  readonly ttlMs?: number;
  /** Of a `batch`: what each of its operations was answered. */
  readonly results?: readonly OperationResult[];
}

/** What was asked of the system, apart from the key. */
export interface KeyInvocation {
  readonly kind: OperationKind;
  /** What the operation writes, adds to the value, or hashes with it. */
  readonly value?: Text;
  /** The version that the key must have. */
  readonly version?: number;
  /** The time to live that the operation gives the key; absent or 0: it does not expire. */
  readonly ttlMs?: number;
  /** `always` if absent. */
  readonly when?: Condition;
  /** What an `increment` or `decrement` changes the number by, from 0 to 2^64 - 1, in decimal. */
  readonly by?: Text;
  /** What they give an absent key; if absent, they do nothing to such a key. */
  readonly initial?: Text;
  /** The operations of a `batch`: all take effect at once, one after the other, or none does. */
  readonly ops?: readonly KeyInvocation[];
}

export interface Invocation extends KeyInvocation {
  readonly key: Text;
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
