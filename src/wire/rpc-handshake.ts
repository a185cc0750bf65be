/**
 * How a connection begins: the client sends the preamble and a hello, the server answers with a welcome or a
 * refusal. Of every version of the protocol the preamble, and the first two fields of the messages here, are the same.
 */
import { Fields } from '../base/fields.ts';
import { packFrame } from '../base/frame.ts';
import { unpack } from '../base/msgpack.ts';
import { protocolError } from '../base/protocol-error.ts';
import { limits } from '../base/limits.ts';
import { rpcLimits } from './rpc-limits.ts';

/** No request of a text protocol begins with its first byte, which is no byte of UTF-8 either. */
export const RPC_PREAMBLE: Buffer = Buffer.of(0xff, 0x4b, 0x56, 0x43);
export const RPC_VERSION = 1;

const KIND = { hello: 1, welcome: 2, refusal: 3 } as const;

export interface RpcHello {
  readonly version: number;
  /** Bits of what the client can do besides; none is defined yet. */
  readonly features: number;
  /** The cluster that the client means, empty for any. */
  readonly clusterId: string;
}

export interface RpcServerAddress {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

export interface RpcWelcome {
  readonly features: number;
  readonly clusterId: string;
  readonly serverId: number;
  /** Null while none is known. */
  readonly leaderId: number | null;
  /** All servers, this one included. */
  readonly servers: readonly RpcServerAddress[];
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
}

export interface RpcRefusal {
  readonly code: string;
  readonly message: string;
  /** Whether this server may take the client later. */
  readonly retryable: boolean;
}

export type RpcAnswer =
  | { readonly kind: 'welcome'; readonly welcome: RpcWelcome }
  | { readonly kind: 'refusal'; readonly refusal: RpcRefusal }
  /** Of a server that speaks another version only. */
  | { readonly kind: 'other-version'; readonly version: number };

export const encodeHello = ({ version, features, clusterId }: RpcHello): Buffer =>
  packFrame([KIND.hello, version, features, clusterId]);

/** Throws `PROTOCOL`. Of another version nothing but the version is read. */
export function decodeHello(payload: Buffer): RpcHello {
  const fields = new Fields(unpack(payload), 'hello');
  if (fields.uint() !== KIND.hello) throw protocolError('a connection begins with a hello');
  const version = fields.uint();
  if (version !== RPC_VERSION) return { version, features: 0, clusterId: '' };
  const hello = { version, features: fields.uint(), clusterId: fields.hex(0, 32) };
  fields.end();
  return hello;
}

export const encodeWelcome = (welcome: RpcWelcome): Buffer =>
  packFrame([
    KIND.welcome,
    RPC_VERSION,
    welcome.features,
    welcome.clusterId,
    welcome.serverId,
    welcome.leaderId,
    serverFields(welcome.servers),
    welcome.keyBytesMax,
    welcome.valueBytesMax,
  ]);

export const encodeRefusal = ({ code, message, retryable }: RpcRefusal): Buffer =>
  packFrame([KIND.refusal, RPC_VERSION, code, message.slice(0, rpcLimits.messageCharsMax), retryable]);

/** Throws `PROTOCOL`. */
export function decodeAnswer(payload: Buffer): RpcAnswer {
  const fields = new Fields(unpack(payload), 'answer');
  const kind = fields.uint();
  const version = fields.uint();
  if (kind !== KIND.welcome && kind !== KIND.refusal) throw protocolError('no answer to a hello');
  if (version !== RPC_VERSION) return { kind: 'other-version', version };
  return kind === KIND.welcome
    ? { kind: 'welcome', welcome: parseWelcome(fields) }
    : { kind: 'refusal', refusal: parseRefusal(fields) };
}

function parseWelcome(fields: Fields): RpcWelcome {
  const welcome = {
    features: fields.uint(),
    clusterId: fields.hex(32),
    serverId: fields.uint(),
    leaderId: fields.optional(() => fields.uint()),
    servers: parseServers(fields.list()),
    keyBytesMax: fields.uint(),
    valueBytesMax: fields.uint(),
  };
  fields.end();
  return welcome;
}

function parseRefusal(fields: Fields): RpcRefusal {
  const code = fields.text(64);
  const message = fields.text(rpcLimits.messageCharsMax);
  const refusal = { code, message, retryable: fields.bool() };
  fields.end();
  return refusal;
}

export const serverFields = (servers: readonly RpcServerAddress[]): unknown[] =>
  servers.map(({ id, host, port }) => [id, host, port]);

export function parseServers(list: readonly unknown[]): RpcServerAddress[] {
  if (list.length > 2 * limits.serversMax) throw protocolError('more servers than a cluster has');
  return list.map((row) => {
    const fields = new Fields(row, 'server');
    const server = { id: fields.uint(), host: fields.text(rpcLimits.hostCharsMax), port: fields.uint() };
    fields.end();
    if (server.port < 1 || server.port > 65_535) throw protocolError('a server without a port');
    return server;
  });
}
