import { narrowByClusters, Spans, type Cluster } from '../clusters.ts';
import { appendTextsOf, TextIndex } from './append-texts.ts';
import type { Candidate } from './model.ts';

/** As often as it may help; each round takes up what the one before has found. */
const ROUNDS_MAX = 8;
/** The time before the first put. */
const START = -1;

/** The reads of the time from one put to the next, in groups of those that read the same, shortest first. */
interface Epoch {
  /** The put that it begins with, or `START`. */
  readonly put: number;
  readonly groups: readonly (readonly number[])[];
}

/** Operations that took effect one after the other; those of one element in any order. */
type Chain = readonly (readonly number[])[];

/**
 * Narrows by what is known of values that only grow from one put to the next: a shorter value was there before a
 * longer one, and each lasted for one stretch of time; a piece that only one append can have added was added
 * between the reads that lack it and those that have it. Undefined if there is no legal order for sure.
 */
export function narrowByGrowth(candidates: readonly Candidate[]): Candidate[] | undefined {
  const { texts } = appendTextsOf(candidates);
  const kindOf = (i: number): string => (candidates[i] as Candidate).operation.kind;
  const all = candidates.map((_, i) => i);
  const puts = new TextIndex();
  const appends = new TextIndex();
  for (const i of all) {
    if (kindOf(i) === 'put') puts.add(texts[i] as string, i);
    if (kindOf(i) === 'append') appends.add(texts[i] as string, i);
  }
  const epochs = epochsOf(
    all.filter((i) => kindOf(i) === 'get'),
    texts,
    puts,
    appends,
  );
  if (epochs === undefined) return undefined;
  const chains = epochs.map((epoch) => chainOf(epoch, texts, appends));

  const spans = new Spans(candidates);
  const lastAbsentMs = all.reduce(
    (ms, i) => (texts[i] === undefined ? Math.max(ms, (candidates[i] as Candidate).callMs) : ms),
    -Infinity,
  );
  for (const i of all) if (texts[i] !== undefined) spans.after(i, lastAbsentMs);

  const home = homesOf(epochs, candidates.length);
  const isChange = all.map((i) => texts[i] === undefined || texts[i] !== '' || kindOf(i) !== 'append');
  const isPutOrKnown = all.map((i) => kindOf(i) === 'put' || texts[i] === undefined || home.epoch[i] !== -1);
  const isLastingOutsider = all.map(
    (i) => isChange[i] === true && (kindOf(i) !== 'get' || isPutOrKnown[i] === true),
  );
  for (let round = 0; round < ROUNDS_MAX; round++) {
    for (const chain of chains) narrowChain(spans, chain);
    for (const epoch of epochs) if (epoch.put === START) keepPutsBehind(spans, epoch, all, kindOf);
    if (!narrowByClusters(spans, home.groups, home.group, isLastingOutsider)) return undefined;
    if (!narrowByClusters(spans, home.epochs, home.epoch, isPutOrKnown)) return undefined;
    if (!spans.takeChange()) break;
  }
  return spans.apply(candidates);
}

/** The epochs of reads of which that is sure; undefined if a read cannot have come about. */
function epochsOf(
  reads: readonly number[],
  texts: readonly (string | undefined)[],
  puts: TextIndex,
  appends: TextIndex,
): Epoch[] | undefined {
  const readsOf = new Map<number, number[]>();
  for (const i of reads) {
    const text = texts[i];
    if (text === undefined) continue;
    const sources = [...puts.at(text, 0)];
    const isFromStart = !appends.at(text, 0).next().done;
    if (sources.length === 0 && !isFromStart) return undefined;
    if (sources.length + Number(isFromStart) > 1) continue;
    const put = sources[0] ?? START;
    const own = readsOf.get(put);
    if (own === undefined) readsOf.set(put, [i]);
    else own.push(i);
  }
  const epochs: Epoch[] = [];
  for (const [put, own] of readsOf) {
    const groups = groupsOf(own, texts);
    if (groups === undefined) return undefined;
    epochs.push({ put, groups });
  }
  return epochs;
}

