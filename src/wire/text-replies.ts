import { digitsMax, ReplyBuffer } from './reply-buffer.ts';

const okWord = Buffer.from('OK ', 'latin1');
const valueWord = Buffer.from('VALUE ', 'latin1');
const deletedLine = Buffer.from('DELETED\r\n', 'latin1');

/** The replies of the text protocol. */
export class TextReplies extends ReplyBuffer {
  /** `OK <version>`: the answer to `set` and `cas`. */
  ok(version: number): void {
    this.reserve(okWord.length + digitsMax + 2);
    this.put(okWord);
    this.number(version);
    this.lineEnd();
  }

  /** The answer to `delete`. */
  deleted(): void {
    this.reserve(deletedLine.length);
    this.put(deletedLine);
  }

  /** `VALUE <numbytes>` and the value: the answer to `get`. */
  value(value: Uint8Array): void {
    this.reserve(valueWord.length + digitsMax + 2 + value.length + 2);
    this.put(valueWord);
    this.#valueFrom(value);
  }

  /** `VALUE <version> <exptime> <numbytes>` and the value: the answer to `getm`. `exptimeS` in seconds from now. */
  valueWithMeta(version: number, exptimeS: number, value: Uint8Array): void {
    this.reserve(valueWord.length + 3 * (digitsMax + 1) + 2 + value.length + 2);
    this.put(valueWord);
    this.number(version);
    this.space();
    this.number(exptimeS);
    this.space();
    this.#valueFrom(value);
  }

  #valueFrom(value: Uint8Array): void {
    this.number(value.length);
    this.lineEnd();
    this.put(value);
    this.lineEnd();
  }
}
