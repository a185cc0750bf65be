/** One port on which a server serves its clients, whatever it speaks there. */
export interface Listener {
  /** Connections of this listener. */
  readonly connections: number;
  /** Where it listens, once it does. */
  readonly port: number;
  /** Resolves once clients can connect. Rejects with INVALID_CONFIG if the port cannot be had. */
  start(): Promise<void>;
  /**
   * Takes no new connections and requests, answers the requests that were received, and calls back when all
   * connections are closed: within a bounded time, whatever clients do.
   */
  stop(done: () => void): void;
}
