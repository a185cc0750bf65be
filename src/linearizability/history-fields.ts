import { isWellFormed, textOfBytes, type Text } from './text.ts';

/** A JSON object whose fields are not checked yet. */
export type Fields = Record<string, unknown>;

/** The field under its own name, read by `read`, or nothing if it is absent. */
export function optional<Name extends string, Value>(
  name: Name,
  fields: Fields,
  read: (value: unknown) => Value,
): { [name in Name]?: Value } {
  const value = fields[name];
  return value === undefined ? {} : ({ [name]: read(value) } as { [name in Name]?: Value });
}

export function allowFields(fields: Fields, names: readonly string[], where: string): void {
  for (const name of Object.keys(fields)) {
    if (!names.includes(name)) throw new Error(`${where} has no field ${JSON.stringify(name)}`);
  }
}

export function asObject(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${where} must be an object`);
  return value as Fields;
}

export function asOneOf<Value extends string>(
  value: unknown,
  allowed: readonly Value[],
  name: string,
): Value {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new Error(`"${name}" must be one of ${allowed.join(', ')}`);
  return found;
}

/** Milliseconds; finite and not below `least`. */
export function asTime(value: unknown, name: string, least: number): number {
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new Error(`"${name}" must be a number of milliseconds`);
  if (value < least) throw new Error(`"${name}" must not be less than ${least}`);
  return value;
}

export function asVersion(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    throw new Error('a version must be a whole number from 1 to 2^53 - 1');
  }
  return value;
}

/** A whole number from 0 to 2^64 - 1, given as a number or in decimal. */
export function asNumber(value: unknown, name: string): Text {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== 'string' || !/^(0|[1-9]\d{0,19})$/.test(text) || BigInt(text) >= 2n ** 64n)
    throw new Error(`"${name}" must be a whole number from 0 to 2^64 - 1`);
  return text;
}

export function asClient(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  throw new Error('"client" must be a name or a whole number');
}

export function asText(value: unknown, name: string): Text {
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
