import type { Operation } from './history.ts';
import type { Candidate } from './models/model.ts';
import type { Text } from './text.ts';

/** The operations on one key. */
export interface Partition {
  readonly key: Text;
  readonly candidates: readonly Candidate[];
}

/**
 * The operations that an order has to be found for. One that failed did not happen; a read without an answer
 * tells nothing; a write without an answer may be left out.
 */
export function candidatesOf(operations: readonly Operation[]): Candidate[] {
  const candidates: Candidate[] = [];
  for (const [index, operation] of operations.entries()) {
    const { kind, outcome, callMs, returnMs } = operation;
    if (outcome === 'ok') candidates.push({ operation, index, callMs, returnMs: returnMs ?? Infinity });
    else if (outcome === 'unknown' && kind !== 'get' && kind !== 'getm') {
      candidates.push({ operation, index, callMs, returnMs: Infinity });
    }
  }
  return candidates;
}

/**
 * Splits by key: a history is linearizable if and only if its part on every key is (P-compositionality; Herlihy
 * and Wing, "Linearizability", 1990, locality). In order of first appearance.
 */
export function partitionByKey(candidates: readonly Candidate[]): Partition[] {
  const partitions = new Map<Text, Candidate[]>();
  for (const candidate of candidates) {
    const { key } = candidate.operation;
    const partition = partitions.get(key);
    if (partition === undefined) partitions.set(key, [candidate]);
    else partition.push(candidate);
  }
  return Array.from(partitions, ([key, each]) => ({ key, candidates: each }));
}
