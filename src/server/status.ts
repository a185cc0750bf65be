/** One port for clients. */
export interface ListenerStatus {
  /** The text protocol's dialect, or another protocol: what `listen` calls it. */
  readonly name: string;
  readonly port: number;
  readonly connections: number;
}

/** What a server tells of itself when asked. Indexes are of log entries; ids are those of the configuration. */
export interface ServerStatus {
  readonly id: number;
  readonly role: string;
  readonly term: number;
  /** null while no leader is known. */
  readonly leaderId: number | null;
  readonly commitIndex: number;
  readonly lastApplied: number;
  readonly keys: number;
  readonly pid: number;
  readonly clusterId: string;
  /** Digest of the state at `lastApplied`: servers that stand at the same index show the same. */
  readonly stateHash: string;
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  /** All members: 65536 × how often the server was rebuilt + its id. */
  readonly members: readonly number[];
  readonly version: number;
  readonly logBytes: number;
  readonly walBytesOnDisk: number;
  readonly unflushedBytes: number;
  /** Of clients, on all listeners. */
  readonly connections: number;
  readonly listeners: readonly ListenerStatus[];
  readonly rssBytes: number;
  readonly uptimeMs: number;
}
