import { randomInt } from 'node:crypto';
import { nodeClock } from '../base/node-clock.ts';
import { createPrng } from '../base/prng.ts';
import type { Client } from './client.ts';
import { openClient } from './open-client.ts';
import type { ConnectOptions } from './options.ts';
import { tcpDial } from './tcp-dial.ts';

/**
 * Connects to a cluster. Resolves once a server has answered. Rejects with `INVALID_ARGUMENT`; with `UNREACHABLE` when
 * none answers within `connectTimeout`; at once with `WRONG_CLUSTER`, `UNSUPPORTED_VERSION` or `PROTOCOL` when what
 * answers at all addresses is another cluster, another version, or no kvraft at all; with `ABORTED`.
 */
export const connect = (options: ConnectOptions): Promise<Client> =>
  openClient(options, { clock: nodeClock, prng: createPrng(randomInt(2 ** 48 - 1)), dial: tcpDial });
