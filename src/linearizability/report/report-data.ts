import type { Blocked, CheckResult, KeyResult } from '../checker.ts';
import type { History, KeyInvocation, Operation, OperationOutcome, OperationResult } from '../history.ts';
import { clientName, showText } from '../text.ts';

/** What the page shows, as JSON in it. All texts are for people, shortened and escaped. */
export interface ReportData {
  readonly title: string;
  readonly verdict: CheckResult['verdict'];
  readonly summary: string;
  readonly clients: readonly string[];
  readonly keys: readonly ReportKey[];
  readonly operations: readonly ReportOperation[];
  readonly faults: readonly ReportFault[];
}

export interface ReportKey {
  readonly name: string;
  readonly verdict: CheckResult['verdict'];
  readonly operations: readonly number[];
  /** A legal order, and the state after each of its operations. */
  readonly order: readonly number[];
  readonly states: readonly string[];
  readonly blocked: ReportBlocked | null;
}

/** The operation without a place, why it has none, and the operations that wrote what it read. */
export interface ReportBlocked {
  readonly operation: number;
  readonly text: string;
  readonly writers: readonly number[];
}

export interface ReportOperation {
  /** Places in `clients` and `keys`. */
  readonly client: number;
  readonly key: number;
  /** What was asked, and what was answered. */
  readonly asked: string;
  readonly answered: string;
  /** Whether it changes something, as far as is known. */
  readonly isWrite: boolean;
  readonly outcome: OperationOutcome;
  readonly callMs: number;
  readonly returnMs: number | null;
}

export interface ReportFault {
  readonly message: string;
  readonly operations: readonly number[];
}

/** Brings the result of a check into the form that the page shows: illegal keys first. */
export function reportData(title: string, history: History, result: CheckResult): ReportData {
  const { compare } = new Intl.Collator('en', { numeric: true });
  const rank = { illegal: 0, unknown: 1, ok: 2 };
  const checked = result.keys.toSorted((a, b) => rank[a.verdict] - rank[b.verdict] || compare(a.key, b.key));
  const places = new Map(checked.map(({ key }, place) => [key, place]));
  const keys = checked.map((key) => reportKey(key, history));
  // A key on which nothing had to be checked is shown all the same.
  for (const { key } of history.operations) {
    if (places.has(key)) continue;
    places.set(key, keys.length);
    keys.push({ name: showText(key), verdict: 'ok', operations: [], order: [], states: [], blocked: null });
  }
  const byKey = keys.map((): number[] => []);
  for (const [index, { key }] of history.operations.entries()) byKey[places.get(key) as number]?.push(index);
  const clients = [...new Set(history.operations.map(({ client }) => client))];
  clients.sort(compare);
  const clientPlaces = new Map(clients.map((client, place) => [client, place]));
  return {
    title,
    verdict: result.verdict,
    summary: summaryOf(history, result, keys.length, clients.length),
    clients: clients.map(clientName),
    keys: keys.map((key, place) => ({ ...key, operations: byKey[place] ?? [] })),
    operations: history.operations.map((operation) =>
      reportOperation(
        operation,
        clientPlaces.get(operation.client) as number,
        places.get(operation.key) as number,
      ),
    ),
    faults: result.versionFaults.map(({ message, operations }) => ({ message, operations })),
  };
}

function summaryOf({ operations }: History, result: CheckResult, keys: number, clients: number): string {
  const count = (n: number, noun: string): string => `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`;
  const limit = result.limit === undefined ? '' : ` · ran out of ${result.limit}`;
  return `${count(operations.length, 'operation')} of ${count(clients, 'client')} on ${count(keys, 'key')} · model ${result.model}${limit}`;
}

function reportKey(key: KeyResult, history: History): ReportKey {
  const { blocked } = key;
  return {
    name: showText(key.key),
    verdict: key.verdict,
    operations: [],
    order: key.order,
    states: key.states(),
    blocked: blocked === undefined ? null : reportBlocked(key, blocked, history),
  };
}

function reportBlocked(key: KeyResult, blocked: Blocked, { operations }: History): ReportBlocked {
  const operation = operations[blocked.operation] as Operation;
  const count = key.order.length;
  const after =
    count === 0
      ? 'At the start of the history'
      : `After the ${count.toLocaleString('en')} operation${count === 1 ? '' : 's'} in the order shown`;
  const exact = blocked.isFirst
    ? ''
    : ' An earlier operation may be the first one without a place: the budget ran out.';
  const read = operation.result?.value;
  return {
    operation: blocked.operation,
    text: `${after}, the ${operation.kind} by ${clientName(operation.client)} has no place: ${blocked.reason}. Nor has it one in any other order.${exact}`,
    writers: read === undefined ? [] : key.operations.filter((index) => operations[index]?.value === read),
  };
}

function reportOperation(operation: Operation, client: number, key: number): ReportOperation {
  const { outcome, callMs, returnMs, kind, result } = operation;
  return {
    client,
    key,
    asked: askedText(operation),
    answered: answeredText(operation),
    isWrite:
      kind !== 'get' &&
      kind !== 'getm' &&
      kind !== 'check' &&
      (result === undefined || result.status === 'ok'),
    outcome,
    callMs,
    returnMs,
  };
}

function askedText({ kind, value, version, ttlMs, when, by, initial, ops }: KeyInvocation): string {
  const parts: string[] = [kind];
  if (value !== undefined) parts.push(showText(value));
  if (by !== undefined) parts.push(`by ${by}`);
  if (initial !== undefined) parts.push(`from ${initial}`);
  if (version !== undefined) parts.push(`for version ${version}`);
  if (when !== undefined && when !== 'always') parts.push(`if ${when}`);
  if (ttlMs !== undefined && ttlMs > 0) parts.push(`for ${ttlMs} ms`);
  if (ops !== undefined) parts.push(`of ${ops.map(askedText).join('; ')}`);
  return parts.join(' ');
}

function answeredText({ outcome, result }: Operation): string {
  if (outcome === 'fail') return 'failed';
  if (outcome === 'unknown' || result === undefined) return '?';
  return resultText(result);
}

function resultText({ status, value, version, ttlMs, results }: OperationResult): string {
  const parts: string[] = [];
  if (status !== 'ok') parts.push(status);
  if (value !== undefined) parts.push(showText(value));
  if (version !== undefined) parts.push(`version ${version}`);
  if (ttlMs !== undefined && ttlMs > 0) parts.push(`for ${ttlMs} ms`);
  if (results !== undefined) parts.push(results.map(resultText).join('; '));
  return parts.length === 0 ? 'ok' : parts.join(', ');
}
