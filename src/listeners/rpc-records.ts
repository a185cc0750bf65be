import type { RpcRecord } from '../wire/rpc-replies.ts';
import type { ReadRecord } from './kv-service.ts';

/** A record as it is sent: what has expired is gone, so what is there has time left. */
export const recordOf = ({ version, flags, value, expiresAtMs }: ReadRecord, stampMs: number): RpcRecord => ({
  version,
  flags,
  value,
  ttlMs: expiresAtMs === 0 ? 0 : Math.max(1, expiresAtMs - stampMs),
});
