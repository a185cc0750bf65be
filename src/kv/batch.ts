import { assert } from '../base/assert.ts';
import type { BatchCommand, Fence } from './commands.ts';
import type { KeySpace } from './key-space.ts';
import type { Leases } from './leases.ts';
import type { KeyOp, Op, StateOp } from './ops.ts';
import { isKeyOp } from './ops.ts';
import type { OpResult } from './replies.ts';
import { recordVersion } from './records.ts';
import type { Effect, OpContext } from './run-op.ts';
import { failed, runOp } from './run-op.ts';

export interface BatchContext extends OpContext {
  readonly leases: Leases;
  /** Bytes of all values that the results carry; one value alone may be larger. */
  readonly replyBytesMax: number;
}

/** Executes a batch: a result for each operation. */
export function runBatch(keys: KeySpace, batch: BatchCommand, context: BatchContext): OpResult[] {
  if (batch.fence !== undefined && !isHeld(keys, batch.fence, context.stampMs)) {
    return batch.ops.map(() => ({ status: 'fenced', version: 0 }));
  }
  if (!batch.atomic) return runEach(keys, batch.ops, context);
  assert(batch.ops.every(isKeyOp), 'an atomic batch has operations on keys only');
  return runAtomic(keys, batch.ops, context);
}

/** A lock is a key; whoever acquires it anew, after it was released or lost, makes a version that never was before. */
function isHeld(keys: KeySpace, { lock, token }: Fence, stampMs: number): boolean {
  const record = keys.current(lock, stampMs);
  return record !== undefined && recordVersion(record) === token;
}

/** Executes each operation by itself, in order: one that fails leaves the others alone. */
function runEach(keys: KeySpace, ops: readonly Op[], context: BatchContext): OpResult[] {
  const room = new ReplyRoom(context.replyBytesMax);
  return ops.map((op) => {
    if (!isKeyOp(op)) return runStateOp(keys, op, context);
    const current = keys.current(op.key, context.stampMs);
    const effect = room.take(runOp(op, current, keys.version + 1, context));
    carryOut(keys, op.key, current, effect);
    return effect.result;
  });
}

/**
 * Executes all operations or none. Each one sees what those before it would leave. Keys that are due go in any case:
 * the time for that has come, whatever the batch says.
 */
function runAtomic(keys: KeySpace, ops: readonly KeyOp[], context: BatchContext): OpResult[] {
  for (const { key } of ops) keys.current(key, context.stampMs);
  const before = keys.version;
  const room = new ReplyRoom(context.replyBytesMax);
  const staged = new Map<string, Uint8Array | undefined>();
  let version = before;
  let possible = true;
  const effects = ops.map((op) => {
    const current = staged.has(op.key) ? staged.get(op.key) : keys.read(op.key);
    const effect = room.take(runOp(op, current, version + 1, context));
    if (effect.kind === 'failed') possible = false;
    if (effect.kind === 'put' || effect.kind === 'delete') version++;
    if (effect.kind === 'put' || effect.kind === 'touch') staged.set(op.key, effect.record);
    if (effect.kind === 'delete') staged.set(op.key, undefined);
    return effect;
  });
  if (!possible) return effects.map((effect) => undone(effect, before));
  for (const [i, effect] of effects.entries()) {
    const { key } = ops[i] as KeyOp;
    carryOut(keys, key, keys.read(key), effect);
  }
  return effects.map(({ result }) => result);
}

/** The result of an operation whose batch was not applied: it must not name a version that another change will get. */
function undone({ kind, result: { status, version } }: Effect, versionMax: number): OpResult {
  if (kind !== 'failed') return { status: 'not-applied', version: 0 };
  return { status, version: version > versionMax ? 0 : version };
}

function runStateOp(keys: KeySpace, op: StateOp, { leases, stampMs }: BatchContext): OpResult {
  switch (op.op) {
    case 'flush':
      if (op.delayMs === undefined) keys.flush(stampMs);
      else keys.flushAt(stampMs + op.delayMs);
      return { status: 'ok', version: keys.version };
    case 'lease-grant': {
      const lease = leases.grant(op.ttlMs, stampMs);
      return lease === null ? { status: 'too-many-leases', version: 0 } : { status: 'ok', version: 0, lease };
    }
    case 'lease-keep-alive':
      return { status: leases.keepAlive(op.lease, stampMs) ? 'ok' : 'lease-not-found', version: 0 };
    case 'lease-revoke':
      return { status: leases.revoke(op.lease, stampMs) ? 'ok' : 'lease-not-found', version: 0 };
  }
}

function carryOut(keys: KeySpace, key: string, old: Uint8Array | undefined, effect: Effect): void {
  if (effect.kind === 'put') keys.put(key, old, effect.record);
  else if (old === undefined) return;
  else if (effect.kind === 'touch') keys.touch(key, old, effect.record);
  else if (effect.kind === 'delete') keys.delete(key, old);
}

/** Bounds what the values in the results of one batch take together. */
class ReplyRoom {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The effect, unless there is no room for the value that it answers. */
  take(effect: Effect): Effect {
    const bytes = effect.result.value?.length ?? 0;
    if (this.#bytes > 0 && bytes > 0 && this.#bytes + bytes > this.#bytesMax)
      return failed('reply-too-large');
    this.#bytes += bytes;
    return effect;
  }
}
