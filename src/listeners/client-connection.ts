import type { AdmittedConnection } from './admission.ts';

/** The two directions of a connection, as its logic sees them. None of these calls back before it returns. */
export interface ConnectionStream {
  /** What was written and has not been handed to the network yet. */
  readonly unsentBytes: number;
  write(bytes: Uint8Array): void;
  /** Nothing more is received until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends the connection once everything written is sent. Nothing is written after this. */
  end(): void;
  /** Drops the connection at once. */
  destroy(): void;
}

/**
 * The logic of one client's connection, without a socket. Its listener has joined it to the admission, and tells it
 * what happens.
 */
export interface ClientConnection extends AdmittedConnection {
  /** The next piece of the client's input; the buffer is the connection's from now on. */
  received(chunk: Buffer): void;
  /** The client sends nothing more, but may still read. */
  ended(): void;
  /** Some of what was written has left. */
  drained(): void;
  /** The connection is no more. */
  closed(): void;
  /** The server is about to stop: answers what was received, then ends the connection. */
  stop(): void;
}
