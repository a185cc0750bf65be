/** Requests as they go over the wire; keys and texts are one byte a character. */

type Value = string | Buffer;

export interface StoreOptions {
  /** Seconds; 0, the default: does not expire. */
  readonly exptimeS?: number;
  readonly noreply?: boolean;
}

export const setRequest = (key: string, value: Value, { exptimeS = 0, noreply }: StoreOptions = {}): Buffer =>
  withValue(`set ${key} ${exptimeS}`, value, noreply);

export const casRequest = (
  key: string,
  version: bigint,
  value: Value,
  { exptimeS = 0, noreply }: StoreOptions = {},
): Buffer => withValue(`cas ${key} ${exptimeS} ${version}`, value, noreply);

export const getRequest = (key: string): Buffer => line(`get ${key}`);
export const getmRequest = (key: string): Buffer => line(`getm ${key}`);
export const deleteRequest = (key: string): Buffer => line(`delete ${key}`);

function withValue(head: string, value: Value, noreply = false): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  return Buffer.concat([line(`${head} ${bytes.length}${noreply ? ' noreply' : ''}`), bytes, line('')]);
}

const line = (text: string): Buffer => Buffer.from(`${text}\r\n`, 'latin1');
