import { KvraftError } from '../base/errors.ts';
import { parseReply, type RpcEvent, type RpcWatchPage } from '../wire/rpc-replies.ts';
import type { Watch, WatchEvent } from './client.ts';
import type { ClientCore } from './core.ts';
import { PutEventView } from './entry-view.ts';
import { bytesOf, textOf } from './input.ts';
import type { PendingCall } from './pending-call.ts';
import { promised } from './promised.ts';

export interface WatcherOptions {
  readonly prefix: string;
  /** 0: from now on. */
  readonly from: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Asks for changes page by page, each time from behind the last one that it was told: whichever server answers, none
 * is missed and none is seen twice.
 */
export class Watcher implements Watch {
  readonly started: Promise<number>;
  readonly #core: ClientCore;
  readonly #prefix: string;
  readonly #signal: AbortSignal | undefined;
  readonly #events: AsyncGenerator<WatchEvent>;
  #from: number;
  #pending: PendingCall | null = null;
  #isEnded = false;

  constructor(core: ClientCore, { prefix, from, signal }: WatcherOptions) {
    this.#core = core;
    this.#prefix = prefix;
    this.#signal = signal;
    this.#from = from;
    this.started = from === 0 ? this.#poll().then(({ next }) => next) : Promise.resolve(from);
    // Whoever iterates is told of the failure, too.
    this.started.catch(() => undefined);
    this.#events = this.#iterate();
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchEvent> {
    return this.#events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true;
    this.#pending?.end('CLOSED');
    await this.#events.return(undefined);
  }

  async *#iterate(): AsyncGenerator<WatchEvent> {
    try {
      await this.started;
      while (!this.#isEnded) {
        const { events } = await this.#poll();
        for (const event of events) yield eventOf(event);
      }
    } catch (error) {
      if (!this.#isEnded) throw error;
    } finally {
      this.#isEnded = true;
      this.#pending?.end('CLOSED');
    }
  }

  async #poll(): Promise<RpcWatchPage> {
    const request = { type: 'watch', prefix: this.#prefix, from: this.#from } as const;
    const options = { request, parse: parseReply.watch, deadlineMs: Infinity, waits: true, only: null };
    const page = await promised<RpcWatchPage>(this.#core, this.#signal, (done) => {
      this.#pending = this.#core.call(options, done);
      return this.#pending;
    });
    this.#pending = null;
    const fault = this.#faultOf(page);
    if (fault !== null) throw fault;
    this.#from = page.next;
    return page;
  }

  /** A server that goes back, or skips, would have events repeated or lost. */
  #faultOf({ next, events }: RpcWatchPage): KvraftError | null {
    let from = this.#from;
    for (const { version } of events) {
      if (version < from) return new KvraftError('PROTOCOL', `a server told change ${version} again`);
      from = version + 1;
    }
    return next >= from && next > 0
      ? null
      : new KvraftError('PROTOCOL', `a server goes on from ${next} again`);
  }
}

function eventOf({ version, type, key, record }: RpcEvent): WatchEvent {
  if (type === 'put' && record !== null) return new PutEventView(key, record);
  if (type === 'flush' || type === 'put') return { type: 'flush', version };
  return { type, version, key: textOf(key), keyBytes: bytesOf(key) };
}
