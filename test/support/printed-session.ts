/** Sessions as documents print them, to be played against servers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';

/** A page of `docs/`. */
export const readDocument = (name: string): string =>
  readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', name), 'utf8');

/** The blocks of a page in a language. */
export const blocksOf = (document: string, language: string): string[] =>
  [...document.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm'))].map(
    ([, text = '']) => text,
  );

/** One connection of a session: where to, then what each side says, line by line. */
export interface PrintedExchange {
  readonly port: number;
  readonly lines: readonly { readonly who: 'C' | 'S'; readonly text: string }[];
}

/** All connections of all sessions of a page. */
export function exchangesOf(document: string): PrintedExchange[] {
  return blocksOf(document, 'session').flatMap((block) =>
    block
      .split(/^\$ telnet localhost /m)
      .slice(1)
      .map((part) => {
        const [port = '', ...lines] = part.trimEnd().split('\n');
        return {
          port: Number(port),
          lines: lines.map((line) => {
            assert.match(line, /^[CS]: /);
            return { who: line[0] as 'C' | 'S', text: line.slice(3) };
          }),
        };
      }),
  );
}

/** Plays one connection: sends every line, and waits for each that is to come. */
export async function play(
  { lines }: PrintedExchange,
  socket: Socket,
  translate: (text: string) => string = (text) => text,
): Promise<void> {
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  await once(socket, 'connect');
  for (const { who, text } of lines) {
    if (who === 'C') {
      assert.equal(received, '', `nothing else is said before "${text}"`);
      socket.write(`${text}\r\n`);
      continue;
    }
    const line = `${translate(text)}\r\n`;
    while (received.length < line.length) await once(socket, 'data');
    assert.equal(received.slice(0, line.length), line);
    received = received.slice(line.length);
  }
  socket.end();
  await once(socket, 'end');
  assert.equal(received, '');
}
