import type { TextDialect } from '../wire/text-dialects.ts';
import type { System } from './system.ts';

/** One thing that is checked of a system. */
export interface Check {
  /** `group/what`: for choosing, and for programs. */
  readonly name: string;
  /** The rule that is checked, for people. */
  readonly about: string;
  /** It starts and kills servers. */
  readonly kills?: boolean;
  /** It makes sense with so many servers, or more. */
  readonly serversMin?: number;
  /** The dialects that it makes sense in; all if absent. */
  readonly dialects?: (dialect: TextDialect) => boolean;
  /** Throws a `CheckFailure` if the system fails. */
  run(system: System): Promise<void>;
}

/** Whether the check makes sense for the system, else why not. */
export function whyNot(check: Check, system: System): string | null {
  const { control, dialect, servers } = system.options;
  if (check.kills && control === null) return 'needs servers that the tester starts (--start)';
  if (servers.length < (check.serversMin ?? 1)) return `needs ${check.serversMin} servers`;
  if (check.dialects?.(dialect) === false) return `says nothing of the dialect ${dialect.name}`;
  return null;
}
