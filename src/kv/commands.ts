import { Packr } from 'msgpackr/pack';
import type { Op } from './ops.ts';
import { encodeOp, decodeOp, isKeyOp } from './ops.ts';
import { decodeKey, encodeKey, isUint } from './fields.ts';
import { decodePlainBatch, encodePlainBatch, PLAIN_BATCH } from './plain-batch.ts';

/** A lock, and the version that its key got when it was acquired. */
export interface Fence {
  readonly lock: string;
  readonly token: number;
}

/** Operations of a session, executed at most once per (session, number), as one. */
export interface BatchCommand {
  readonly command: 'batch';
  readonly session: number;
  /** From 1, never used for anything else. */
  readonly number: number;
  /** The lowest number that the client has no answer for, at most `number`: replies below are dropped. */
  readonly lowest: number;
  /**
   * Whether nothing is done unless every operation can be; all are operations on keys then. Otherwise each one stands
   * for itself, in order.
   */
  readonly atomic: boolean;
  readonly ops: readonly Op[];
  /** Nothing is done unless this lock is held under this token: every result is `fenced` then. */
  readonly fence?: Fence;
}

export type Command =
  | BatchCommand
  /** Makes a session. */
  | { readonly command: 'register' }
  /** Keeps a session from ending for want of use. */
  | { readonly command: 'keep-alive'; readonly session: number }
  | { readonly command: 'end-session'; readonly session: number }
  /** Drops what is due at the entry's stamp. */
  | { readonly command: 'expire' };

/** First element of an encoded command: in the log for good, so append only. */
const CODE = { batch: 1, register: 2, keepAlive: 3, endSession: 4, expire: 5 } as const;

/**
 * Commands other than plain batches are MessagePack arrays of numbers, booleans, byte strings and arrays, with a fixed
 * meaning for each place. Strings are left out on purpose: decoders disagree over invalid UTF-8, and two replicas must not.
 */
const packr = new Packr({ useRecords: false });

export function encodeCommand(command: Command): Uint8Array {
  switch (command.command) {
    case 'batch':
      return encodePlainBatch(command) ?? encodeBatch(command);
    case 'register':
      return packr.pack([CODE.register]);
    case 'keep-alive':
      return packr.pack([CODE.keepAlive, command.session]);
    case 'end-session':
      return packr.pack([CODE.endSession, command.session]);
    case 'expire':
      return packr.pack([CODE.expire]);
  }
}

function encodeBatch({ session, number, lowest, atomic, ops, fence }: BatchCommand): Uint8Array {
  const fields: unknown[] = [CODE.batch, session, number, lowest, atomic, ops.map(encodeOp)];
  if (fence !== undefined) fields.push(encodeKey(fence.lock), fence.token);
  return packr.pack(fields);
}

/** Null if the bytes are no command. Values in it alias `bytes`: what is kept must be copied. */
export function decodeCommand(bytes: Uint8Array): Command | null {
  if (bytes[0] === PLAIN_BATCH) return decodePlainBatch(bytes);
  let fields: unknown;
  try {
    fields = packr.unpack(bytes);
  } catch {
    // Cut or foreign bytes, or nested deeper than the stack: no command is.
    return null;
  }
  return Array.isArray(fields) ? parseCommand(fields) : null;
}

function parseCommand(fields: readonly unknown[]): Command | null {
  const session = fields[1];
  switch (fields[0]) {
    case CODE.batch:
      return parseBatch(fields);
    case CODE.register:
      return fields.length === 1 ? { command: 'register' } : null;
    case CODE.keepAlive:
      return fields.length === 2 && isUint(session) ? { command: 'keep-alive', session } : null;
    case CODE.endSession:
      return fields.length === 2 && isUint(session) ? { command: 'end-session', session } : null;
    case CODE.expire:
      return fields.length === 1 ? { command: 'expire' } : null;
    default:
      return null;
  }
}

function parseBatch(fields: readonly unknown[]): BatchCommand | null {
  const [, session, number, lowest, atomic, encodedOps] = fields;
  if (!isUint(session) || typeof atomic !== 'boolean') return null;
  if (!isUint(number) || !isUint(lowest) || lowest < 1 || lowest > number) return null;
  if (!Array.isArray(encodedOps)) return null;
  const ops: Op[] = [];
  for (const encoded of encodedOps) {
    const op = decodeOp(encoded);
    if (op === null) return null;
    ops.push(op);
  }
  if (atomic && !ops.every(isKeyOp)) return null;
  const batch = { command: 'batch', session, number, lowest, atomic, ops } as const;
  if (fields.length === 6) return batch;
  const lock = decodeKey(fields[6]);
  const token = fields[7];
  return lock !== null && isUint(token) && fields.length === 8 ? { ...batch, fence: { lock, token } } : null;
}
