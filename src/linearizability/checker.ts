import { KvraftError } from '../base/errors.ts';
import { Budget, type Limit } from './budget.ts';
import { diagnose, replay } from './diagnosis.ts';
import {
  knows,
  modelNames,
  operationKinds,
  type History,
  type ModelName,
  type Operation,
} from './history.ts';
import { appendModel } from './models/append.ts';
import type { Candidate, Model, PreparedModel } from './models/model.ts';
import { registerModel } from './models/register.ts';
import { versionedModel } from './models/versioned.ts';
import { candidatesOf, partitionByKey, type Partition } from './partition.ts';
import { openSearch, type Search } from './search.ts';
import { clientName, showText, type Text } from './text.ts';
import { narrowByVersion, type VersionFault } from './versions.ts';

/** `unknown`: a budget ran out before there was an answer. */
export type Verdict = 'ok' | 'illegal' | 'unknown';

export interface CheckOptions {
  /** The model to check against; by default the one that the history names, or the one that knows its operations. */
  readonly model?: ModelName;
  /** The steps to take at most, over all keys; a deterministic budget. Default: 50 million. */
  readonly stepsMax?: number;
  /** The memory to remember configurations in at most, over all keys. Default: 1 GiB. */
  readonly memoryBytesMax?: number;
  /** Asked every few thousand steps; true ends the check, with the verdict `unknown` for what is not decided. */
  readonly shouldStop?: () => boolean;
}

/** What was found about the operations on one key. Operations are named by their place in the history. */
export interface KeyResult {
  readonly key: Text;
  readonly verdict: Verdict;
  /** The operations that had to be placed, or could be. */
  readonly operations: readonly number[];
  /**
   * A legal order: of all operations if the verdict is `ok`, of those that had returned before the blocked one did
   * if it is `illegal`, of as many as were placed when the budget ran out if it is `unknown`. What is optional may
   * be missing.
   */
  readonly order: readonly number[];
  /** The states after each operation of `order`, for people. */
  readonly states: () => readonly string[];
  /** If the verdict is `illegal`. */
  readonly blocked?: Blocked;
}

/** The operation that no legal order has a place for. */
export interface Blocked {
  readonly operation: number;
  /** Why it cannot follow `order`. */
  readonly reason: string;
  /** The state at the end of `order`. */
  readonly state: string;
  /** Whether it is surely the first one whose return leaves no legal order. */
  readonly isFirst: boolean;
}

export interface CheckResult {
  readonly verdict: Verdict;
  readonly model: ModelName;
  /** How many operations were checked; those that failed and reads without an answer are not among them. */
  readonly checked: number;
  readonly keys: readonly KeyResult[];
  /** Versions that contradict each other, whatever the order of the operations on each key. */
  readonly versionFaults: readonly VersionFault[];
  readonly steps: number;
  /** What ran out, if a verdict is `unknown`. */
  readonly limit?: Limit;
}

const models: Record<ModelName, Model> = {
  register: registerModel,
  append: appendModel,
  versioned: versionedModel,
};

const STEPS_MAX = 50_000_000;
const MEMORY_BYTES_MAX = 2 ** 30;
/** Diagnoses of illegal keys get as much again, but no more than this. */
const DIAGNOSIS_STEPS_MAX = 10_000_000;
const FIRST_SLICE_STEPS = 65_536;
/** Some 50 MiB of memory at most, which is looked at between slices. */
const LAST_SLICE_STEPS = 1_048_576;

/**
 * Decides whether a history is linearizable, that is, whether the operations can be put into one order in which
 * every answer is right and no operation comes before one that had returned before it was called. Throws
 * `INVALID_ARGUMENT` if the model does not know one of the operations.
 */
export function checkHistory(history: History, options: CheckOptions = {}): CheckResult {
  const { header } = history;
  const model = models[options.model ?? header.model ?? guessModel(history.operations)];
  refuseUnknownKinds(history.operations, model.name);
  const candidates = candidatesOf(history.operations);
  const narrowed =
    model.name === 'versioned' ? narrowByVersion(candidates, header.versionScope ?? 'store') : candidates;
  const versionFaults = narrowed.filter((each): each is VersionFault => 'message' in each);
  const usable = versionFaults.length > 0 ? candidates : (narrowed as Candidate[]);

  const shouldStop = options.shouldStop ?? ((): boolean => false);
  const stepsMax = options.stepsMax ?? STEPS_MAX;
  const budget = new Budget(stepsMax, shouldStop);
  const diagnosisBudget = new Budget(Math.min(stepsMax, DIAGNOSIS_STEPS_MAX), shouldStop);
  const partitions = partitionByKey(usable);
  const searches = searchAll(partitions, model, history, budget, options.memoryBytesMax ?? MEMORY_BYTES_MAX);
  const keys = searches.searched.map((searched) => keyResult(searched, model, history, diagnosisBudget));
  const verdicts = new Set(keys.map(({ verdict }) => verdict));
  const verdict =
    verdicts.has('illegal') || versionFaults.length > 0
      ? 'illegal'
      : verdicts.has('unknown')
        ? 'unknown'
        : 'ok';
  return {
    verdict,
    model: model.name,
    checked: candidates.length,
    keys,
    versionFaults,
    steps: budget.stepsTaken + diagnosisBudget.stepsTaken,
    ...(searches.limit === undefined ? {} : { limit: searches.limit }),
  };
}

