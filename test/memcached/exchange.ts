import { connect, type Socket } from 'node:net';

/** Behind a reply, where the server has closed the connection. */
export const closedMark = '<closed>';

/**
 * A connection that sends bytes as they are, and tells replies apart by a question with an answer of its own behind
 * each request.
 */
export class Exchange {
  readonly #socket: Socket;
  #received = '';
  #count = 0;
  #closed = false;
  #changed = (): void => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#changed();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
      this.#changed();
    });
  }

  static connect(port: number): Promise<Exchange> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(new Exchange(socket)));
      socket.once('error', reject);
    });
  }

  /** The server has closed it. */
  get closed(): boolean {
    return this.#closed;
  }

  /** What the server answers to these bytes, one per character. */
  async ask(request: string): Promise<string> {
    const opaque = `Oend${this.#count++}.${Math.trunc(performance.now())}`;
    const end = `EN ${opaque}\r\n`;
    this.#socket.write(Buffer.from(`${request}mg no:such:key ${opaque}\r\n`, 'latin1'));
    for (;;) {
      const at = this.#received.indexOf(end);
      if (at >= 0) {
        const reply = this.#received.slice(0, at);
        this.#received = this.#received.slice(at + end.length);
        return reply;
      }
      if (this.#closed) return this.#received + closedMark;
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
