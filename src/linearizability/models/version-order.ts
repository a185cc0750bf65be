import { LinkedList } from '../linked-list.ts';
import { isOptional, type Candidate } from './model.ts';

/** The operations left that must find a version, or make one, by that version: as versions grow, the least one tells. */
export class VersionOrder {
  readonly #list: LinkedList;
  /** By place in the list, from 1 on. */
  readonly #versions: readonly number[];
  /** Place in the list; 0 for none. */
  readonly #place: Int32Array;

  constructor(candidates: readonly Candidate[]) {
    const known = candidates.flatMap((candidate, i) => {
      const version = versionOf(candidate);
      return version === undefined ? [] : [{ i, version }];
    });
    known.sort((a, b) => a.version - b.version);
    this.#list = new LinkedList(known.length);
    this.#versions = [0, ...known.map(({ version }) => version)];
    this.#place = new Int32Array(candidates.length);
    for (const [place, { i }] of known.entries()) this.#place[i] = place + 1;
  }

  take(i: number): void {
    const place = this.#place[i] as number;
    if (place > 0) this.#list.lift(place);
  }

  /** Undoes the last `take`. */
  untake(i: number): void {
    const place = this.#place[i] as number;
    if (place > 0) this.#list.restore(place);
  }

  /** Whether an operation is left that needs a version below this one. */
  isPassed(floor: number): boolean {
    const first = this.#list.first();
    return first !== 0 && (this.#versions[first] as number) < floor;
  }
}

/** The least version that must be the present one when the operation takes effect, or is made by it. */
function versionOf(candidate: Candidate): number | undefined {
  const { kind, version, result } = candidate.operation;
  if (isOptional(candidate)) return undefined;
  if (kind === 'cas' && result?.status === 'ok') return version;
  const versions = [result, ...(result?.results ?? [])].flatMap((each) => each?.version ?? []);
  return versions.length === 0 ? undefined : Math.min(...versions);
}