/** The reads by text, shortest first; undefined if one does not begin with the one before. */
function groupsOf(reads: number[], texts: readonly (string | undefined)[]): number[][] | undefined {
  const textOf = (i: number): string => texts[i] as string;
  reads.sort((a, b) => textOf(a).length - textOf(b).length || a - b);
  const groups: number[][] = [];
  for (const i of reads) {
    const last = groups.at(-1);
    const before = last === undefined ? '' : textOf(last[0] as number);
    if (!textOf(i).startsWith(before)) return undefined;
    if (last !== undefined && before.length === textOf(i).length) last.push(i);
    else groups.push([i]);
  }
  return groups;
}

/** The put, the groups of reads, and between them the appends that must have made the difference. */
function chainOf({ put, groups }: Epoch, texts: readonly (string | undefined)[], appends: TextIndex): Chain {
  const chain: (readonly number[])[] = put === START ? [] : [[put]];
  let length = put === START ? 0 : (texts[put] as string).length;
  for (const group of groups) {
    const text = texts[group[0] as number] as string;
    chain.push(...(onlyTiling(text, length, appends) ?? []).map((i) => [i]), group);
    length = text.length;
  }
  return chain;
}

/** The appends that make up `text` from `offset` on, one after the other, if there is only one way. */
function onlyTiling(text: string, offset: number, appends: TextIndex): number[] | undefined {
  const length = text.length - offset;
  /** By offset: how many ways lead to the end (2 for more), and the first append on one of them. */
  const ways = new Uint8Array(length + 1);
  const firsts = new Int32Array(length + 1).fill(-1);
  const lengths = new Int32Array(length + 1);
  ways[length] = 1;
  for (let at = length - 1; at >= 0; at--) {
    for (const i of appends.at(text, offset + at)) {
      const step = appends.lengthOf(i);
      if (step === 0 || ways[at + step] === 0) continue;
      ways[at] = Math.min(2, (ways[at] as number) + (ways[at + step] as number));
      firsts[at] = i;
      lengths[at] = step;
    }
  }
  if (ways[0] !== 1) return undefined;
  const tiling: number[] = [];
  for (let at = 0; at < length; at += lengths[at] as number) tiling.push(firsts[at] as number);
  return tiling;
}

/** What stands later in a chain takes effect later. */
function narrowChain(spans: Spans, chain: Chain): void {
  let latestCallMs = -Infinity;
  for (const element of chain) {
    for (const i of element) spans.after(i, latestCallMs);
    for (const i of element) latestCallMs = Math.max(latestCallMs, spans.callMs[i] as number);
  }
  let firstReturnMs = Infinity;
  for (const element of chain.toReversed()) {
    for (const i of element) spans.before(i, firstReturnMs);
    for (const i of element) firstReturnMs = Math.min(firstReturnMs, spans.returnMs[i] as number);
  }
}

/** No put comes before a read of what was there before the first put. */
function keepPutsBehind(
  spans: Spans,
  { groups }: Epoch,
  all: readonly number[],
  kindOf: (i: number) => string,
): void {
  let latestCallMs = -Infinity;
  for (const i of groups.flat()) latestCallMs = Math.max(latestCallMs, spans.callMs[i] as number);
  for (const i of all) if (kindOf(i) === 'put') spans.after(i, latestCallMs);
}

/** The clusters that groups and epochs are, and which of them an operation belongs to. */
function homesOf(
  epochs: readonly Epoch[],
  count: number,
): { groups: Cluster[]; group: Int32Array; epochs: Cluster[]; epoch: Int32Array } {
  const home = {
    groups: [] as Cluster[],
    group: new Int32Array(count).fill(-1),
    epochs: [] as Cluster[],
    epoch: new Int32Array(count).fill(-1),
  };
  for (const { put, groups } of epochs) {
    const readers = groups.flat();
    for (const i of put === START ? readers : [put, ...readers]) home.epoch[i] = home.epochs.length;
    home.epochs.push({ writer: put === START ? undefined : put, readers });
    for (const group of groups) {
      for (const i of group) home.group[i] = home.groups.length;
      home.groups.push({ writer: undefined, readers: group });
    }
  }
  return home;
}
