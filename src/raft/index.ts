/** The Raft core as a library: consensus without I/O, clock or chance of its own. */
export { RawNode, type PeerProgress } from './raw-node.ts';
export type { Ready } from './ready.ts';
export type { InitialState, RaftConfig, Refusal } from './config.ts';
export { describeMessage, describeReady } from './describe.ts';
export * from './types.ts';
