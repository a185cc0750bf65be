import { parseReply, type RpcRangePage } from '../wire/rpc-replies.ts';
import { rpcLimits } from '../wire/rpc-limits.ts';
import type { RpcRequest } from '../wire/rpc-requests.ts';
import type { Range } from './client.ts';
import type { ClientCore } from './core.ts';
import type { Entry } from './entry.ts';
import { EntryView } from './entry-view.ts';
import type { Link } from './link.ts';
import type { PendingCall } from './pending-call.ts';
import { promised } from './promised.ts';

export interface RangeReaderOptions {
  readonly start: string;
  readonly end: string | null;
  readonly reverse: boolean;
  /** Entries at most. */
  readonly limit: number;
  readonly stale: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly nowMs: () => number;
}

/** Reads a range page by page, from a state that one server holds for it. */
export class RangeReader implements Range {
  readonly #core: ClientCore;
  readonly #options: RangeReaderOptions;
  readonly #entries: AsyncGenerator<Entry>;
  #first: Promise<RpcRangePage> | null = null;
  #pending: PendingCall | null = null;
  /** The connection on which the state is held, and its number there; 0 when there are no more pages. */
  #held: { readonly link: Link; readonly range: number } | null = null;
  #left: number;
  #isEnded = false;

  constructor(core: ClientCore, options: RangeReaderOptions) {
    this.#core = core;
    this.#options = options;
    this.#left = options.limit;
    this.#entries = this.#iterate();
  }

  get version(): Promise<number> {
    return this.#open().then(({ version }) => version);
  }

  [Symbol.asyncIterator](): AsyncIterator<Entry> {
    return this.#entries;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true;
    this.#pending?.end('CLOSED');
    await this.#entries.return(undefined);
    this.#release();
  }

  async *#iterate(): AsyncGenerator<Entry> {
    try {
      for (let page = await this.#open(); !this.#isEnded; page = await this.#next()) {
        for (const { key, ...record } of page.entries) yield new EntryView(key, record);
        if (this.#held === null) return;
      }
    } catch (error) {
      if (!this.#isEnded) throw error;
    } finally {
      this.#isEnded = true;
      this.#release();
    }
  }

  #open(): Promise<RpcRangePage> {
    const { stale, start, end, reverse } = this.#options;
    this.#first ??= this.#ask(
      { type: 'range', stale, start, end, reverse, entriesMax: this.#entriesMax },
      null,
    );
    return this.#first;
  }

  #next(): Promise<RpcRangePage> {
    if (this.#held === null) throw new Error('there is no further page');
    const { link, range } = this.#held;
    return this.#ask({ type: 'range-next', range, entriesMax: this.#entriesMax }, link);
  }

  get #entriesMax(): number {
    return Math.min(this.#left, rpcLimits.pageEntriesMax);
  }

  async #ask(request: RpcRequest, only: Link | null): Promise<RpcRangePage> {
    const { timeoutMs, signal, nowMs } = this.#options;
    const options = { request, parse: parseReply.range, deadlineMs: nowMs() + timeoutMs, waits: false, only };
    const page = await promised<RpcRangePage>(this.#core, signal, (done) => {
      this.#pending = this.#core.call(options, (outcome, link) => {
        if (outcome.ok) this.#hold(link, outcome.value);
        done(outcome);
      });
      return this.#pending;
    });
    this.#pending = null;
    return page;
  }

  /** Takes note of where the next page is to be had, in the turn in which the connection says so. */
  #hold(link: Link | null, { range, entries }: RpcRangePage): void {
    this.#left -= entries.length;
    if (range !== 0 && this.#held === null && link !== null) {
      link.hold();
      this.#held = { link, range };
    }
    if (range === 0 || this.#left <= 0 || this.#isEnded) this.#release();
  }

  #release(): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    held.link.send({ type: 'range-close', range: held.range }, parseReply.done, () => undefined);
    held.link.release();
  }
}
