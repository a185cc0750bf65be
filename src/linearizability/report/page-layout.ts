import type { ReportData, ReportOperation } from './report-data.ts';

/**
 * Everything in the files `page-*.ts` runs in the browser: the functions are written into the page as they are,
 * so they use nothing but each other, and hold no constants outside of functions.
 */

/** An operation as it is drawn. Ranks count the calls and returns in view, from 0 on. */
export interface Bar {
  /** Its place in the history. */
  readonly index: number;
  readonly from: number;
  readonly to: number;
  /** Where in time it takes effect in the order shown, as a rank with a fraction; null: it is not in the order. */
  readonly point: number | null;
  /** Its place in the order shown, from 1 on; 0: it is not in it. */
  readonly place: number;
  readonly status: 'placed' | 'blocked' | 'left-out' | 'failed' | 'later';
  readonly row: number;
}

/** The rows of one client. */
export interface Lane {
  readonly client: number;
  readonly firstRow: number;
  readonly rows: number;
}

/** The operations on one key, or on all of them, laid out. */
export interface Layout {
  readonly bars: readonly Bar[];
  readonly barOf: ReadonlyMap<number, Bar>;
  /** The bars of each row, which do not overlap, from left to right. */
  readonly rows: readonly (readonly Bar[])[];
  readonly lanes: readonly Lane[];
  /** When each event happened, by rank. */
  readonly timesMs: readonly number[];
  /** The states of the key: each from its point on; without a key, none. */
  readonly states: readonly StateSpan[];
  /** The operations of the order shown, and their points. */
  readonly order: readonly number[];
  readonly orderPoints: readonly number[];
}

export interface StateSpan {
  readonly from: number;
  readonly text: string;
}

export interface CallOrReturn {
  readonly index: number;
  readonly isCall: boolean;
  readonly ms: number;
}

/** Lays out the operations on key `key`, or on all keys if it is -1. */
export function layOut(data: ReportData, key: number): Layout {
  const shownKey = data.keys[key];
  const indexes = shownKey === undefined ? data.operations.map((_, i) => i) : shownKey.operations;
  const at = (index: number): ReportOperation => data.operations[index] as ReportOperation;

  const events: CallOrReturn[] = [];
  for (const index of indexes) {
    const { callMs, returnMs } = at(index);
    events.push({ index, isCall: true, ms: callMs });
    if (returnMs !== null) events.push({ index, isCall: false, ms: returnMs });
  }
  events.sort((a, b) => a.ms - b.ms || Number(b.isCall) - Number(a.isCall) || a.index - b.index);
  const calls = new Map<number, number>();
  const returns = new Map<number, number>();
  for (const [rank, { index, isCall }] of events.entries()) (isCall ? calls : returns).set(index, rank);

  const nextCalls = nextCallsOf(data, events, calls);

  const order = shownKey === undefined ? [] : shownKey.order;
  const points = pointsOf(order, calls);
  const bars: Bar[] = [];
  const placement = placementOf(data);
  for (const index of indexes) {
    const from = calls.get(index) as number;
    bars.push({
      index,
      from,
      to: returns.get(index) ?? Math.min(from + 2, (nextCalls.get(index) ?? Infinity) - 0.2),
      point: points.get(index) ?? null,
      place: placement.places.get(index) ?? 0,
      status: placement.statusOf(index),
      row: 0,
    });
  }
  bars.sort((a, b) => a.from - b.from);
  const { placed, rows, lanes } = stack(bars, data);
  return {
    bars: placed,
    barOf: new Map(placed.map((bar) => [bar.index, bar])),
    rows,
    lanes,
    timesMs: events.map(({ ms }) => ms),
    states: shownKey === undefined ? [] : spansOf(order, shownKey.states, points),
    order,
    orderPoints: order.map((index) => points.get(index) ?? 0),
  };
}

/** Of each operation, the rank of the next call by the same client. */
export function nextCallsOf(
  data: ReportData,
  events: readonly CallOrReturn[],
  calls: ReadonlyMap<number, number>,
): Map<number, number> {
  const lastOf = new Map<number, number>();
  const nextCalls = new Map<number, number>();
  for (const { index, isCall } of events) {
    if (!isCall) continue;
    const { client } = data.operations[index] as ReportOperation;
    const last = lastOf.get(client);
    if (last !== undefined) nextCalls.set(last, calls.get(index) as number);
    lastOf.set(client, index);
  }
  return nextCalls;
}

