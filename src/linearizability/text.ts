/**
 * Keys and values as histories hold them: strings that stand for bytes. Bytes that are valid UTF-8 are their
 * text; others are a lone surrogate, which no text contains, followed by one character for each byte. So equal
 * bytes are equal strings, and nothing else is.
 */
export type Text = string;

const RAW = '\ud800';
const surrogates = /\p{Surrogate}/u;
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text that stands for `bytes`. */
export function textOfBytes(bytes: Uint8Array): Text {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return RAW + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }
}

/** The bytes that `text` stands for. */
export function bytesOfText(text: Text): Buffer {
  return isRaw(text) ? Buffer.from(text.slice(1), 'latin1') : Buffer.from(text, 'utf8');
}

/** Whether `text` stands for bytes that are no UTF-8. */
export function isRaw(text: Text): boolean {
  return text.startsWith(RAW);
}

/** Whether a string of a JSON file is Unicode that has bytes; a lone surrogate has none. */
export function isWellFormed(text: string): boolean {
  return !surrogates.test(text);
}

/** The text of one's bytes and the other's behind them. */
export function joinTexts(first: Text, second: Text): Text {
  if (!isRaw(first) && !isRaw(second)) return first + second;
  return textOfBytes(Buffer.concat([bytesOfText(first), bytesOfText(second)]));
}

/** One character for each byte: the form in which texts can be joined and compared by prefix, whatever their bytes. */
export function byteString(text: Text): string {
  return isRaw(text) ? text.slice(1) : Buffer.from(text, 'utf8').toString('latin1');
}

const SHOWN_MAX = 60;

/** A text for people: quoted and escaped, shortened in its middle, bytes that are no UTF-8 as base64. */
export function showText(text: Text): string {
  if (isRaw(text)) return `base64 ${shorten(bytesOfText(text).toString('base64'))}`;
  return JSON.stringify(shorten(text));
}

function shorten(text: string): string {
  if (text.length <= SHOWN_MAX) return text;
  const half = SHOWN_MAX / 2 - 1;
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}

/** A client that is only a number is called one. */
export function clientName(client: string): string {
  return /^\d+$/.test(client) ? `client ${client}` : client;
}
