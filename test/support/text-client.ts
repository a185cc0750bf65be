import { connect, type Socket } from 'node:net';

/** A reply of the text protocol: its first line, and the value that follows a `VALUE` line. */
export interface TextReply {
  readonly line: string;
  readonly value: Buffer | null;
}

/** A plain client of the text protocol: one connection, requests in order, replies by promise. */
export class TextClient {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  readonly #waiting: { resolve: (reply: TextReply) => void; reject: (error: Error) => void }[] = [];
  #error: Error | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the connection was closed')));
  }

  static connect(port: number): Promise<TextClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(new TextClient(socket)));
      socket.once('error', reject);
    });
  }

  /** Sends bytes as they are and takes the next reply. */
  send(bytes: string | Buffer): Promise<TextReply> {
    return new Promise((resolve, reject) => {
      if (this.#error !== null) return reject(this.#error);
      this.#waiting.push({ resolve, reject });
      this.#socket.write(bytes);
    });
  }

  /** Sends bytes as they are and awaits nothing. */
  write(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  async set(key: string, value: string | Buffer, exptime = 0): Promise<string> {
    return (await this.send(storage(`set ${key} ${exptime}`, value))).line;
  }

  async cas(key: string, version: string | number, value: string | Buffer, exptime = 0): Promise<string> {
    return (await this.send(storage(`cas ${key} ${exptime} ${version}`, value))).line;
  }

  async delete(key: string): Promise<string> {
    return (await this.send(`delete ${key}\r\n`)).line;
  }

  /** The value as text, or null when there is none. Throws on any other reply. */
  async get(key: string): Promise<string | null> {
    const { line, value } = await this.send(`get ${key}\r\n`);
    if (line === 'ERR_NOT_FOUND') return null;
    if (value === null) throw new Error(line);
    return value.toString('latin1');
  }

  close(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const end = this.#received.indexOf('\r\n');
      if (end < 0) return;
      const line = this.#received.toString('latin1', 0, end);
      let value: Buffer | null = null;
      let rest = end + 2;
      if (line.startsWith('VALUE ')) {
        const length = Number(line.split(' ').at(-1));
        if (this.#received.length < rest + length + 2) return;
        value = Buffer.from(this.#received.subarray(rest, rest + length));
        rest += length + 2;
      }
      this.#received = this.#received.subarray(rest);
      this.#waiting.shift()?.resolve({ line, value });
    }
  }

  #fail(error: Error): void {
    this.#error ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#error);
  }
}

function storage(head: string, value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  return Buffer.concat([Buffer.from(`${head} ${bytes.length}\r\n`, 'latin1'), bytes, Buffer.from('\r\n')]);
}
