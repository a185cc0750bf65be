import type { Entry } from '../../client/index.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text that the bytes are in UTF-8; null when they are none. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** A field of a JSON object: as text where it is text, else under a name of its own in base64. */
export function jsonBytes(name: string, bytes: Uint8Array): Record<string, string> {
  const text = textOf(bytes);
  return text === null ? { [`${name}Base64`]: Buffer.from(bytes).toString('base64') } : { [name]: text };
}

/** What programs get of an entry; `ttl` in milliseconds, left out if the key does not expire. */
export function entryJson({ keyBytes, value, version, ttl }: Entry): object {
  return {
    ...jsonBytes('key', keyBytes),
    ...jsonBytes('value', value),
    version,
    ...(ttl === null ? {} : { ttl }),
  };
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/**
 * Bytes as a part of one line: text as it is, but for control characters and backslashes, which are escaped; bytes
 * that are no text as `\xNN`.
 */
export function lineText(bytes: Uint8Array): string {
  const text = textOf(bytes);
  if (text === null) {
    return Buffer.from(bytes)
      .toString('latin1')
      .replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, escaped);
  }
  // oxlint-disable-next-line no-control-regex -- these are what must not reach a terminal
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f\\]/g, escaped);
}

function escaped(character: string): string {
  return ESCAPES[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
