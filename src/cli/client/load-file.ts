import { createHash } from 'node:crypto';
import { KvraftError, messageOf } from '../../base/errors.ts';
import type { BatchOperation, Client } from '../../client/index.ts';
import { parseOperation } from './json-lines.ts';
import { readLines, type Line } from './line-reader.ts';

/** Operations and bytes of one batch; a single operation always fits. */
const BATCH_OPERATIONS_MAX = 500;
const BATCH_BYTES_MAX = 512 * 1024;

/** Keys under it say how far loads have come. */
export const LOAD_PREFIX = '.kvraft/load/';
/** A load that is not gone on with for so long begins anew. */
const MARK_TTL_MS = 7 * 86_400_000;

export interface LoadOptions {
  /** Load the file though it was loaded already. */
  readonly again: boolean;
  readonly signal: AbortSignal;
  /** Told how much of the file is loaded, in bytes, of how many. */
  readonly onProgress: (bytes: number, total: number) => void;
}

export interface LoadResult {
  /** Lines that this load has executed. */
  readonly lines: number;
  /** The line that it went on with after an interruption; 1 if it began. */
  readonly firstLine: number;
  readonly wasDone: boolean;
}

/** How far a load has come: it stands in the cluster, and changes with what it speaks of. */
interface Mark {
  readonly offset: number;
  readonly lines: number;
  readonly done: boolean;
}

interface CheckedFile {
  /** Names the content, whatever the file is called. */
  readonly markKey: string;
  readonly bytes: number;
}

/**
 * Executes the lines of a file, batch by batch. A batch is atomic, and the mark of how far the load has come is a part
 * of it: a load that is interrupted at any moment, and started again, goes on behind the last batch that happened.
 */
export async function loadFile(client: Client, file: string, options: LoadOptions): Promise<LoadResult> {
  const { markKey, bytes } = await checkFile(file, options.signal);
  const entry = await client.get(markKey, { signal: options.signal });
  const known = entry === null ? null : entry.json<Mark>();
  if (known?.done && !options.again) return { lines: 0, firstLine: known.lines + 1, wasDone: true };
  const from: Mark = known === null || known.done ? { offset: 0, lines: 0, done: false } : known;
  let version = entry?.version ?? null;
  let last = from;
  options.onProgress(from.offset, bytes);
  for await (const { operations, line } of batches(file, from)) {
    const mark: Mark = { offset: line.endOffset, lines: line.number, done: line.endOffset === bytes };
    version = await executeBatch(client, operations, { markKey, mark, version, file }, options.signal);
    last = mark;
    options.onProgress(mark.offset, bytes);
  }
  return { lines: last.lines - from.lines, firstLine: from.lines + 1, wasDone: false };
}

/** Reads the file once, so that nothing is loaded from one that has a fault anywhere. */
async function checkFile(file: string, signal: AbortSignal): Promise<CheckedFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  const onChunk = (chunk: Buffer): void => {
    hash.update(chunk);
    bytes += chunk.length;
  };
  for await (const line of readLines(file, 0, 1, onChunk)) {
    signal.throwIfAborted();
    operationOf(line, file);
  }
  return { markKey: `${LOAD_PREFIX}${hash.digest('hex').slice(0, 32)}`, bytes };
}

async function* batches(
  file: string,
  from: Mark,
): AsyncGenerator<{ operations: BatchOperation[]; line: Line }, undefined> {
  let operations: BatchOperation[] = [];
  let bytes = 0;
  let last: Line | null = null;
  for await (const line of readLines(file, from.offset, from.lines + 1)) {
    const operation = operationOf(line, file);
    const isFull = operations.length >= BATCH_OPERATIONS_MAX || bytes + line.text.length > BATCH_BYTES_MAX;
    if (last !== null && isFull) {
      yield { operations, line: last };
      operations = [];
      bytes = 0;
    }
    if (operation !== null) operations.push(operation);
    bytes += line.text.length;
    last = line;
  }
  if (last !== null) yield { operations, line: last };
  return undefined;
}

/** Null for an empty line. */
function operationOf({ text, number }: Line, file: string): BatchOperation | null {
  if (text.trim() === '') return null;
  try {
    return parseOperation(text);
  } catch (error) {
    throw new KvraftError(
      'INVALID_ARGUMENT',
      `${file}:${number}: ${messageOf(error)}; nothing of it was loaded`,
      {
        cause: error,
      },
    );
  }
}

interface MarkedBatch {
  readonly markKey: string;
  readonly mark: Mark;
  /** Of the mark before; null where there is none. */
  readonly version: number | null;
  readonly file: string;
}

/** Returns the version of the new mark. */
async function executeBatch(
  client: Client,
  operations: readonly BatchOperation[],
  { markKey, mark, version, file }: MarkedBatch,
  signal: AbortSignal,
): Promise<number> {
  const condition = version === null ? { ifAbsent: true as const } : { ifVersion: version };
  const value = JSON.stringify(mark);
  const marking: BatchOperation = { op: 'put', key: markKey, value, ttl: MARK_TTL_MS, ...condition };
  try {
    const { versions } = await client.batch([...operations, marking], { signal });
    return versions.at(-1) ?? 0;
  } catch (error) {
    throw explained(error, operations.length, mark.lines, file);
  }
}

function explained(error: unknown, markIndex: number, line: number, file: string): unknown {
  if (!(error instanceof KvraftError)) return error;
  const { code, outcome, index } = error;
  if (index === markIndex) {
    const message = `${file} is being loaded by somebody else at the same time; what that load does is not done twice`;
    return new KvraftError(code, message, { outcome, cause: error });
  }
  const message = `${file}: up to line ${line}: ${error.message}; the same command goes on where this one stopped`;
  return new KvraftError(code, message, { outcome, cause: error });
}
