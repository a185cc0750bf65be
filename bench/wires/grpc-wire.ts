import {
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  frame,
  frameFlags,
  frameTypes,
  grpcHeaders,
  INITIAL_WINDOW_BYTES,
  PREFACE,
  settings,
  settingsFrame,
  WINDOW_BYTES_MAX,
  windowUpdate,
} from './http2.ts';
import { field, FieldReader } from './protobuf.ts';
import {
  blankValue,
  KEY_BYTES,
  keyText,
  putKey,
  putStamp,
  type RequestShape,
  type Wire,
  type WireHandler,
} from './wire.ts';

const GRPC_HEAD_BYTES = 5;
/** How much is received before the server's window is opened again. */
const WINDOW_REFILL_BYTES = 2 ** 30;
/** Most bytes of acknowledgements that wait for a request to go with. */
const ACKNOWLEDGEMENTS_BYTES_MAX = 64;

/** etcd's RangeResponse: the list of key-values, and the value within one. */
const RANGE_KVS = 2;
const KEY_VALUE_VALUE = 5;

interface Call {
  readonly slot: number;
  answered: boolean;
}

/**
 * etcd's v3 API: gRPC over HTTP/2 written out by hand, as cheap as a line protocol. A request is two small frames from a
 * template; of a reply only the frame headers are read, and of a read the place of its value. A call failed if its
 * stream ended without a message, which is how gRPC servers tell errors.
 */
export class GrpcWire implements Wire {
  readonly #handler: WireHandler;
  readonly #isWrite: boolean;
  readonly #firstHeaders: Buffer;
  /** A whole request, with the short headers. */
  readonly #template: Buffer;
  readonly #bodyBytes: number;
  readonly #keyAt: number;
  readonly #valueAt: number;
  readonly #calls = new Map<number, Call>();
  readonly #reader = new FieldReader();
  #nextStream = 1;
  #sendWindow = INITIAL_WINDOW_BYTES;
  /** Whole requests that wait for the server to open its window. */
  readonly #held: Buffer[] = [];
  #unrefilled = 0;
  /**
   * What HTTP/2 wants to be acknowledged. etcd pings a connection nearly every time that it receives data, and a write of
   * its own for every answer would double those of this client.
   */
  #acknowledgements: Buffer[] = [];
  #carry: Buffer | null = null;

  constructor({ work, valueBytes }: RequestShape, handler: WireHandler) {
    this.#handler = handler;
    this.#isWrite = work === 'write';
    const { first, later } = grpcHeaders(`/etcdserverpb.KV/${this.#isWrite ? 'Put' : 'Range'}`, 'localhost');
    const key = field(1, Buffer.from(keyText(0)));
    const value = this.#isWrite ? field(2, Buffer.from(blankValue(valueBytes))) : Buffer.alloc(0);
    const head = Buffer.alloc(GRPC_HEAD_BYTES);
    head.writeUInt32BE(key.length + value.length, 1);
    const body = Buffer.concat([head, key, value]);
    if (body.length > FRAME_BYTES_MAX)
      throw new Error('a value must fit into one HTTP/2 frame, 16 KiB with its key');
    this.#firstHeaders = frame(frameTypes.headers, frameFlags.endHeaders, 1, first);
    const headers = frame(frameTypes.headers, frameFlags.endHeaders, 0, later);
    this.#template = Buffer.concat([headers, frame(frameTypes.data, frameFlags.endStream, 0, body)]);
    this.#bodyBytes = body.length;
    this.#keyAt = this.#template.length - value.length - KEY_BYTES;
    this.#valueAt = this.#isWrite ? this.#template.length - valueBytes : -1;
  }

  hello(): Buffer {
    return Buffer.concat([
      PREFACE,
      settingsFrame([[settings.initialWindowSize, WINDOW_REFILL_BYTES]]),
      windowUpdate(0, WINDOW_BYTES_MAX - INITIAL_WINDOW_BYTES),
    ]);
  }

  get requestBytesMax(): number {
    return this.#firstHeaders.length + this.#template.length + ACKNOWLEDGEMENTS_BYTES_MAX;
  }

  encode(out: Buffer, at: number, slot: number, key: number, number: number): number {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#calls.set(stream, { slot, answered: false });
    if (this.#bodyBytes > this.#sendWindow || this.#held.length > 0) {
      const held = Buffer.alloc(this.requestBytesMax);
      this.#held.push(held.subarray(0, this.#put(held, 0, stream, key, number)));
      return at;
    }
    this.#sendWindow -= this.#bodyBytes;
    return this.#put(out, this.#putAcknowledgements(out, at), stream, key, number);
  }

