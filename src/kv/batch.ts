import type { KeySpace } from './key-space.ts';
import type { Op, OpContext } from './ops.ts';
import { runOp } from './ops.ts';
import type { OpResult } from './replies.ts';

/** Executes each operation by itself, in order: one that fails leaves the others alone. */
export function runEach(keys: KeySpace, ops: readonly Op[], context: OpContext): OpResult[] {
  return ops.map((op) => {
    const current = keys.current(op.key, context.stampMs);
    const { result, record } = runOp(op, current, keys.version + 1, context);
    if (record !== undefined) change(keys, op.key, current, record);
    return result;
  });
}

/**
 * Executes all operations or none. Each one sees what those before it would leave. Keys that are due go in any case:
 * the time for that has come, whatever the batch says.
 */
export function runAtomic(keys: KeySpace, ops: readonly Op[], context: OpContext): OpResult[] {
  for (const { key } of ops) keys.current(key, context.stampMs);
  const changes: { readonly key: string; readonly record: Uint8Array | null }[] = [];
  const staged = new Map<string, Uint8Array | null>();
  const results = ops.map((op) => {
    const current = staged.has(op.key) ? (staged.get(op.key) ?? undefined) : keys.read(op.key);
    const version = keys.version + changes.length + 1;
    const { result, record } = runOp(op, current, version, context);
    if (record !== undefined) {
      changes.push({ key: op.key, record });
      staged.set(op.key, record);
    }
    return result;
  });
  // An operation fails exactly when it changes nothing.
  if (changes.length < ops.length) return results.map((result) => undone(result, keys.version));
  for (const { key, record } of changes) change(keys, key, keys.read(key), record);
  return results;
}

/** The result of an operation whose batch was not applied: it must not name a version that another change will get. */
function undone({ status, version }: OpResult, versionMax: number): OpResult {
  if (status === 'ok' || status === 'deleted') return { status: 'not-applied', version: 0 };
  return { status, version: version > versionMax ? 0 : version };
}

function change(keys: KeySpace, key: string, old: Uint8Array | undefined, record: Uint8Array | null): void {
  if (record !== null) keys.put(key, old, record);
  else if (old !== undefined) keys.delete(key, old);
}
