/**
 * What the two ends of a connection over a message port say. The client answers chunks by how many bytes it has taken:
 * the server posts no more than its limit of what a client that is busy has not read. What a client asks for is
 * bounded by the client itself.
 */
export type PortMessage =
  | { readonly type: 'opened' }
  | { readonly type: 'chunk'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'taken'; readonly bytes: number }
  /** The server ends the connection; everything that it sent came before. */
  | { readonly type: 'end' };

/** A copy that may be handed over to another thread: the bytes may be a part of somebody's larger buffer. */
export const transferable = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);
