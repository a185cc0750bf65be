import {
  allowFields,
  asNumber,
  asObject,
  asOneOf,
  asText,
  asTime,
  asVersion,
  optional,
  type Fields,
} from './history-fields.ts';
import {
  conditions,
  operationKinds,
  resultStatuses,
  type Condition,
  type KeyInvocation,
  type OperationKind,
  type OperationResult,
  type ResultStatus,
} from './history.ts';

/** What a kind of operation says beside what all say, and what it may be answered. */
interface Shape {
  readonly needs: readonly (keyof KeyInvocation)[];
  readonly may: readonly (keyof KeyInvocation)[];
  readonly whens?: readonly Condition[];
  readonly answers: readonly ResultStatus[];
  /** Whether an `ok` tells of a value. */
  readonly value?: 'needed' | 'allowed';
  readonly hasVersion: boolean;
}

const read = { needs: [], may: [], answers: ['ok', 'not-found'], value: 'needed', hasVersion: true } as const;
const addition = {
  needs: ['value'],
  may: ['when', 'version'],
  whens: ['always', 'present'],
  answers: ['ok', 'not-found', 'version-mismatch'],
  hasVersion: true,
} as const;
const count = {
  needs: ['by'],
  may: ['initial', 'ttlMs', 'version'],
  answers: ['ok', 'not-found', 'version-mismatch', 'not-a-number'],
  value: 'allowed',
  hasVersion: true,
} as const;

const shapes: Record<OperationKind, Shape> = {
  put: { needs: ['value'], may: [], answers: ['ok'], hasVersion: false },
  append: addition,
  prepend: addition,
  get: read,
  getm: read,
  set: {
    needs: ['value'],
    may: ['ttlMs', 'when'],
    whens: conditions,
    answers: ['ok', 'exists', 'not-found'],
    hasVersion: true,
  },
  cas: {
    needs: ['value', 'version'],
    may: ['ttlMs'],
    answers: ['ok', 'not-found', 'version-mismatch'],
    hasVersion: true,
  },
  delete: { needs: [], may: ['version'], answers: ['ok', 'not-found', 'version-mismatch'], hasVersion: true },
  increment: count,
  decrement: count,
  touch: { needs: [], may: ['ttlMs'], answers: ['ok', 'not-found'], value: 'allowed', hasVersion: true },
  'put-hash': { needs: ['value'], may: [], answers: ['ok'], value: 'allowed', hasVersion: true },
  check: {
    needs: [],
    may: ['version', 'when'],
    whens: ['absent'],
    answers: ['ok', 'not-found', 'version-mismatch', 'exists'],
    hasVersion: true,
  },
  batch: { needs: ['ops'], may: [], answers: ['ok', 'not-applied'], hasVersion: false },
};

const kinds = Object.keys(operationKinds) as OperationKind[];
const batchKinds = kinds.filter((kind) => !['put', 'get', 'getm', 'batch'].includes(kind));
const BATCH_OPS_MAX = 1_000;

export const readKind = (fields: Fields, allowed: readonly OperationKind[] = kinds): OperationKind =>
  asOneOf(fields['kind'], allowed, 'kind');

/** The fields of an operation of this kind beside those that all have. */
export const fieldsOf = (kind: OperationKind): readonly string[] => [
  ...shapes[kind].needs,
  ...shapes[kind].may,
];

/** What was asked, apart from the key. */
export function readInvocation(kind: OperationKind, fields: Fields): KeyInvocation {
  const { needs, may, whens = [] } = shapes[kind];
  for (const name of needs) if (fields[name] === undefined) throw new Error(`a ${kind} needs "${name}"`);
  const has = (name: keyof KeyInvocation): boolean => needs.includes(name) || may.includes(name);
  if (kind === 'check' && (fields['version'] === undefined) === (fields['when'] === undefined))
    throw new Error('a check needs either "version" or "when"');
  return {
    kind,
    ...optional('value', fields, (value) => asText(value, 'value')),
    ...(has('version') ? optional('version', fields, asVersion) : {}),
    ...optional('ttlMs', fields, (value) => asTime(value, 'ttlMs', 0)),
    ...optional('when', fields, (value) => asOneOf(value, whens, 'when')),
    ...optional('by', fields, (value) => asNumber(value, 'by')),
    ...optional('initial', fields, (value) => asNumber(value, 'initial')),
    ...optional('ops', fields, readOps),
  };
}

