import { KvraftError, messageOf } from '../base/errors.ts';
import type { History, HistoryHeader, Operation, OperationKind, OperationResult } from './history.ts';
import {
  modelNames,
  operationKinds,
  outcomes,
  resultStatuses,
  setConditions,
  versionScopes,
} from './history.ts';
import { bytesOfText, isRaw, isWellFormed, textOfBytes, type Text } from './text.ts';

/** The value of `format` in a history's header. */
export const HISTORY_FORMAT = 'kvraft-history';
export const HISTORY_FORMAT_VERSION = 1;

/** Reads a history line by line (docs/history-format.md). */
export class HistoryReader {
  readonly #operations: Operation[] = [];
  #header: HistoryHeader = {};
  #lineNumber = 0;
  #started = false;

  /** Takes the next line; throws `INVALID_ARGUMENT` with its number when it does not belong into a history. */
  line(text: string): void {
    this.#lineNumber++;
    if (text.trim() === '') return;
    try {
      const fields = parseObject(text);
      if (!this.#started && 'format' in fields) this.#header = readHeader(fields);
      else this.#operations.push(readOperation(fields));
      this.#started = true;
    } catch (error) {
      throw new KvraftError('INVALID_ARGUMENT', `line ${this.#lineNumber}: ${messageOf(error)}`);
    }
  }

  history(): History {
    return { header: this.#header, operations: this.#operations };
  }
}

/** Reads a whole file of JSON lines. Throws `INVALID_ARGUMENT` with the number of the line that is wrong. */
export function parseHistory(file: Uint8Array): History {
  const reader = new HistoryReader();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (let start = 0, number = 1; start < file.length; number++) {
    const newline = file.indexOf(10, start);
    const end = newline < 0 ? file.length : newline;
    let line: string;
    try {
      line = decoder.decode(file.subarray(start, end));
    } catch {
      throw new KvraftError('INVALID_ARGUMENT', `line ${number}: not UTF-8`);
    }
    reader.line(line);
    start = end + 1;
  }
  return reader.history();
}

/** The lines of a history, each with its line end: the header first, if there is anything to say in it. */
export function* formatHistory(history: History): Generator<string> {
  if (Object.keys(history.header).length > 0) yield `${JSON.stringify(writeHeader(history.header))}\n`;
  for (const operation of history.operations) yield `${JSON.stringify(writeOperation(operation))}\n`;
}

type Fields = Record<string, unknown>;

const headerFields = ['format', 'formatVersion', 'model', 'clockToleranceMs', 'versionScope', 'note'];
const resultFields = ['status', 'value', 'version', 'ttlMs'];
const commonFields = ['client', 'kind', 'key', 'callMs', 'returnMs', 'outcome', 'result', 'note'];

/** What a kind of operation says beside the fields that all have, and what it may be answered. */
const shapes: Record<
  OperationKind,
  { needs: string[]; may: string[]; answers: OperationResult['status'][] }
> = {
  put: { needs: ['value'], may: [], answers: ['ok'] },
  append: { needs: ['value'], may: [], answers: ['ok'] },
  get: { needs: [], may: [], answers: ['ok', 'not-found'] },
  getm: { needs: [], may: [], answers: ['ok', 'not-found'] },
  set: { needs: ['value'], may: ['ttlMs', 'when'], answers: ['ok', 'exists', 'not-found'] },
  cas: { needs: ['value', 'version'], may: ['ttlMs'], answers: ['ok', 'not-found', 'version-mismatch'] },
  delete: { needs: [], may: [], answers: ['ok', 'not-found'] },
};

function parseObject(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`not JSON: ${messageOf(error)}`, { cause: error });
  }
  return asObject(value, 'the line');
}

function readHeader(fields: Fields): HistoryHeader {
  allowFields(fields, headerFields, 'the header');
  if (fields['format'] !== HISTORY_FORMAT) throw new Error(`"format" must be "${HISTORY_FORMAT}"`);
  if (fields['formatVersion'] !== HISTORY_FORMAT_VERSION) {
    throw new Error(`"formatVersion" must be ${HISTORY_FORMAT_VERSION}, the only one that is known here`);
  }
  return {
    ...optional('model', fields, (value) => asOneOf(value, modelNames, 'model')),
    ...optional('clockToleranceMs', fields, (value) => asTime(value, 'clockToleranceMs', 0)),
    ...optional('versionScope', fields, (value) => asOneOf(value, versionScopes, 'versionScope')),
  };
}