  #putAcknowledgements(out: Buffer, at: number): number {
    let end = at;
    for (const bytes of this.#acknowledgements) {
      out.set(bytes, end);
      end += bytes.length;
    }
    if (end > at) this.#acknowledgements = [];
    return end;
  }

  /** Goes with the next request, unless many wait already. */
  #acknowledge(type: number, payload: Buffer): void {
    this.#acknowledgements.push(frame(type, frameFlags.ack, 0, payload));
    const bytes = Buffer.concat(this.#acknowledgements);
    if (bytes.length <= ACKNOWLEDGEMENTS_BYTES_MAX) return;
    this.#acknowledgements = [];
    this.#handler.say(bytes);
  }

  #put(out: Buffer, at: number, stream: number, key: number, number: number): number {
    const template = this.#template;
    const shortBytes = template.length - this.#bodyBytes - FRAME_HEADER_BYTES;
    let start = at;
    if (stream === 1) {
      // The long headers take the place of the short ones.
      out.set(this.#firstHeaders, at);
      out.set(template.subarray(shortBytes), at + this.#firstHeaders.length);
      start += this.#firstHeaders.length - shortBytes;
    } else {
      out.set(template, at);
      out.writeUInt32BE(stream, at + 5);
    }
    out.writeUInt32BE(stream, start + shortBytes + 5);
    putKey(out, start + this.#keyAt, key);
    if (this.#valueAt >= 0) putStamp(out, start + this.#valueAt, key, number);
    return start + template.length;
  }

  receive(chunk: Buffer): void {
    const bytes = this.#carry === null ? chunk : Buffer.concat([this.#carry, chunk]);
    this.#carry = null;
    let at = 0;
    while (at + FRAME_HEADER_BYTES <= bytes.length) {
      const start = at + FRAME_HEADER_BYTES;
      const end = start + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      this.#frame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, bytes.readUInt32BE(at + 5), bytes, start, end);
      at = end;
    }
    if (at < bytes.length) this.#carry = Buffer.from(bytes.subarray(at));
  }

  #frame(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case frameTypes.data:
        return this.#data(stream, bytes, start, end);
      case frameTypes.headers:
        if ((flags & frameFlags.endStream) !== 0) this.#ended(stream);
        return;
      case frameTypes.resetStream:
        return this.#ended(stream);
      case frameTypes.settings:
        if ((flags & frameFlags.ack) === 0) this.#acknowledge(type, Buffer.alloc(0));
        return;
      case frameTypes.ping:
        if ((flags & frameFlags.ack) === 0) this.#acknowledge(type, Buffer.from(bytes.subarray(start, end)));
        return;
      case frameTypes.windowUpdate:
        if (stream === 0) this.#windowOpened(bytes.readUInt32BE(start));
        return;
      case frameTypes.goAway:
        throw new Error(`the server ends the connection: ${bytes.toString('latin1', start + 8, end)}`);
    }
  }

  #windowOpened(increment: number): void {
    this.#sendWindow += increment;
    while (this.#held.length > 0 && this.#bodyBytes <= this.#sendWindow) {
      this.#sendWindow -= this.#bodyBytes;
      this.#handler.say(this.#held.shift() ?? Buffer.alloc(0));
    }
  }

  /** The message of a reply, which must be whole in one frame. */
  #data(stream: number, bytes: Buffer, start: number, end: number): void {
    this.#refill(end - start);
    const call = this.#calls.get(stream);
    if (call === undefined) throw new Error(`a message came on stream ${stream}, which has no call`);
    if (call.answered || end - start !== GRPC_HEAD_BYTES + bytes.readUInt32BE(start + 1)) {
      throw new Error('a message came in several frames');
    }
    call.answered = true;
    if (this.#isWrite) return this.#handler.succeeded(call.slot, bytes, -1);
    const valueStart = this.#valueStart(bytes, start + GRPC_HEAD_BYTES, end);
    if (valueStart < 0) this.#handler.missed(call.slot);
    else this.#handler.succeeded(call.slot, bytes, valueStart);
  }

  #valueStart(bytes: Buffer, start: number, end: number): number {
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    if (!reader.find(RANGE_KVS)) return -1;
    reader.reset(bytes, reader.start, reader.end);
    return reader.find(KEY_VALUE_VALUE) ? reader.start : -1;
  }

  #ended(stream: number): void {
    const call = this.#calls.get(stream);
    this.#calls.delete(stream);
    if (call?.answered === false) this.#handler.failed(call.slot, 'the call ended without a message');
  }

  #refill(bytes: number): void {
    this.#unrefilled += bytes;
    if (this.#unrefilled < WINDOW_REFILL_BYTES) return;
    this.#handler.say(windowUpdate(0, this.#unrefilled));
    this.#unrefilled = 0;
  }
}
