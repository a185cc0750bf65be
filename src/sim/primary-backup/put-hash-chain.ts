import { SimFailure } from '../failure.ts';
import type { PrimaryBackupMachine } from './machines.ts';
import type { PrimaryBackupStage } from './stage.ts';

const CLIENTS = 4;
const CALLS = 30;
const THINK_MS_MAX = 80;
const KEY = 'chain';

interface Call {
  readonly value: string;
  readonly old: string;
}

/** The decimal text of the 32-bit FNV-1a hash, as the specification of put-hash has it. */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return String(hash >>> 0);
}

/**
 * Clients hash values into one key, while primaries and backups die. Each reply is the value before, so the replies
 * form one chain from the empty value to the last: a call that was lost or executed twice breaks it.
 */
export function putHashChain(stage: PrimaryBackupStage): void {
  const { primary, backup, spare } = stage.pair();
  const calls: Call[] = [];
  // It works for the clients and stays: it is told how every call ended.
  for (let client = 0; client < CLIENTS; client++) callOn(stage, spare, calls, { client, number: 1 });
  for (const [i, victim] of [primary, backup, primary].entries()) {
    stage.until('calls are answered', () => calls.length >= (CLIENTS * CALLS * (i + 1)) / 5);
    victim.crash();
    stage.run(300);
    victim.start();
  }
  stage.until('all calls are answered', () => calls.length === CLIENTS * CALLS, 60_000);
  check(calls, read(stage, spare));
}

/** Not as a client whose history is checked: that would not know of the calls. */
function read(stage: PrimaryBackupStage, { session, process }: PrimaryBackupMachine): string {
  if (session === null || process === null) throw new SimFailure('the server of the clients stays');
  let value: string | null = null;
  process.run(() =>
    session.readBarrier(process.clock.monotonicMs() + stage.world.requestTimeoutMs, ({ ok }) => {
      if (ok) value = Buffer.from(session.get(KEY)?.value ?? []).toString();
    }),
  );
  stage.until('the last value is read', () => value !== null);
  return value ?? '';
}

function callOn(
  stage: PrimaryBackupStage,
  server: PrimaryBackupMachine,
  calls: Call[],
  { client, number }: { readonly client: number; readonly number: number },
): void {
  const { session, process } = server;
  if (session === null || process === null) throw new SimFailure('the server of the clients stays');
  const value = `${client}.${number};`;
  const deadlineMs = process.clock.monotonicMs() + stage.world.requestTimeoutMs;
  process.run(() =>
    session.write([{ op: 'put-hash', key: KEY, value: Buffer.from(value) }], deadlineMs, (outcome) => {
      if (!outcome.ok) throw new SimFailure(`put-hash ${value} failed: ${outcome.error.message}`);
      calls.push({ value, old: Buffer.from(outcome.results[0]?.value ?? []).toString() });
      if (number === CALLS) return;
      stage.scheduler.schedule(stage.prng.float() * THINK_MS_MAX, () =>
        callOn(stage, server, calls, { client, number: number + 1 }),
      );
    }),
  );
}

function check(calls: readonly Call[], last: string): void {
  const byOld = new Map(calls.map((call) => [call.old, call]));
  if (byOld.size !== calls.length) throw new SimFailure('two calls found the same value');
  let value = '';
  for (let i = 0; i < calls.length; i++) {
    const call = byOld.get(value);
    if (call === undefined)
      throw new SimFailure(`nobody was told ${value}: the chain breaks after ${i} calls`);
    value = fnv1a(value + call.value);
  }
  if (value !== last) throw new SimFailure(`the replies add up to ${value}, the key holds ${last}`);
}
