import { digitsMax, ReplyBuffer } from './reply-buffer.ts';

/** What is answered of a key. */
interface Item {
  readonly value: Uint8Array;
  readonly flags: number;
  readonly version: number;
}

const valueWord = Buffer.from('VALUE ', 'latin1');
const endLine = Buffer.from('END\r\n', 'latin1');
const storedLine = Buffer.from('STORED\r\n', 'latin1');

/** The replies of memcached's text protocol. */
export class MemcachedReplies extends ReplyBuffer {
  /** `VALUE <key> <flags> <bytes> [<cas unique>]` and the value. */
  item(key: string, { value, flags, version }: Item, withVersion: boolean): void {
    this.reserve(valueWord.length + key.length + 3 * (digitsMax + 1) + 2 + value.length + 2);
    this.put(valueWord);
    this.text(key);
    this.space();
    this.number(flags);
    this.space();
    this.number(value.length);
    if (withVersion) {
      this.space();
      this.number(version);
    }
    this.lineEnd();
    this.#data(value);
  }

  /** Behind the last item of a retrieval. */
  end(): void {
    this.reserve(endLine.length);
    this.put(endLine);
  }

  stored(): void {
    this.reserve(storedLine.length);
    this.put(storedLine);
  }

  /** A meta command's return code with flags, and, when it is given, the value: its length stands behind the code. */
  meta(code: string, flags: string, value: Uint8Array | null): void {
    this.reserve(code.length + 1 + digitsMax + flags.length + 2 + (value?.length ?? 0) + 2);
    this.text(code);
    if (value !== null) {
      this.space();
      this.number(value.length);
    }
    this.text(flags);
    this.lineEnd();
    if (value !== null) this.#data(value);
  }

  #data(value: Uint8Array): void {
    this.put(value);
    this.lineEnd();
  }
}
