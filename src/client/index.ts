/** The typed client of a kvraft cluster. */
export { KvraftError, type ErrorCode, type Outcome } from '../base/errors.ts';
export type { ServerAddress } from './address.ts';
export type * from './client.ts';
export { connect } from './connect.ts';
export type * from './coordination.ts';
export type { Entry } from './entry.ts';
export type * from './options.ts';
