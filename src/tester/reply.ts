import type { TextDialect } from '../wire/text-dialects.ts';

export type ErrorName = 'malformed' | 'not-found' | 'version' | 'internal';

/** What a server answered to one request. */
export type Reply =
  | { readonly kind: 'ok'; readonly version: bigint }
  | { readonly kind: 'value'; readonly value: Buffer }
  | { readonly kind: 'meta'; readonly version: bigint; readonly exptimeS: bigint; readonly value: Buffer }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'error'; readonly error: ErrorName }
  | { readonly kind: 'redirect'; readonly id: number }
  | { readonly kind: 'redirect'; readonly host: string; readonly port: number }
  /** Nothing that the dialect knows. */
  | { readonly kind: 'strange'; readonly text: string };

/** Longer lines and values are none that any request of the tester asks for. */
const lineBytesMax = 4_096;
const valueBytesMax = 64 * 1_024 * 1_024;

/** Turns what a server sends, in pieces of any size, into replies. */
export class ReplyReader {
  readonly #dialect: TextDialect;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(dialect: TextDialect) {
    this.#dialect = dialect;
  }

  /** What came and makes no whole reply yet. */
  get rest(): Buffer {
    return this.#bytes;
  }

  push(chunk: Buffer): Reply[] {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const replies: Reply[] = [];
    for (let reply = this.#next(); reply !== null; reply = this.#next()) replies.push(reply);
    return replies;
  }

  #next(): Reply | null {
    const end = this.#bytes.indexOf('\n');
    if (end === -1) return this.#bytes.length > lineBytesMax ? this.#strange(this.#bytes.length) : null;
    if (end === 0 || this.#bytes[end - 1] !== 0x0d) return this.#strange(end + 1);
    // One of the originals puts a blank before the line end.
    const line = this.#bytes.toString('latin1', 0, end - 1).trimEnd();
    if (line.startsWith('VALUE ')) return this.#value(line, end + 1);
    this.#bytes = this.#bytes.subarray(end + 1);
    return parseLine(line, this.#dialect);
  }

  #value(line: string, at: number): Reply | null {
    const [, meta, digits = ''] = /^VALUE (?:(\d+ \d+) )?(\d+)$/.exec(line) ?? [];
    const length = Number(digits);
    if (digits === '' || length > valueBytesMax) return this.#strange(at);
    if (this.#bytes.length < at + length + 2) return null;
    if (this.#bytes.toString('latin1', at + length, at + length + 2) !== '\r\n') return this.#strange(at);
    const value = Buffer.from(this.#bytes.subarray(at, at + length));
    this.#bytes = this.#bytes.subarray(at + length + 2);
    if (meta === undefined) return { kind: 'value', value };
    const [version = '', exptimeS = ''] = meta.split(' ');
    return { kind: 'meta', version: BigInt(version), exptimeS: BigInt(exptimeS), value };
  }

  #strange(length: number): Reply {
    const text = this.#bytes.toString('latin1', 0, length);
    this.#bytes = this.#bytes.subarray(length);
    return { kind: 'strange', text };
  }
}

function parseLine(line: string, dialect: TextDialect): Reply {
  const version = /^OK (\d{1,20})$/.exec(line)?.[1];
  if (version !== undefined) return { kind: 'ok', version: BigInt(version) };
  if (line === 'DELETED') return { kind: 'deleted' };
  if (line === dialect.malformed) return { kind: 'error', error: 'malformed' };
  if (line === dialect.notFound) return { kind: 'error', error: 'not-found' };
  if (line === dialect.versionMismatch) return { kind: 'error', error: 'version' };
  if (line === dialect.internal) return { kind: 'error', error: 'internal' };
  if (dialect.redirect !== null) {
    const [, id, host, port] = /^(?:REDIRECT (\d{1,5})|ERR_REDIRECT (\S+) (\d{1,5}))$/.exec(line) ?? [];
    const reply: Reply | null =
      id !== undefined
        ? { kind: 'redirect', id: Number(id) }
        : host !== undefined
          ? { kind: 'redirect', host, port: Number(port) }
          : null;
    // As the dialect itself would say it: the other one's form is strange.
    if (reply !== null && dialect.redirect({ id: Number(id), host: host ?? '', port: Number(port) }) === line)
      return reply;
  }
  return { kind: 'strange', text: line };
}

/** For people. */
export function showReply(reply: Reply | { readonly kind: 'silence' | 'closed' }): string {
  switch (reply.kind) {
    case 'ok':
      return `OK ${reply.version}`;
    case 'value':
      return `VALUE ${reply.value.length} ${showBytes(reply.value)}`;
    case 'meta':
      return `VALUE ${reply.version} ${reply.exptimeS} ${reply.value.length} ${showBytes(reply.value)}`;
    case 'deleted':
      return 'DELETED';
    case 'error':
      return `the error "${reply.error}"`;
    case 'redirect':
      return 'id' in reply ? `a redirect to server ${reply.id}` : `a redirect to ${reply.host}:${reply.port}`;
    case 'strange':
      return `${showBytes(Buffer.from(reply.text, 'latin1'))}, which is no reply`;
    case 'silence':
      return 'nothing';
    case 'closed':
      return 'the end of the connection';
  }
}

const shownBytesMax = 60;

/** The beginning of some bytes as a text in quotes. */
function showBytes(bytes: Buffer): string {
  const text = JSON.stringify(bytes.toString('latin1', 0, shownBytesMax));
  return bytes.length > shownBytesMax ? `${text}… (${bytes.length} bytes)` : text;
}
