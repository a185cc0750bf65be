import type { FuzzProtocol } from './fuzz.ts';
import { memcachedProtocol } from './memcached.ts';
import { textProtocol } from './text.ts';
import { textSocketsProtocol } from './text-sockets.ts';

/** All that can be fuzzed. */
export const protocols: readonly FuzzProtocol[] = [memcachedProtocol, textProtocol, textSocketsProtocol];
