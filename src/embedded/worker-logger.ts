import type { Logger } from '../base/logger.ts';
import type { LogLevel } from './worker-messages.ts';

/** Lines that may wait to be read by a program that is busy. */
const UNREAD_LINES_MAX = 1_000;

type Post = (level: LogLevel, fields: object, message: string) => void;

/** Hands log lines to another thread, and drops them when it does not read. */
export class WorkerLogger implements Logger {
  readonly #post: Post;
  #unread = 0;
  #dropped = 0;

  constructor(post: Post) {
    this.#post = post;
  }

  debug(fields: object, message: string): void {
    this.#log('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.#log('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#log('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#log('error', fields, message);
  }

  /** The other thread has read so many lines. */
  read(count: number): void {
    this.#unread -= count;
    if (this.#dropped === 0 || this.#unread > UNREAD_LINES_MAX / 2) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.warn({ dropped }, 'log lines were dropped while the program was busy');
  }

  #log(level: LogLevel, fields: object, message: string): void {
    if (this.#unread >= UNREAD_LINES_MAX) {
      this.#dropped++;
      return;
    }
    this.#unread++;
    this.#post(level, fields, message);
  }
}
