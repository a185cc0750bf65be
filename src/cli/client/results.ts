import { exitCodes } from '../exit-codes.ts';
import type { ClientSession } from './session.ts';

/** What a write is answered with. */
export function writeVersion(
  session: ClientSession,
  { version }: { readonly version: number },
  json: true | undefined,
): Promise<void> {
  return session.write(json ? `${JSON.stringify({ version })}\n` : `OK ${version}\n`);
}

/** A key that is not there is an answer of its own: nothing for people but a word on standard error. */
export async function notFound(session: ClientSession, key: string, json: true | undefined): Promise<number> {
  if (json) await session.write('null\n');
  else console.error(`kvraft: there is no key ${JSON.stringify(key)}`);
  return exitCodes.failed;
}
