import type { ServerAddress } from './address.ts';

/** What a stream tells its owner. Never called inside `dial` or a method of the stream. */
export interface StreamHandler {
  /** The connection stands. Nothing is received before. */
  opened(): void;
  /** The next bytes; the buffer is the handler's from now on. */
  received(chunk: Buffer): void;
  /** The connection is gone, or could not be made; the last call. Null: the server ended it. */
  closed(error: Error | null): void;
}

/** A connection to a server, of bytes in both directions. */
export interface ClientStream {
  /** Bytes that are written before the connection stands are sent once it does. */
  write(bytes: Uint8Array): void;
  /** Gives the connection up at once; `closed` follows. */
  close(): void;
}

/** Starts to connect. Does not throw: what fails is told by `closed`. */
export type Dial = (address: ServerAddress, handler: StreamHandler) => ClientStream;
