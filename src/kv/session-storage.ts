/**
 * How sessions stand in the storage: one entry for each, under its id, and behind it one for each recorded reply,
 * under id and number, so that saving writes what changed and no more.
 */
import { KvraftError } from '../base/errors.ts';
import type { StateKey, StateStorage } from '../store/store.ts';
import { parseSortableNumber, readUint53, sortableNumber, writeUint53 } from './binary.ts';
import { namespaces, prefixRange } from './namespaces.ts';
import type { OpResult } from './replies.ts';
import { decodeResults, encodeResults } from './replies.ts';
import type { HashedSession } from './state-hash.ts';

const SESSION_BYTES = 16;
const SESSION_KEY_LENGTH = 1 + 8;

export interface SavedSession extends HashedSession {
  readonly replies: (readonly [number: number, results: readonly OpResult[]])[];
}

export function saveSession(storage: StateStorage, { id, lastActivityMs, lowest }: HashedSession): void {
  const bytes = new Uint8Array(SESSION_BYTES);
  writeUint53(bytes, 0, lastActivityMs);
  writeUint53(bytes, 8, lowest);
  storage.put(sessionKey(id), bytes);
}

export function saveReply(
  storage: StateStorage,
  id: number,
  number: number,
  results: readonly OpResult[],
): void {
  storage.put(replyKey(id, number), encodeResults(results));
}

export const deleteSession = (storage: StateStorage, id: number): void => storage.delete(sessionKey(id));

export const deleteReply = (storage: StateStorage, id: number, number: number): void =>
  storage.delete(replyKey(id, number));

/** All saved sessions, by id. Throws `STORE_DAMAGED`. */
export function loadSessions(storage: StateStorage): SavedSession[] {
  const sessions: SavedSession[] = [];
  for (const [key, bytes] of storage.range(prefixRange(namespaces.session))) {
    const id = parseSortableNumber(key, 1);
    if (key.length === SESSION_KEY_LENGTH && bytes.length === SESSION_BYTES) {
      sessions.push({ id, lastActivityMs: readUint53(bytes, 0), lowest: readUint53(bytes, 8), replies: [] });
      continue;
    }
    const session = sessions.at(-1);
    const results = decodeResults(bytes);
    if (session?.id !== id || results === null) {
      const message = `the stored session ${id} is damaged: restore this server from the others`;
      throw new KvraftError('STORE_DAMAGED', message);
    }
    session.replies.push([parseSortableNumber(key, SESSION_KEY_LENGTH), results]);
  }
  return sessions;
}

const sessionKey = (id: number): StateKey => namespaces.session + sortableNumber(id);

const replyKey = (id: number, number: number): StateKey => sessionKey(id) + sortableNumber(number);
