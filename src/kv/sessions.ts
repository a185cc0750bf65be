import { assert } from '../base/assert.ts';
import type { StateStorage } from '../store/store.ts';
import type { KvOptions } from './options.ts';
import type { Linked } from './recency-list.ts';
import { RecencyList } from './recency-list.ts';
import type { OpResult } from './replies.ts';
import { resultsBytes } from './replies.ts';
import type { SavedSession } from './session-storage.ts';
import { deleteReply, deleteSession, loadSessions, saveReply, saveSession } from './session-storage.ts';
import type { HashedSession, Share, StateHash } from './state-hash.ts';

type SessionOptions = Pick<
  KvOptions,
  'sessionsMax' | 'sessionTtlMs' | 'sessionRepliesMax' | 'sessionReplyBytesMax'
>;

interface RecordedReply {
  readonly results: readonly OpResult[];
  readonly bytes: number;
  /** Of the state hash. */
  readonly share: Share;
  /** Whether it stands in the storage. */
  saved: boolean;
}

/** What is known of one client's requests. */
interface State extends HashedSession, Linked<State> {
  lastActivityMs: number;
  /** The lowest number that the client has no answer for. */
  lowest: number;
  /** Of executed requests from `lowest` on. */
  readonly replies: Map<number, RecordedReply>;
  replyBytes: number;
  saved: boolean;
  dirty: boolean;
}

/** What becomes of a request with this number. */
export type Admission =
  | { readonly verdict: 'execute' }
  | { readonly verdict: 'repeated'; readonly results: readonly OpResult[] }
  | { readonly verdict: 'session-expired' | 'stale' | 'window-full' };

/**
 * The clients' sessions: which requests were executed, and with what result. Kept as objects and put into the
 * storage by `save`, so that a reply that is confirmed soon is never written.
 */
export class Sessions {
  readonly #storage: StateStorage;
  readonly #hash: StateHash;
  readonly #options: SessionOptions;
  readonly #sessions = new Map<number, State>();
  /** By last activity: the oldest is the first to end. */
  #byActivity = new RecencyList<State>();
  readonly #dirty = new Set<State>();
  #lastId = 0;