/** The simplest model that knows all operations. */
function guessModel(operations: readonly Operation[]): ModelName {
  const known = (model: ModelName): boolean => operations.every((operation) => knows(model, operation));
  return modelNames.find(known) ?? 'versioned';
}

function refuseUnknownKinds(operations: readonly Operation[], model: ModelName): void {
  for (const operation of operations) {
    if (knows(model, operation)) continue;
    const { kind, key, client } = operation;
    const isKnown = (operationKinds[kind] as readonly ModelName[]).includes(model);
    const what = isKnown ? `${kind} with conditions or versions` : kind;
    const message = `the model ${model} knows no ${what} (of ${showText(key)}, by ${clientName(client)})`;
    throw new KvraftError('INVALID_ARGUMENT', `${message}; check each model's operations apart`);
  }
}

interface Searched {
  readonly partition: Partition;
  readonly verdict: Verdict;
  /** As places in the partition. */
  readonly order: readonly number[];
}

/** A search that was not through when its last slice ended. */
interface OpenSearch {
  readonly place: number;
  readonly search: Search<unknown>;
}

/** Searches the keys in turn, in slices that grow, so that one hard key does not keep the others from being checked. */
function searchAll(
  partitions: readonly Partition[],
  model: Model,
  { header }: History,
  budget: Budget,
  memoryBytesMax: number,
): { readonly searched: Searched[]; readonly limit: Limit | undefined } {
  const searched: Searched[] = partitions.map((partition) => ({ partition, verdict: 'unknown', order: [] }));
  let limit: Limit | undefined;
  const slice = ({ place, search }: OpenSearch, steps: number): boolean => {
    const verdict = budget.run(search, steps);
    const isOpen = verdict === 'open';
    if (!isOpen || budget.limit !== undefined) {
      const { partition } = searched[place] as Searched;
      searched[place] = { partition, verdict: isOpen ? 'unknown' : verdict, order: search.order };
    }
    return isOpen;
  };
  let open: OpenSearch[] = [];
  for (const [place, { candidates }] of partitions.entries()) {
    const each = { place, search: openSearch(model, candidates, header) };
    if (slice(each, FIRST_SLICE_STEPS)) open.push(each);
    if (releaseMemory(open, memoryBytesMax)) limit = 'memory';
  }
  for (let steps = FIRST_SLICE_STEPS; open.length > 0 && budget.limit === undefined;) {
    steps = Math.min(steps * 2, LAST_SLICE_STEPS);
    const next: OpenSearch[] = [];
    for (const each of open) if (slice(each, steps)) next.push(each);
    open = next;
    if (releaseMemory(open, memoryBytesMax)) limit = 'memory';
  }
  return { searched, limit: budget.limit ?? limit };
}

/** Gives the largest searches up until the others fit; whether it had to. */
function releaseMemory(open: OpenSearch[], bytesMax: number): boolean {
  let isOver = false;
  const sum = (): number => open.reduce((bytes, { search }) => bytes + search.bytes, 0);
  while (sum() > bytesMax) {
    isOver = true;
    const largest = open.reduce((a, b) => (b.search.bytes > a.search.bytes ? b : a));
    open.splice(open.indexOf(largest), 1);
  }
  return isOver;
}

function keyResult(
  { partition, verdict, order }: Searched,
  model: Model,
  { header }: History,
  budget: Budget,
): KeyResult {
  const { key, candidates } = partition;
  const diagnosis = verdict === 'illegal' ? diagnose(model, header, partition, budget) : undefined;
  const placed = diagnosis?.order ?? order.map((i) => candidates[i] as Candidate);
  const base = {
    key,
    verdict,
    operations: candidates.map(({ index }) => index),
    order: placed.map(({ index }) => index),
    states: () => statesOf(model.prepare(candidates, header), candidates, placed),
  };
  if (diagnosis === undefined) return base;
  const { blocked, reason, state, isFirst } = diagnosis;
  return { ...base, blocked: { operation: blocked.index, reason, state, isFirst } };
}

function statesOf(
  prepared: PreparedModel<unknown>,
  candidates: readonly Candidate[],
  order: readonly Candidate[],
): string[] {
  return replay(prepared, candidates, order).map((state) => prepared.describe(state));
}
