import { KvraftError } from './errors.ts';

/** The one error of everything here that reads bytes from a socket: the connection they came from is to be closed. */
export const protocolError = (message: string, cause?: unknown): KvraftError =>
  new KvraftError('PROTOCOL', message, { cause });

/** Runs a decoder; the error of bytes that are none comes back as a value. Bugs are thrown on. */
export function decoded<T>(decode: () => T): T | KvraftError {
  try {
    return decode();
  } catch (error) {
    if (error instanceof KvraftError && error.code === 'PROTOCOL') return error;
    throw error;
  }
}
