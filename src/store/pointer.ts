import { KvraftError } from '../base/errors.ts';
import { foreignFormat, STATE_FORMAT } from './position-record.ts';

/** The file that names the current state in its folder; replaced by a rename, so it is whole or absent. */
export const POINTER = 'CURRENT';

/** Its two lines: what this is, and the name of the state. */
export const pointerText = (name: string): string => `kvraft-state ${STATE_FORMAT}\n${name}\n`;

/** The name in a pointer; throws `STORE_DAMAGED` where it is none, or of another format. */
export function parsePointer(bytes: Uint8Array, where: string): string {
  const match = /^kvraft-state (\d{1,9})\n(.*)$/s.exec(Buffer.from(bytes).toString('latin1'));
  if (match === null) throw new KvraftError('STORE_DAMAGED', `${where} is no pointer to a state of kvraft`);
  const format = match[1] ?? '';
  if (Number(format) !== STATE_FORMAT) throw foreignFormat(where, format);
  const name = /^(state-\d{1,15})\n$/.exec(match[2] ?? '')?.[1];
  if (name === undefined) throw new KvraftError('STORE_DAMAGED', `${where} names no state`);
  return name;
}