/** Where the operations of all keys stand in the orders of their keys, and what that makes of them. */
export function placementOf(data: ReportData): {
  readonly places: ReadonlyMap<number, number>;
  readonly statusOf: (index: number) => Bar['status'];
} {
  const places = new Map<number, number>();
  const blocked = new Set(data.keys.flatMap((key) => (key.blocked === null ? [] : [key.blocked.operation])));
  for (const fault of data.faults) for (const index of fault.operations) blocked.add(index);
  for (const { order } of data.keys) for (const [i, index] of order.entries()) places.set(index, i + 1);
  const statusOf = (index: number): Bar['status'] => {
    if (blocked.has(index)) return 'blocked';
    if (places.has(index)) return 'placed';
    const operation = data.operations[index] as ReportOperation;
    if (operation.outcome === 'fail') return 'failed';
    return operation.outcome === 'unknown' ? 'left-out' : 'later';
  };
  return { places, statusOf };
}

/**
 * Moments for the operations of an order, one after the other: each as soon as all before it and itself were
 * called. Those that share the latest call have the time up to the next event in equal parts.
 */
export function pointsOf(order: readonly number[], calls: ReadonlyMap<number, number>): Map<number, number> {
  const points = new Map<number, number>();
  let latest = -1;
  let group: number[] = [];
  const close = (): void => {
    for (const [i, index] of group.entries()) points.set(index, latest + (i + 1) / (group.length + 1));
    group = [];
  };
  for (const index of order) {
    const call = calls.get(index) ?? 0;
    if (call > latest) {
      close();
      latest = call;
    }
    group.push(index);
  }
  close();
  return points;
}

export function spansOf(
  order: readonly number[],
  states: readonly string[],
  points: ReadonlyMap<number, number>,
): StateSpan[] {
  const spans: StateSpan[] = [];
  for (const [i, index] of order.entries()) {
    const text = states[i] ?? '';
    if (spans.at(-1)?.text !== text) spans.push({ from: points.get(index) ?? 0, text });
  }
  return spans;
}

/** Gives each client as many rows as it had operations at once. */
export function stack(
  bars: readonly Bar[],
  data: ReportData,
): { readonly placed: Bar[]; readonly rows: Bar[][]; readonly lanes: Lane[] } {
  const byClient = data.clients.map((): Bar[] => []);
  for (const bar of bars) byClient[(data.operations[bar.index] as ReportOperation).client]?.push(bar);
  const placed: Bar[] = [];
  const rows: Bar[][] = [];
  const lanes: Lane[] = [];
  for (const [client, own] of byClient.entries()) {
    if (own.length === 0) continue;
    const firstRow = rows.length;
    for (const bar of own) {
      let row = firstRow;
      while ((rows[row]?.at(-1)?.to ?? -1) >= bar.from) row++;
      const inRow = { ...bar, row };
      if (row === rows.length) rows.push([inRow]);
      else rows[row]?.push(inRow);
      placed.push(inRow);
    }
    lanes.push({ client, firstRow, rows: rows.length - firstRow });
  }
  return { placed, rows, lanes };
}

/** The number of elements, which are sorted, that `isBefore` holds for. */
export function countBefore<Element>(
  elements: readonly Element[],
  isBefore: (element: Element) => boolean,
): number {
  let low = 0;
  let high = elements.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(elements[middle] as Element)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The time at a rank, also between two events. */
export function timeAt(timesMs: readonly number[], rank: number): number {
  const last = timesMs.length - 1;
  if (last < 0) return 0;
  if (rank <= 0) return timesMs[0] as number;
  if (rank >= last) return timesMs[last] as number;
  const below = Math.floor(rank);
  const [a, b] = [timesMs[below] as number, timesMs[below + 1] as number];
  return a + (b - a) * (rank - below);
}

/** Milliseconds for people, as exact as the span in view asks for. */
export function formatTime(ms: number, spanMs: number): string {
  const digits = spanMs > 5_000 ? 0 : spanMs > 50 ? 1 : spanMs > 0.5 ? 3 : 6;
  return `${ms.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })} ms`;
}
