import type { FuzzProtocol } from './fuzz.ts';
import { memcachedProtocol } from './memcached.ts';
import { rpcProtocol } from './rpc.ts';
import { textProtocol } from './text.ts';
import { textSocketsProtocol } from './text-sockets.ts';

/** All that can be fuzzed. */
export const protocols: readonly FuzzProtocol[] = [
  memcachedProtocol,
  rpcProtocol,
  textProtocol,
  textSocketsProtocol,
];
