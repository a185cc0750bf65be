import { KvraftError, messageOf } from '../base/errors.ts';
import {
  allowFields,
  asClient,
  asObject,
  asOneOf,
  asText,
  asTime,
  optional,
  type Fields,
} from './history-fields.ts';
import { fieldsOf, readInvocation, readKind, readResult } from './history-shapes.ts';
import {
  modelNames,
  outcomes,
  versionScopes,
  type History,
  type HistoryHeader,
  type KeyInvocation,
  type Operation,
  type OperationResult,
} from './history.ts';
import { bytesOfText, isRaw, type Text } from './text.ts';

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

const headerFields = ['format', 'formatVersion', 'model', 'clockToleranceMs', 'versionScope', 'note'];
const commonFields = ['client', 'kind', 'key', 'callMs', 'returnMs', 'outcome', 'result', 'note'];

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
  const kind = readKind(fields);
  allowFields(fields, [...commonFields, ...fieldsOf(kind)], `a ${kind}`);
  const callMs = asTime(fields['callMs'], 'callMs', -Infinity);
  const outcome = asOneOf(fields['outcome'], outcomes, 'outcome');
  const returned = fields['returnMs'] ?? null;
  if (returned === null && outcome === 'ok') throw new Error('an operation that is "ok" needs "returnMs"');
  if (outcome !== 'ok' && fields['result'] !== undefined)
    throw new Error('only an "ok" operation has a "result"');
  const operation: Operation = {
    client: asClient(fields['client']),
    key: asText(fields['key'], 'key'),
    ...readInvocation(kind, fields),
    callMs,
    returnMs: returned === null ? null : asTime(returned, 'returnMs', callMs),
    outcome,
  };
  return outcome === 'ok' ? { ...operation, result: readResult(operation, fields['result']) } : operation;
}

const writeText = (text: Text): unknown =>
  isRaw(text) ? { base64: bytesOfText(text).toString('base64') } : text;

function writeHeader(header: HistoryHeader): Fields {
  return { format: HISTORY_FORMAT, formatVersion: HISTORY_FORMAT_VERSION, ...header };
}

function writeOperation(operation: Operation): Fields {
  const { client, key, callMs, returnMs, outcome, result, ...invocation } = operation;
  return {
    client,
    ...writeInvocation({ key, ...invocation }),
    callMs,
    returnMs: returnMs ?? undefined,
    outcome,
    result: result && writeResult(result),
  };
}

function writeInvocation(invocation: KeyInvocation & { readonly key?: Text }): Fields {
  const { kind, key, value, ops, ...rest } = invocation;
  return {
    kind,
    key: key === undefined ? undefined : writeText(key),
    value: value === undefined ? undefined : writeText(value),
    ...rest,
    ops: ops?.map(writeInvocation),
  };
}

function writeResult({ value, results, ...rest }: OperationResult): Fields {
  return {
    ...rest,
    value: value === undefined ? undefined : writeText(value),
    results: results?.map(writeResult),
  };
}
