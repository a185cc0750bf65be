/**
 * What a client asks. A request is an array of a type, an id that the client chose, and the fields of the type.
 * `docs/rpc-protocol.md` says what they mean. Bytes of a decoded request alias its frame.
 */
import { Fields } from '../base/fields.ts';
import { packFrame } from '../base/frame.ts';
import { unpack } from '../base/msgpack.ts';
import { decoded, protocolError } from '../base/protocol-error.ts';
import type { Fence } from '../kv/commands.ts';
import { encodeKey, isUint } from '../kv/fields.ts';
import { decodeOp, encodeOp, type Op } from '../kv/ops.ts';

export type { Fence } from '../kv/commands.ts';
export type { Op } from '../kv/ops.ts';
export { prefixEnd } from '../kv/range.ts';

export interface BatchRequest {
  readonly type: 'batch';
  readonly session: number;
  readonly number: number;
  readonly lowest: number;
  readonly atomic: boolean;
  readonly ops: readonly Op[];
  readonly fence: Fence | null;
}

/** Keys are bytes, one per character. */
export interface GetRequest {
  readonly type: 'get';
  readonly stale: boolean;
  readonly keys: readonly string[];
}

export interface RangeRequest {
  readonly type: 'range';
  readonly stale: boolean;
  readonly start: string;
  /** The first key behind the range; null: none. */
  readonly end: string | null;
  readonly reverse: boolean;
  readonly entriesMax: number;
}

export interface WatchRequest {
  readonly type: 'watch';
  readonly prefix: string;
  /** The first version of interest; 0: of the next change. */
  readonly from: number;
}

export type RpcRequest =
  | { readonly type: 'register' }
  | { readonly type: 'keep-alive'; readonly session: number }
  | { readonly type: 'end-session'; readonly session: number }
  | BatchRequest
  | GetRequest
  | RangeRequest
  | { readonly type: 'range-next'; readonly range: number; readonly entriesMax: number }
  | { readonly type: 'range-close'; readonly range: number }
  | WatchRequest
  | { readonly type: 'status' }
  | { readonly type: 'ping' }
  /** Has no reply of its own; the request that it names is answered with `ABORTED`, unless it was answered before. */
  | { readonly type: 'cancel' };

export type RpcRequestType = RpcRequest['type'];

interface Codec<R> {
  /** Never given to another type. */
  readonly code: number;
  encode(request: R): unknown[];
  /** Throws `PROTOCOL`. */
  decode(fields: Fields): R;
}

const bytesOf = (fields: Fields): string => Buffer.from(fields.bytes()).toString('latin1');

const codecs: { readonly [Type in RpcRequestType]: Codec<Extract<RpcRequest, { type: Type }>> } = {
  register: { code: 1, encode: () => [], decode: () => ({ type: 'register' }) },
  'keep-alive': {
    code: 2,
    encode: ({ session }) => [session],
    decode: (fields) => ({ type: 'keep-alive', session: fields.uint() }),
  },
  'end-session': {
    code: 3,
    encode: ({ session }) => [session],
    decode: (fields) => ({ type: 'end-session', session: fields.uint() }),
  },
  batch: {
    code: 4,
    encode: ({ session, number, lowest, atomic, ops, fence }) => [
      session,
      number,
      lowest,
      atomic,
      ops.map(encodeOp),
      fence === null ? null : [encodeKey(fence.lock), fence.token],
    ],
    decode: (fields) => ({
      type: 'batch',
      session: fields.uint(),
      number: fields.uint(),
      lowest: fields.uint(),
      atomic: fields.bool(),
      ops: fields.list().map(opOf),
      fence: fields.optional(() => fenceOf(fields.list())),
    }),
  },
  get: {
    code: 5,
    encode: ({ stale, keys }) => [stale, keys.map(encodeKey)],
    decode(fields) {
      const stale = fields.bool();
      const list = fields.list();
      const keys = new Fields(list, 'keys');
      return { type: 'get', stale, keys: list.map(() => bytesOf(keys)) };
    },
  },
  range: {
    code: 6,
    encode: ({ stale, start, end, reverse, entriesMax }) => [
      stale,
      encodeKey(start),
      end === null ? null : encodeKey(end),
      reverse,
      entriesMax,
    ],
    decode: (fields) => ({
      type: 'range',
      stale: fields.bool(),
      start: bytesOf(fields),
      end: fields.optional(() => bytesOf(fields)),
      reverse: fields.bool(),
      entriesMax: fields.uint(),
    }),
  },
  'range-next': {
    code: 7,
    encode: ({ range, entriesMax }) => [range, entriesMax],
    decode: (fields) => ({ type: 'range-next', range: fields.uint(), entriesMax: fields.uint() }),
  },
  'range-close': {
    code: 8,
    encode: ({ range }) => [range],
    decode: (fields) => ({ type: 'range-close', range: fields.uint() }),
  },
  watch: {
    code: 9,
    encode: ({ prefix, from }) => [encodeKey(prefix), from],
    decode: (fields) => ({ type: 'watch', prefix: bytesOf(fields), from: fields.uint() }),
  },
  status: { code: 10, encode: () => [], decode: () => ({ type: 'status' }) },
  ping: { code: 11, encode: () => [], decode: () => ({ type: 'ping' }) },
  cancel: { code: 12, encode: () => [], decode: () => ({ type: 'cancel' }) },
};

/** Operations from 20 on are what other protocols ask of keys. */
const OP_CODE_MAX = 13;

function opOf(encoded: unknown): Op {
  if (Array.isArray(encoded) && Number(encoded[0]) > OP_CODE_MAX)
    throw protocolError('an operation that is none');
  const op = decodeOp(Array.isArray(encoded) ? withBigints(encoded) : encoded);
  if (op === null) throw protocolError('an operation that is none');
  return op;
}

const INCREMENT_CODE = 6;

/** Numbers of an increment have 64 bits in the log; here they come as any other number. */
function withBigints(fields: readonly unknown[]): readonly unknown[] {
  if (fields[0] !== INCREMENT_CODE) return fields;
  return fields.map((field, at) => ((at === 2 || at === 4) && isUint(field) ? BigInt(field) : field));
}

function fenceOf(list: readonly unknown[]): Fence {
  const fields = new Fields(list, 'fence');
  const fence = { lock: bytesOf(fields), token: fields.uint() };
  fields.end();
  return fence;
}

const byCode = new Map<number, Codec<RpcRequest>>(
  Object.values(codecs).map((codec) => [codec.code, codec as unknown as Codec<RpcRequest>]),
);

export function encodeRequest(id: number, request: RpcRequest): Buffer {
  const codec = codecs[request.type] as unknown as Codec<RpcRequest>;
  return packFrame([codec.code, id, ...codec.encode(request)]);
}

/** A request, or what is wrong with one whose id could be read. */
export type DecodedRequest =
  | { readonly id: number; readonly request: RpcRequest }
  | { readonly id: number; readonly request: null; readonly fault: string };

/** Throws `PROTOCOL` where the frame holds no request at all. */
export function decodeRequest(payload: Buffer): DecodedRequest {
  const fields = new Fields(unpack(payload), 'request');
  const code = fields.uint();
  const id = fields.uint();
  const codec = byCode.get(code);
  if (id === 0) throw protocolError('the ids of requests begin at 1');
  if (codec === undefined) return { id, request: null, fault: `there is no request of type ${code}` };
  const request = decoded(() => {
    const request = codec.decode(fields);
    fields.end();
    return request;
  });
  return request instanceof Error ? { id, request: null, fault: request.message } : { id, request };
}
