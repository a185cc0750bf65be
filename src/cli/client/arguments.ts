import { InvalidArgumentError, Option } from 'commander';
import { limits } from '../../base/limits.ts';
import type { Fence } from '../../client/index.ts';
import type { ClientSession } from './session.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration in milliseconds: a number with `ms`, `s`, `m`, `h` or `d` behind it; without one, seconds. */
export function parseDuration(text: string): number {
  const [, number = '', unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const milliseconds = Math.round(Number(number) * (UNITS[unit] ?? 0));
  if (number === '' || milliseconds < 1 || !Number.isSafeInteger(milliseconds)) {
    throw new InvalidArgumentError(
      'a duration is a number above 0 with ms, s, m, h or d behind it, as in 30s',
    );
  }
  return milliseconds;
}

export function parseVersion(text: string): number {
  const version = Number(text);
  if (!/^\d+$/.test(text) || version < 1 || !Number.isSafeInteger(version)) {
    throw new InvalidArgumentError('a version is a whole number from 1 on');
  }
  return version;
}

export function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text) || Number(text) < 1) {
    throw new InvalidArgumentError('must be a whole number from 1 on');
  }
  return Number(text);
}

/** A value from the command line; `-` stands for all of standard input, byte by byte. */
export async function readValue(session: ClientSession, argument: string): Promise<string | Buffer> {
  return argument === '-' ? session.readInput(limits.valueBytesCeiling) : argument;
}

export const ttlOption = (): Option =>
  new Option('--ttl <duration>', 'let the key expire after 30s, 5m, 2h, 1d, …').argParser(parseDuration);
export const jsonOption = (): Option => new Option('--json', 'print JSON for programs');
export const ifVersionOption = (): Option =>
  new Option('--if-version <version>', 'only if the key has this version').argParser(parseVersion);
/** What `kvraft lock` tells the command that it runs: `<token>:<lock>`. */
export function parseFence(text: string): Fence {
  const [, token = '', lock = ''] = /^(\d{1,16}):(.+)$/s.exec(text) ?? [];
  if (token === '') throw new InvalidArgumentError('a fence is what KVRAFT_FENCE holds under kvraft lock');
  return { lock, token: Number(token) };
}

export const fenceOption = (): Option =>
  new Option('--fence <fence>', 'only as long as the lock is held: KVRAFT_FENCE of kvraft lock').argParser(
    parseFence,
  );

export const staleOption = (): Option =>
  new Option('--stale', 'what the server at hand has, without asking the others');

export const consistency = (stale: true | undefined): { consistency?: 'stale' } =>
  stale ? { consistency: 'stale' } : {};
