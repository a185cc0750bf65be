import { showReply } from './reply.ts';
import type { Answer } from './tcp-connection.ts';

/** The tested system does not do what it has to. The message says what was asked, what came, and what should have. */
export class CheckFailure extends Error {
  override readonly name = 'CheckFailure';
}

/** A check finds out that the system at hand cannot be asked. */
export class Inapplicable extends Error {
  override readonly name = 'Inapplicable';
}

export function expectThat(condition: boolean, message: string): asserts condition {
  if (!condition) throw new CheckFailure(message);
}

/** What is expected of an answer: a kind of reply, one of the errors by its name. */
export type Expected =
  'ok' | 'deleted' | 'closed' | 'malformed' | 'not-found' | 'version' | { readonly value: Buffer | string };

/** Throws a `CheckFailure` unless the answer is one of those expected. */
export function expectAnswer(asked: string, answer: Answer, ...expected: readonly Expected[]): void {
  if (expected.some((each) => fits(answer, each))) return;
  const wanted = expected.map(describe).join(' or ');
  throw new CheckFailure(`${asked}: expected ${wanted}, got ${showReply(answer)}`);
}

function fits(answer: Answer, expected: Expected): boolean {
  if (typeof expected === 'object') {
    if (answer.kind !== 'value' && answer.kind !== 'meta') return false;
    return answer.value.equals(bytesOf(expected.value));
  }
  if (answer.kind === 'error') return answer.error === expected;
  return answer.kind === expected;
}

function describe(expected: Expected): string {
  if (typeof expected === 'object') {
    return showReply({ kind: 'value', value: bytesOf(expected.value) });
  }
  switch (expected) {
    case 'ok':
      return 'OK <version>';
    case 'deleted':
      return 'DELETED';
    case 'closed':
      return 'the end of the connection';
    default:
      return `the error "${expected}"`;
  }
}

const bytesOf = (value: Buffer | string): Buffer =>
  typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