function readOperation(fields: Fields): Operation {
  const kind = asOneOf(fields['kind'], Object.keys(operationKinds) as OperationKind[], 'kind');
  const { needs, may } = shapes[kind];
  allowFields(fields, [...commonFields, ...needs, ...may], `a ${kind}`);
  for (const name of needs) if (fields[name] === undefined) throw new Error(`a ${kind} needs "${name}"`);
  const callMs = asTime(fields['callMs'], 'callMs', -Infinity);
  const outcome = asOneOf(fields['outcome'], outcomes, 'outcome');
  const returned = fields['returnMs'] ?? null;
  if (returned === null && outcome === 'ok') throw new Error('an operation that is "ok" needs "returnMs"');
  if (outcome !== 'ok' && fields['result'] !== undefined)
    throw new Error('only an "ok" operation has a "result"');
  const operation: Operation = {
    client: asClient(fields['client']),
    kind,
    key: asText(fields['key'], 'key'),
    ...optional('value', fields, (value) => asText(value, 'value')),
    ...optional('version', fields, (value) => asVersion(value)),
    ...optional('ttlMs', fields, (value) => asTime(value, 'ttlMs', 0)),
    ...optional('when', fields, (value) => asOneOf(value, setConditions, 'when')),
    callMs,
    returnMs: returned === null ? null : asTime(returned, 'returnMs', callMs),
    outcome,
  };
  return outcome === 'ok' ? { ...operation, result: readResult(operation, fields['result']) } : operation;
}

function readResult(operation: Operation, value: unknown): OperationResult {
  const { kind } = operation;
  const fields = asObject(value ?? {}, '"result"');
  allowFields(fields, resultFields, '"result"');
  const status = asOneOf(fields['status'] ?? 'ok', resultStatuses, 'result.status');
  const fits =
    shapes[kind].answers.includes(status) &&
    (status !== 'exists' || operation.when === 'absent') &&
    (status !== 'not-found' || kind !== 'set' || operation.when === 'present');
  if (!fits) throw new Error(`this ${kind} cannot be answered "${status}"`);
  const result: OperationResult = {
    status,
    ...optional('value', fields, (value) => asText(value, 'result.value')),
    ...optional('version', fields, (value) => asVersion(value)),
    ...optional('ttlMs', fields, (value) => asTime(value, 'result.ttlMs', 0)),
  };
  const read = (kind === 'get' || kind === 'getm') && status === 'ok';
  if (read !== (result.value !== undefined)) {
    throw new Error(
      read ? `a ${kind} that is "ok" needs "result.value"` : `"result.value" is for reads that are "ok"`,
    );
  }
  if (kind === 'getm' && read && result.version === undefined)
    throw new Error('a getm needs "result.version"');
  if (result.ttlMs !== undefined && !read) throw new Error('"result.ttlMs" is for reads that are "ok"');
  const versioned =
    read || status === 'version-mismatch' || (status === 'ok' && (kind === 'set' || kind === 'cas'));
  if (result.version !== undefined && !versioned) throw new Error(`this ${kind} has no "result.version"`);
  return result;
}

/** The field under its own name, read by `read`, or nothing if it is absent. */
function optional<Name extends string, Value>(
  name: Name,
  fields: Fields,
  read: (value: unknown) => Value,
): { [name in Name]?: Value } {
  const value = fields[name];
  return value === undefined ? {} : ({ [name]: read(value) } as { [name in Name]?: Value });
}

function allowFields(fields: Fields, names: readonly string[], where: string): void {
  for (const name of Object.keys(fields)) {
    if (!names.includes(name)) throw new Error(`${where} has no field ${JSON.stringify(name)}`);
  }
}

function asObject(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${where} must be an object`);
  return value as Fields;
}

function asOneOf<Value extends string>(value: unknown, allowed: readonly Value[], name: string): Value {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new Error(`"${name}" must be one of ${allowed.join(', ')}`);
  return found;
}

/** Milliseconds; finite and not below `least`. */
function asTime(value: unknown, name: string, least: number): number {
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new Error(`"${name}" must be a number of milliseconds`);
  if (value < least) throw new Error(`"${name}" must not be less than ${least}`);
  return value;
}

function asVersion(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    throw new Error('a version must be a whole number from 1 to 2^53 - 1');
  }
  return value;
}

function asClient(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  throw new Error('"client" must be a name or a whole number');
}

function asText(value: unknown, name: string): Text {
  if (typeof value === 'string') {
    if (!isWellFormed(value))
      throw new Error(`"${name}" has a lone surrogate; give its bytes as {"base64": "…"}`);
    return value;
  }
  const fields = typeof value === 'object' && value !== null ? (value as Fields) : {};
  const base64 = fields['base64'];
  if (typeof base64 !== 'string' || Object.keys(fields).length !== 1) {
    throw new Error(`"${name}" must be a string or {"base64": "…"}`);
  }
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0)
    throw new Error(`"${name}" is not base64`);
  return textOfBytes(Buffer.from(base64, 'base64'));
}

const writeText = (text: Text): unknown =>
  isRaw(text) ? { base64: bytesOfText(text).toString('base64') } : text;

function writeHeader(header: HistoryHeader): Fields {
  return { format: HISTORY_FORMAT, formatVersion: HISTORY_FORMAT_VERSION, ...header };
}

function writeOperation(operation: Operation): Fields {
  const { client, kind, key, value, version, ttlMs, when, callMs, returnMs, outcome, result } = operation;
  return {
    client,
    kind,
    key: writeText(key),
    value: value === undefined ? undefined : writeText(value),
    version,
    ttlMs,
    when,
    callMs,
    returnMs: returnMs ?? undefined,
    outcome,
    result: result && { ...result, value: result.value === undefined ? undefined : writeText(result.value) },
  };
}