  constructor(storage: StateStorage, hash: StateHash, options: SessionOptions) {
    this.#storage = storage;
    this.#hash = hash;
    this.#options = options;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** The last id that was given out; ids are never used again. */
  get lastId(): number {
    return this.#lastId;
  }

  /** Makes a session; null if there are too many even without those that are due. */
  register(stampMs: number): number | null {
    const { sessionsMax } = this.#options;
    if (this.#sessions.size >= sessionsMax) this.expireDue(stampMs);
    if (this.#sessions.size >= sessionsMax) return null;
    const id = ++this.#lastId;
    const session = newState(id, stampMs, 1);
    this.#insert(session);
    this.#hash.addSession(session);
    this.#markDirty(session);
    return id;
  }

  /** False if there is no such session. */
  keepAlive(id: number, stampMs: number): boolean {
    const session = this.#sessions.get(id);
    if (session !== undefined) this.#use(session, stampMs, session.lowest);
    return session !== undefined;
  }

  end(id: number): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) this.#remove(session);
  }

  /**
   * Decides over a request, takes note of the session's use and drops the replies below `lowest`. A session that is
   * due, but not ended yet, lives on: nothing of it was lost.
   */
  admit(id: number, number: number, lowest: number, stampMs: number): Admission {
    const session = this.#sessions.get(id);
    if (session !== undefined) this.#use(session, stampMs, Math.max(lowest, session.lowest));
    return this.#judge(session, number, lowest);
  }

  /**
   * What `admit` would say now: for a check before a request is proposed. The limit on numbers is exact whatever is
   * under way, as it goes by distance from the lowest; the limit on bytes does not count requests under way.
   */
  preview(id: number, number: number, lowest: number): Admission['verdict'] {
    return this.#judge(this.#sessions.get(id), number, lowest).verdict;
  }

  /** Keeps the results of an executed request. The last ones may exceed the limit on bytes, by one request's each. */
  record(id: number, number: number, results: readonly OpResult[]): void {
    const session = this.#sessions.get(id);
    assert(
      session !== undefined && !session.replies.has(number),
      'a request is executed once, in its session',
    );
    const share = this.#hash.shareOfReply(id, number, results);
    const bytes = resultsBytes(results);
    session.replies.set(number, { results, bytes, share, saved: false });
    session.replyBytes += bytes;
    this.#hash.add(share);
    this.#markDirty(session);
  }

  /** The log time at which the next session ends if it is not used, or null. */
  nextMs(): number | null {
    const { oldest } = this.#byActivity;
    return oldest === null ? null : oldest.lastActivityMs + this.#options.sessionTtlMs;
  }

  /** Ends all sessions that are due; there are at most `sessionsMax`. Returns how many. */
  expireDue(stampMs: number): number {
    const before = this.count;
    for (let next = this.#byActivity.oldest; next !== null; next = this.#byActivity.oldest) {
      if (next.lastActivityMs + this.#options.sessionTtlMs > stampMs) break;
      this.#remove(next);
    }
    return before - this.count;
  }

  /** Puts what changed into the storage; `lastId` is to be kept elsewhere. */
  save(): void {
    for (const session of this.#dirty) {
      session.dirty = false;
      saveSession(this.#storage, session);
      session.saved = true;
      for (const [number, reply] of session.replies) {
        if (!reply.saved) saveReply(this.#storage, session.id, number, reply.results);
        reply.saved = true;
      }
    }
    this.#dirty.clear();
  }

  load(lastId: number): void {
    this.#lastId = lastId;
    this.#dirty.clear();
    this.#sessions.clear();
    this.#byActivity = new RecencyList();
    const saved = loadSessions(this.#storage);
    // Of sessions used at the same time none comes first for anybody: they end together.
    saved.sort((a, b) => a.lastActivityMs - b.lastActivityMs);
    for (const session of saved) this.#insert(this.#restored(session));
  }

  #judge(session: State | undefined, number: number, lowest: number): Admission {
    if (session === undefined) return { verdict: 'session-expired' };
    if (number < session.lowest) return { verdict: 'stale' };
    const reply = session.replies.get(number);
    if (reply !== undefined) return { verdict: 'repeated', results: reply.results };
    // By distance, not by count: a count would depend on which of the requests under way come first.
    const { sessionRepliesMax, sessionReplyBytesMax } = this.#options;
    const first = Math.max(lowest, session.lowest);
    const far = number >= first + sessionRepliesMax;
    // The lowest number is always taken: replies above it may fill the window, and only its own answer frees them.
    const full = session.replyBytes >= sessionReplyBytesMax && number > first;
    return { verdict: far || full ? 'window-full' : 'execute' };
  }

  #use(session: State, stampMs: number, lowest: number): void {
    if (stampMs === session.lastActivityMs && lowest === session.lowest) return;
    this.#hash.removeSession(session);
    this.#dropReplies(session, lowest);
    session.lastActivityMs = stampMs;
    session.lowest = lowest;
    this.#hash.addSession(session);
    this.#markDirty(session);
    this.#byActivity.remove(session);
    this.#byActivity.push(session);
  }

  #dropReplies(session: State, lowest: number): void {
    const { replies } = session;
    if (lowest - session.lowest <= replies.size) {
      for (let number = session.lowest; number < lowest; number++) this.#dropReply(session, number);
    } else {
      for (const number of replies.keys()) if (number < lowest) this.#dropReply(session, number);
    }
  }

  #dropReply(session: State, number: number): void {
    const reply = session.replies.get(number);
    if (reply === undefined) return;
    session.replies.delete(number);
    session.replyBytes -= reply.bytes;
    this.#hash.remove(reply.share);
    if (reply.saved) deleteReply(this.#storage, session.id, number);
  }

  #restored({ id, lastActivityMs, lowest, replies }: SavedSession): State {
    const session = newState(id, lastActivityMs, lowest);
    session.saved = true;
    for (const [number, results] of replies) {
      const bytes = resultsBytes(results);
      const share = this.#hash.shareOfReply(id, number, results);
      session.replies.set(number, { results, bytes, share, saved: true });
      session.replyBytes += bytes;
    }
    return session;
  }

  #insert(session: State): void {
    this.#sessions.set(session.id, session);
    this.#byActivity.push(session);
  }

  #remove(session: State): void {
    for (const number of session.replies.keys()) this.#dropReply(session, number);
    this.#hash.removeSession(session);
    this.#sessions.delete(session.id);
    this.#byActivity.remove(session);
    this.#dirty.delete(session);
    if (session.saved) deleteSession(this.#storage, session.id);
  }

  #markDirty(session: State): void {
    if (session.dirty) return;
    session.dirty = true;
    this.#dirty.add(session);
  }
}

function newState(id: number, lastActivityMs: number, lowest: number): State {
  return {
    ...{ id, lastActivityMs, lowest, replies: new Map<number, RecordedReply>(), replyBytes: 0 },
    ...{ saved: false, dirty: false, older: null, newer: null },
  };
}
