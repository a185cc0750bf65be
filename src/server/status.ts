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
  /** All members, and the earlier lives of rebuilt ones: 65536 × how often the server was rebuilt + its id. */
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
  /** What must happen before this server can serve, or before the next view; empty when nothing is in the way. */
  readonly waiting: string;
}

/** What a monitor tells of itself when asked. Ids are those of the configuration. */
export interface MonitorStatus {
  readonly id: number;
  /** In the Raft group of the monitors. */
  readonly role: string;
  readonly term: number;
  readonly leaderId: number | null;
  readonly commitIndex: number;
  readonly clusterId: string;
  /** All members of the group, and the earlier lives of rebuilt ones: 65536 × how often one was rebuilt + 64000 + its id. */
  readonly members: readonly number[];
  /** The number of the current view, 0 before the first. */
  readonly view: number;
  readonly primary: number | null;
  readonly backup: number | null;
  readonly acknowledged: boolean;
  readonly inSync: boolean;
  /** Why no view can follow, as the leading monitor knows it; empty when nothing is in the way. */
  readonly waiting: string;
  readonly pid: number;
  readonly uptimeMs: number;
}
