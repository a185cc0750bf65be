import { KvraftError, messageOf } from '../../base/errors.ts';
import type { BatchOperation } from '../../client/index.ts';

type Fields = Readonly<Record<string, unknown>>;

const KNOWN = new Set(['op', 'key', 'keyBase64', 'value', 'valueBase64', 'ttl', 'version']);

/**
 * The operation that a line of a file asks for: `{"key": "k", "value": "v"}`, as `kvraft export` writes it. `op` may be
 * `put` (the default), `append` or `delete`, `ttl` milliseconds; bytes that are no text stand in base64 under
 * `keyBase64` and `valueBase64`. `version` says nothing here. Throws `INVALID_ARGUMENT`.
 */
export function parseOperation(line: string): BatchOperation {
  const fields = parseObject(line);
  for (const name of Object.keys(fields)) {
    if (!KNOWN.has(name)) throw invalid(`"${name}" is not a known name`);
  }
  const { op = 'put', ttl } = fields;
  const key = bytes(fields, 'key');
  if (ttl !== undefined && (op !== 'put' || !Number.isSafeInteger(ttl) || (ttl as number) < 1)) {
    throw invalid('"ttl" is for puts, and a whole number of milliseconds from 1 on');
  }
  switch (op) {
    case 'put':
      return { op, key, value: bytes(fields, 'value'), ...(ttl === undefined ? {} : { ttl: ttl as number }) };
    case 'append':
      return { op, key, value: bytes(fields, 'value') };
    case 'delete':
      return { op, key };
    default:
      throw invalid('"op" is none of put, append, delete');
  }
}

function parseObject(line: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw invalid(`not JSON: ${messageOf(cause)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('not an object { … }');
  return value as Fields;
}

function bytes(fields: Fields, name: string): string | Buffer {
  const text = fields[name];
  const base64 = fields[`${name}Base64`];
  if ((text === undefined) === (base64 === undefined)) {
    throw invalid(`needs either "${name}" or "${name}Base64"`);
  }
  if (typeof text === 'string') return text;
  if (typeof base64 === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(base64))
    return Buffer.from(base64, 'base64');
  throw invalid(text === undefined ? `"${name}Base64" is not base64` : `"${name}" is not a text in quotes`);
}

const invalid = (message: string): KvraftError => new KvraftError('INVALID_ARGUMENT', message);
