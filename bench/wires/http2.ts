/** The parts of HTTP/2 (RFC 9113) and HPACK (RFC 7541) that a client of one fixed request needs. */
export const FRAME_HEADER_BYTES = 9;
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** What either side may send before it is told more. */
export const INITIAL_WINDOW_BYTES = 65_535;
export const WINDOW_BYTES_MAX = 2 ** 31 - 1;
/** Largest frame without further agreement. */
export const FRAME_BYTES_MAX = 16_384;

export const frameTypes = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;
export const frameFlags = { ack: 1, endStream: 1, endHeaders: 4 } as const;
export const settings = { initialWindowSize: 4 } as const;

export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_HEADER_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function windowUpdate(stream: number, increment: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment);
  return frame(frameTypes.windowUpdate, 0, stream, payload);
}

export function settingsFrame(entries: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(entries.length * 6);
  for (const [i, [id, value]] of entries.entries()) {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  }
  return frame(frameTypes.settings, 0, 0, payload);
}

const short = (text: string): Buffer => Buffer.from([text.length, ...Buffer.from(text, 'latin1')]);

/**
 * The header fields of a gRPC request: in full the first time, which puts them into the server's dynamic table, and by
 * their places in it from then on. No field is longer than 126 bytes.
 */
export function grpcHeaders(path: string, authority: string): { first: Buffer; later: Buffer } {
  const methodPost = 0x83;
  const schemeHttp = 0x86;
  // Literals with incremental indexing, whose names are in the static table: 4 :path, 1 :authority, 31 content-type.
  const first = Buffer.concat([
    Buffer.from([methodPost, schemeHttp, 0x44]),
    short(path),
    Buffer.from([0x41]),
    short(authority),
    Buffer.from([0x5f]),
    short('application/grpc'),
    Buffer.from([0x40]),
    short('te'),
    short('trailers'),
  ]);
  // The newest entry of the dynamic table stands at 62.
  return { first, later: Buffer.from([methodPost, schemeHttp, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62]) };
}
