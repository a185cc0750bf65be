import type { History, HistoryHeader, Invocation, Operation, OperationResult } from './history.ts';

/** A span of time from call to return; without a return the outcome is unknown. */
export type Span = readonly [callMs: number, returnMs?: number];

/** An operation of client `client`, on key `x` if the invocation names no other. */
export function operation(
  client: string,
  [callMs, returnMs]: Span,
  invocation: Omit<Invocation, 'key'> & { readonly key?: string },
  result: Partial<OperationResult> = {},
): Operation {
  const base = { key: 'x', ...invocation, client, callMs };
  if (returnMs === undefined) return { ...base, returnMs: null, outcome: 'unknown' };
  return { ...base, returnMs, outcome: 'ok', result: { status: 'ok', ...result } };
}

export const put = (client: string, span: Span, value: string): Operation =>
  operation(client, span, { kind: 'put', value });

export const append = (client: string, span: Span, value: string): Operation =>
  operation(client, span, { kind: 'append', value });

/** A read of `value`, or of an absent key. */
export const get = (client: string, span: Span, value: string | null): Operation =>
  operation(client, span, { kind: 'get' }, value === null ? { status: 'not-found' } : { value });

export function history(operations: readonly Operation[], header: HistoryHeader = {}): History {
  return { header, operations };
}
