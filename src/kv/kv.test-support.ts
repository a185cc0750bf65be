import assert from 'node:assert/strict';
import { checkState } from './check-state.ts';
import type { Command, Fence } from './commands.ts';
import { encodeCommand } from './commands.ts';
import { KvStateMachine } from './machine.ts';
import { MemoryStorage } from './memory-storage.ts';
import type { AppendOp, CasOp, DeleteOp, Op, SetOp } from './ops.ts';
import type { KvOptions } from './options.ts';
import type { OpResult, Reply } from './replies.ts';

export interface Opened {
  readonly machine: KvStateMachine;
  readonly storage: MemoryStorage;
}

/** A machine with what the storage holds. */
export function open(options: Partial<KvOptions> = {}, storage = new MemoryStorage()): Opened {
  const machine = new KvStateMachine(storage, options);
  machine.load();
  return { machine, storage };
}

export const run = (machine: KvStateMachine, command: Command, stampMs: number): Reply =>
  machine.apply(encodeCommand(command), stampMs);

export const expire = (machine: KvStateMachine, stampMs: number): Reply =>
  run(machine, { command: 'expire' }, stampMs);

export function register(machine: KvStateMachine, stampMs = 0): number {
  const reply = run(machine, { command: 'register' }, stampMs);
  assert(reply.status === 'registered');
  return reply.session;
}

/** A client that has an answer to each request before it makes the next. */
export class Client {
  /** May be replaced by one that goes on from its state. */
  machine: KvStateMachine;
  readonly session: number;
  number = 0;

  constructor(machine: KvStateMachine, stampMs = 0) {
    this.machine = machine;
    this.session = register(machine, stampMs);
  }

  batch(stampMs: number, ops: readonly Op[], atomic = false, fence?: Fence): OpResult[] {
    const number = ++this.number;
    const batch = { command: 'batch', session: this.session, number, lowest: number, atomic, ops } as const;
    const reply = run(this.machine, fence === undefined ? batch : { ...batch, fence }, stampMs);
    assert(reply.status === 'ok', reply.status);
    return [...reply.results];
  }

  do(stampMs: number, op: Op): OpResult {
    const [result] = this.batch(stampMs, [op]);
    assert(result !== undefined);
    return result;
  }
}

export const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

export const set = (key: string, value: string, more: Partial<SetOp> = {}): SetOp => ({
  op: 'set',
  key,
  value: bytes(value),
  flags: 0,
  ttlMs: 0,
  when: 'always',
  ...more,
});

export const cas = (key: string, value: string, version: number): CasOp => ({
  op: 'cas',
  key,
  value: bytes(value),
  flags: 0,
  ttlMs: 0,
  version,
});

export const append = (key: string, value: string, more: Partial<AppendOp> = {}): AppendOp => ({
  op: 'append',
  key,
  value: bytes(value),
  when: 'always',
  ...more,
});

export const remove = (key: string, version = 0): DeleteOp => ({ op: 'delete', key, version });

/** The key's value as text, undefined if it is not there. */
export function textOf(machine: KvStateMachine, key: string): string | undefined {
  const record = machine.get(key);
  return record === undefined ? undefined : Buffer.from(record.value).toString('latin1');
}

/** Saves, and holds the hash that was kept up against one computed from the storage. */
export function checkSaved({ machine, storage }: Opened): void {
  const before = machine.stateHash();
  machine.save();
  assert.equal(machine.stateHash(), before, 'saving changes no state');
  const { stateHash, savedStateHash, keyCount } = checkState(storage);
  assert.equal(savedStateHash, before);
  assert.equal(stateHash, before);
  assert.equal(keyCount, machine.keyCount);
}
