import type { Operation, OperationKind, VersionScope } from './history.ts';
import type { Candidate } from './models/model.ts';
import { clientName, showText } from './text.ts';

/** Two operations whose versions cannot both be, whatever the order of the rest. */
export interface VersionFault {
  readonly kind: 'duplicate' | 'order';
  /** Their places in the history. */
  readonly operations: readonly [number, number];
  readonly message: string;
}

/** Where an operation shows that a version existed. */
interface Sighting {
  readonly version: number;
  /** Its place in the list of candidates. */
  readonly i: number;
  readonly isWrite: boolean;
}

/**
 * Versions grow with every change, so they tell the order in which changes took effect, over all keys that share
 * a counter. This narrows the time in which each operation took effect: a change comes after the call of every
 * change with a smaller version, and before the return of every operation that made or saw a greater one. What
 * is left is checked key by key, and the order between keys is in it. Returns the narrowed candidates, or faults
 * when some operation has no time left.
 */
export function narrowByVersion(
  candidates: readonly Candidate[],
  scope: VersionScope,
): Candidate[] | VersionFault[] {
  const groups = new Map<string, Sighting[]>();
  for (const [i, { operation }] of candidates.entries()) {
    for (const { version, isWrite } of versionsIn(operation)) {
      const name = scope === 'store' ? '' : operation.key;
      const sighting: Sighting = { version, i, isWrite };
      const group = groups.get(name);
      if (group === undefined) groups.set(name, [sighting]);
      else group.push(sighting);
    }
  }
  const narrowed = [...candidates];
  const faults: VersionFault[] = [];
  for (const sightings of groups.values()) {
    // Of one version, the write comes before the reads.
    sightings.sort((a, b) => a.version - b.version || Number(b.isWrite) - Number(a.isWrite) || a.i - b.i);
    faults.push(...duplicates(sightings, candidates));
    if (faults.length === 0) faults.push(...narrowGroup(sightings, candidates, narrowed));
  }
  return faults.length > 0 ? faults : narrowed;
}

/** The versions that the operation, or those of its batch, made or saw. */
function versionsIn({ kind, result, ops }: Operation): { version: number; isWrite: boolean }[] {
  const results =
    ops === undefined
      ? [{ kind, result }]
      : ops.map((op, at) => ({ kind: op.kind, result: result?.results?.[at] }));
  return results.flatMap(({ kind, result }) =>
    result?.version === undefined
      ? []
      : [{ version: result.version, isWrite: result.status === 'ok' && makesVersion.has(kind) }],
  );
}

const makesVersion: ReadonlySet<OperationKind> = new Set<OperationKind>([
  'set',
  'cas',
  'delete',
  'append',
  'prepend',
  'increment',
  'decrement',
  'put-hash',
]);

function duplicates(sightings: readonly Sighting[], candidates: readonly Candidate[]): VersionFault[] {
  const faults: VersionFault[] = [];
  for (const [n, sighting] of sightings.entries()) {
    const before = sightings[n - 1];
    if (before === undefined || before.version !== sighting.version) continue;
    const [a, b] = [candidates[before.i] as Candidate, candidates[sighting.i] as Candidate];
    if (!sighting.isWrite && a.operation.key === b.operation.key) continue;
    const message = sighting.isWrite
      ? `version ${sighting.version} was given to two changes`
      : `version ${sighting.version} was seen on two keys`;
    faults.push({ kind: 'duplicate', operations: [a.index, b.index], message });
  }
  return faults;
}

/** Narrows the candidates of one counter in place, and returns those that have no time left. */
function narrowGroup(
  sightings: Sighting[],
  candidates: readonly Candidate[],
  narrowed: Candidate[],
): VersionFault[] {
  // Upwards: the write, among those with a version up to this one, that was called last.
  const lastCalled: Candidate[] = [];
  let last: Candidate | undefined;
  for (const [n, { i, isWrite }] of sightings.entries()) {
    const candidate = candidates[i] as Candidate;
    if (isWrite && (last === undefined || candidate.callMs > last.callMs)) last = candidate;
    lastCalled[n] = last ?? candidate;
  }
  // Downwards: the operation, among those that show this version or a greater one, that returned first.
  const faults = new Map<string, VersionFault>();
  let first: Candidate | undefined;
  for (const [n, { i, isWrite }] of [...sightings.entries()].toReversed()) {
    const candidate = candidates[i] as Candidate;
    if (first === undefined || candidate.returnMs < first.returnMs) first = candidate;
    const called = lastCalled[n] as Candidate;
    const returned = isWrite ? first : candidate;
    // A batch shows several versions.
    const known = narrowed[i] as Candidate;
    const callMs = Math.max(known.callMs, called.callMs);
    const returnMs = Math.min(known.returnMs, returned.returnMs);
    if (callMs <= returnMs) narrowed[i] = { ...candidate, callMs, returnMs };
    else faults.set(`${called.index} ${returned.index}`, orderFault(called, returned));
  }
  return [...faults.values()];
}

function orderFault(later: Candidate, earlier: Candidate): VersionFault {
  const show = ({ kind, key, client, result }: Operation): string =>
    `the ${kind} of ${showText(key)} by ${clientName(client)} (version ${result?.version})`;
  return {
    kind: 'order',
    operations: [earlier.index, later.index],
    message:
      `${show(later.operation)} was called after ${show(earlier.operation)} had returned, ` +
      'but its version is not greater',
  };
}