function readOps(value: unknown): KeyInvocation[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > BATCH_OPS_MAX)
    throw new Error(`"ops" must be a list of 1 to ${BATCH_OPS_MAX} operations`);
  return value.map((each: unknown) => {
    const fields = asObject(each, 'an operation of a batch');
    const kind = readKind(fields, batchKinds);
    allowFields(fields, ['kind', ...fieldsOf(kind)], `a ${kind} of a batch`);
    return readInvocation(kind, fields);
  });
}

const resultFields = ['status', 'value', 'version', 'ttlMs', 'results'];

export function readResult(asked: KeyInvocation, value: unknown, isPart = false): OperationResult {
  const { kind } = asked;
  const shape = shapes[kind];
  const fields = asObject(value ?? {}, '"result"');
  allowFields(fields, resultFields, '"result"');
  const status = asOneOf(fields['status'] ?? 'ok', resultStatuses, 'result.status');
  if (!mayAnswer(asked, status, isPart)) throw new Error(`this ${kind} cannot be answered "${status}"`);
  const isOk = status === 'ok';
  const result: OperationResult = {
    status,
    ...optional('value', fields, (value) => asText(value, 'result.value')),
    ...optional('version', fields, asVersion),
    ...optional('ttlMs', fields, (value) => asTime(value, 'result.ttlMs', 0)),
    ...optional('results', fields, (value) => readResults(asked, status, value)),
  };
  if (isOk && shape.value === 'needed' && result.value === undefined)
    throw new Error(`a ${kind} that is "ok" needs "result.value"`);
  if (result.value !== undefined && (!isOk || shape.value === undefined))
    throw new Error(`this ${kind} has no "result.value"`);
  if (kind === 'getm' && isOk && result.version === undefined)
    throw new Error('a getm needs "result.version"');
  if (result.ttlMs !== undefined && !(isOk && shape.value === 'needed'))
    throw new Error('"result.ttlMs" is for reads that are "ok"');
  const isAbsent = kind === 'check' && asked.when === 'absent';
  const tellsVersion = isOk
    ? shape.hasVersion && !isAbsent
    : status === 'version-mismatch' || status === 'exists';
  if (result.version !== undefined && !tellsVersion) throw new Error(`this ${kind} has no "result.version"`);
  if (status === 'not-applied' && !isPart && result.results === undefined)
    throw new Error('a batch that was not applied needs "result.results"');
  return result;
}

function mayAnswer(
  { kind, when, version, initial }: KeyInvocation,
  status: ResultStatus,
  isPart: boolean,
): boolean {
  if (isPart && status === 'not-applied') return true;
  if (!shapes[kind].answers.includes(status)) return false;
  switch (status) {
    case 'exists':
      return when === 'absent';
    case 'version-mismatch':
      return version !== undefined;
    case 'not-found':
      if (kind === 'increment' || kind === 'decrement') return initial === undefined;
      if (kind === 'check') return version !== undefined;
      return when === 'present' || !(kind === 'set' || kind === 'append' || kind === 'prepend');
    default:
      return true;
  }
}

function readResults(
  { kind, ops = [] }: KeyInvocation,
  status: ResultStatus,
  value: unknown,
): OperationResult[] {
  if (kind !== 'batch' || !Array.isArray(value) || value.length !== ops.length)
    throw new Error('"result.results" is a list with a result for each operation of a batch');
  const results = value.map((each: unknown, at) => readResult(ops[at] as KeyInvocation, each, true));
  const isFailure = (result: OperationResult, at: number): boolean =>
    result.status !== 'ok' && result.status !== 'not-applied' && !isIdle(ops[at] as KeyInvocation, result);
  const isOk = status === 'ok';
  if (
    results.some(isFailure) === isOk ||
    results.some((result) => result.status === (isOk ? 'not-applied' : 'ok'))
  )
    throw new Error(`the results do not fit a batch that is "${status}"`);
  return results;
}

/** That there is nothing to delete is no reason for a batch not to be done. */
const isIdle = ({ kind, version }: KeyInvocation, { status }: OperationResult): boolean =>
  kind === 'delete' && version === undefined && status === 'not-found';
