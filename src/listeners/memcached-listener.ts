import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { memcachedLimits } from '../wire/memcached-requests.ts';
import type { Admission } from './admission.ts';
import type { KvService } from './kv-service.ts';
import type { Listener } from './listener.ts';
import { MemcachedConnection, type MemcachedConnectionSetup } from './memcached-connection.ts';
import { MemcachedStats, type MemcachedFacts } from './memcached-stats.ts';
import { defaultInFlightBytesMax, defaultUnsentBytesMax } from './request-connection.ts';
import { SocketListener } from './socket-listener.ts';

export interface MemcachedListenerOptions {
  readonly service: KvService;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Shared by all listeners of the server. */
  readonly admission: Admission;
  /** 0: any free one. */
  readonly port: number;
  /** The address to listen at; all of the machine's when left out. */
  readonly host?: string;
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  /** How long a request may take before it is answered with an error. */
  readonly requestTimeoutMs: number;
  readonly facts: MemcachedFacts;
}

/** Serves memcached's text protocol on one port. */
export function memcachedListener(options: MemcachedListenerOptions): Listener {
  const { service, clock, logger, admission, port, host } = options;
  const { keyBytesMax, valueBytesMax, requestTimeoutMs } = options;
  const setup: MemcachedConnectionSetup = {
    service,
    clock,
    admission,
    requestTimeoutMs,
    requestLimits: { ...memcachedLimits, keyBytesMax, valueBytesMax },
    stats: new MemcachedStats(options.facts),
    inFlightBytesMax: defaultInFlightBytesMax,
    unsentBytesMax: defaultUnsentBytesMax,
  };
  return new SocketListener({
    clock,
    logger,
    admission,
    port,
    ...(host === undefined ? {} : { host }),
    connect: (stream) => new MemcachedConnection(setup, stream),
    refusal: Buffer.from('ERROR Too many open connections\r\n', 'latin1'),
  });
}
