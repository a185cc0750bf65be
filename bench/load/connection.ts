import { connect, type Socket } from 'node:net';
import type { MakeWire, RequestShape, Wire, WireHandler } from '../wires/wire.ts';

/** What a load wants to know of its connections. */
export interface ConnectionHandler {
  opened(connection: LoadConnection): void;
  /** The request in `slot` came to its end. `valueStart` is negative where there is no value. */
  succeeded(connection: LoadConnection, slot: number, bytes: Buffer, valueStart: number): void;
  missed(connection: LoadConnection, slot: number): void;
  failed(connection: LoadConnection, slot: number, text: string): void;
  /** All replies that one read from the socket brought have been told. */
  received(connection: LoadConnection): void;
  /** The connection broke; what was in flight gets no reply. */
  broken(connection: LoadConnection, error: Error): void;
}

/** All sockets read into one buffer: what it holds is dealt with before the next read. */
const READ_BYTES = 256 * 1024;
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** A connection with `depth` slots for requests, and what is known of the request in each. */
export class LoadConnection implements WireHandler {
  readonly index: number;
  /** When the request in the slot was sent, or was due, in milliseconds. */
  readonly sinceMs: Float64Array;
  readonly keys: Int32Array;
  readonly numbers: Float64Array;
  readonly #makeWire: MakeWire;
  readonly #shape: RequestShape;
  readonly #handler: ConnectionHandler;
  /** A stack of the slots that are free. */
  readonly #free: Int32Array;
  #freeCount: number;
  #socket: Socket | null = null;
  #wire: Wire | null = null;
  #out: Buffer | null = null;
  #outEnd = 0;
  isOpen = false;
  /** When the replies that are being told came. One reading of the clock serves all that one read brought. */
  receivedMs = 0;

  constructor(
    index: number,
    depth: number,
    makeWire: MakeWire,
    shape: RequestShape,
    handler: ConnectionHandler,
  ) {
    this.index = index;
    this.#makeWire = makeWire;
    this.#shape = shape;
    this.#handler = handler;
    this.sinceMs = new Float64Array(depth);
    this.keys = new Int32Array(depth);
    this.numbers = new Float64Array(depth);
    this.#free = new Int32Array(depth);
    this.#freeCount = 0;
    this.#freeAll();
  }

  get freeSlots(): number {
    return this.#freeCount;
  }

  get inFlight(): number {
    return this.#free.length - this.#freeCount;
  }

  /** Slots that are in use. */
  busySlots(): number[] {
    const free = new Set(this.#free.subarray(0, this.#freeCount));
    return Array.from(this.#free.keys()).filter((slot) => !free.has(slot));
  }

  open(port: number): void {
    this.#freeAll();
    this.#outEnd = 0;
    this.#out = null;
    const wire = this.#makeWire(this.#shape, this);
    this.#wire = wire;
    const socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length, buffer) => {
          if (this.#socket === socket) this.#received(wire, buffer as Buffer, length);
          return true;
        },
      },
    });
    this.#socket = socket;
    socket.once('connect', () => {
      this.isOpen = true;
      const hello = wire.hello();
      if (hello !== null) socket.write(hello);
      this.#handler.opened(this);
    });
    socket.on('error', (error) => this.#broke(socket, error));
    socket.on('close', () => this.#broke(socket, new Error('the server closed the connection')));
  }

  /** Puts a request into a free slot; it leaves with the next `flush`. */
  add(key: number, number: number, sinceMs: number): void {
    const wire = this.#wire;
    if (wire === null || this.#freeCount === 0) throw new Error('no slot is free');
    const slot = this.#free[--this.#freeCount] ?? 0;
    this.sinceMs[slot] = sinceMs;
    this.keys[slot] = key;
    this.numbers[slot] = number;
    // A slot that is free now may still be filled before the flush, and the buffer has room for all of them.
    this.#out ??= Buffer.allocUnsafe((this.#freeCount + 1) * wire.requestBytesMax);
    this.#outEnd = wire.encode(this.#out, this.#outEnd, slot, key, number);
  }

  /** Sends what was added, in one write. */
  flush(): void {
    if (this.#out === null) return;
    if (this.#outEnd > 0) this.#socket?.write(this.#out.subarray(0, this.#outEnd));
    this.#out = null;
    this.#outEnd = 0;
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.isOpen = false;
    socket?.destroy();
  }

  succeeded(slot: number, bytes: Buffer, valueStart: number): void {
    this.#free[this.#freeCount++] = slot;
    this.#handler.succeeded(this, slot, bytes, valueStart);
  }

  missed(slot: number): void {
    this.#free[this.#freeCount++] = slot;
    this.#handler.missed(this, slot);
  }

  failed(slot: number, text: string): void {
    this.#free[this.#freeCount++] = slot;
    this.#handler.failed(this, slot, text);
  }

  say(bytes: Buffer): void {
    this.#socket?.write(bytes);
  }

  #received(wire: Wire, buffer: Buffer, length: number): void {
    this.receivedMs = performance.now();
    try {
      wire.receive(buffer.subarray(0, length));
    } catch (error) {
      this.#broke(this.#socket, error as Error);
      return;
    }
    this.#handler.received(this);
  }

  #broke(socket: Socket | null, error: Error): void {
    if (socket === null || this.#socket !== socket) return;
    this.#socket = null;
    this.isOpen = false;
    socket.destroy();
    this.#handler.broken(this, error);
  }

  #freeAll(): void {
    const depth = this.#free.length;
    for (let slot = 0; slot < depth; slot++) this.#free[slot] = depth - 1 - slot;
    this.#freeCount = depth;
  }
}
