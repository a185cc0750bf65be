import { quoted } from './shell-words.ts';

/** What can be typed in the shell. */
export interface ShellVocabulary {
  /** The options of each command, by the command's name. */
  readonly commands: ReadonlyMap<string, readonly string[]>;
  /** Commands whose first argument is a key. */
  readonly keyCommands: ReadonlySet<string>;
  /** Keys that begin so, a few of them. */
  keys(prefix: string): Promise<string[]>;
}

/** How the last word of a line may go on, and that word, as Node's readline wants them. */
export async function complete(line: string, vocabulary: ShellVocabulary): Promise<[string[], string]> {
  const words = line.trimStart().split(/\s+/);
  const last = words.at(-1) ?? '';
  const [command = ''] = words;
  if (words.length === 1) return [startingWith(last, [...vocabulary.commands.keys()]), last];
  if (last.startsWith('-')) return [startingWith(last, vocabulary.commands.get(command) ?? []), last];
  const isKey = words.length === 2 && vocabulary.keyCommands.has(command) && /^[^'"\\]*$/.test(last);
  if (!isKey) return [[], last];
  const keys = await vocabulary.keys(last);
  return [keys.map(quoted), last];
}

const startingWith = (start: string, words: readonly string[]): string[] =>
  words.filter((word) => word.startsWith(start)).sort();
