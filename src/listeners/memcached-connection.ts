import { MemcachedParser } from '../wire/memcached-parser.ts';
import { MemcachedReplies } from '../wire/memcached-replies.ts';
import type { MemcachedLimits, MemcachedRequest } from '../wire/memcached-requests.ts';
import type { ConnectionStream } from './client-connection.ts';
import { MemcachedHandler } from './memcached-handler.ts';
import type { MemcachedStats } from './memcached-stats.ts';
import { RequestConnection, type RequestConnectionSetup } from './request-connection.ts';

/** What the connections of one listener have in common. */
export interface MemcachedConnectionSetup extends RequestConnectionSetup {
  readonly requestLimits: MemcachedLimits;
  readonly stats: MemcachedStats;
}

/** A connection that speaks memcached's text protocol. */
export class MemcachedConnection extends RequestConnection<MemcachedRequest, 'here'> {
  constructor(setup: MemcachedConnectionSetup, stream: ConnectionStream) {
    const replies = new MemcachedReplies();
    super(setup, stream, {
      parser: new MemcachedParser(setup.requestLimits),
      replies,
      handler: new MemcachedHandler(setup.service, setup.clock, replies, setup.stats),
    });
  }
}
