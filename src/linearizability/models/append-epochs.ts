import { LinkedList } from '../linked-list.ts';
import type { Candidate } from './model.ts';

/** The time before the first put. */
const START = -1;
/** Several puts can lead to the read. */
const SEVERAL = -2;

/** The reads of one epoch, shortest first; those that are placed are not in the list. */
interface EpochReads {
  readonly reads: number[];
  list: LinkedList;
  left: number;
}

/**
 * An epoch lasts from one put to the next. A read that begins with the value of exactly one put can only be
 * placed in that put's epoch or before the first one, a read that begins with none only before the first. So once
 * an epoch has begun, all its reads have to be placed before the next one begins, shortest first.
 */
export class Epochs {
  readonly #epochOf: Int32Array;
  readonly #epochs = new Map<number, EpochReads>();
  readonly #placeInEpoch: Int32Array;
  /** The epochs that have begun, the present one last. */
  readonly #past: number[] = [];
  readonly #hasBegun = new Set<number>();
  /** Reads left of epochs that have begun. */
  #due = 0;
  /** Reads left, and those of them that several puts can lead to. */
  #left = 0;
  #severalLeft = 0;

  constructor(candidates: readonly Candidate[], text: readonly (string | undefined)[]) {
    this.#epochOf = Int32Array.from(epochsOf(candidates, text));
    this.#placeInEpoch = new Int32Array(candidates.length);
    for (const [i, { operation }] of candidates.entries()) {
      if (operation.kind === 'get') this.#addRead(i);
    }
    const lengthOf = (i: number): number => text[i]?.length ?? -1;
    for (const epoch of this.#epochs.values()) {
      epoch.reads.sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
      for (const [place, i] of epoch.reads.entries()) this.#placeInEpoch[i] = place + 1;
      epoch.list = new LinkedList(epoch.reads.length);
      epoch.left = epoch.reads.length;
    }
    this.begin(START);
  }

  /** The put `i` is placed. */
  begin(i: number): void {
    this.#past.push(i);
    this.#hasBegun.add(i);
    this.#due += this.#epochs.get(i)?.left ?? 0;
  }

  /** The put that was placed last, `i`, is not placed any more. */
  undoBegin(i: number): void {
    this.#past.pop();
    this.#hasBegun.delete(i);
    this.#due -= this.#epochs.get(i)?.left ?? 0;
  }

  /** The read `i` is placed. */
  take(i: number): void {
    this.#left--;
    const epoch = this.#epochOfRead(i);
    if (epoch === undefined) {
      this.#severalLeft--;
      return;
    }
    epoch.list.lift(this.#placeInEpoch[i] as number);
    epoch.left--;
    if (this.#hasBegun.has(this.#epochOf[i] as number)) this.#due--;
  }

  /** The read `i`, the last one that was placed, is not placed any more. */
  untake(i: number): void {
    this.#left++;
    const epoch = this.#epochOfRead(i);
    if (epoch === undefined) {
      this.#severalLeft++;
      return;
    }
    epoch.list.restore(this.#placeInEpoch[i] as number);
    epoch.left++;
    if (this.#hasBegun.has(this.#epochOf[i] as number)) this.#due++;
  }

  /** Whether a read is left whose epoch is over. */
  hasMissed(): boolean {
    return this.#due > (this.#present()?.left ?? 0);
  }

  /** The shortest read of the present epoch that is left. */
  shortest(): number | undefined {
    const present = this.#present();
    return present === undefined ? undefined : present.reads[present.list.first() - 1];
  }

  /** Whether a read may be left for the epoch that the put `i` begins. */
  mayHaveReads(i: number): boolean {
    return this.#severalLeft > 0 || (this.#epochs.get(i)?.left ?? 0) > 0;
  }

  presentMayHaveReads(): boolean {
    const present = this.#past.at(-1) as number;
    // Appends to the absent key can lead to what begins like a later put.
    return present === START ? this.#left > 0 : this.mayHaveReads(present);
  }

  #present(): EpochReads | undefined {
    return this.#epochs.get(this.#past.at(-1) as number);
  }

  #epochOfRead(i: number): EpochReads | undefined {
    return this.#epochs.get(this.#epochOf[i] as number);
  }

  #addRead(i: number): void {
    this.#left++;
    const name = this.#epochOf[i] as number;
    if (name === SEVERAL) {
      this.#severalLeft++;
      return;
    }
    const epoch = this.#epochs.get(name);
    if (epoch === undefined) this.#epochs.set(name, { reads: [i], list: new LinkedList(0), left: 0 });
    else epoch.reads.push(i);
  }
}

/** Of each read: the only put that can begin its epoch, `START` or `SEVERAL`. Of others: `SEVERAL`. */
function epochsOf(candidates: readonly Candidate[], text: readonly (string | undefined)[]): number[] {
  const putsByText = new Map<string, number[]>();
  for (const [i, { operation }] of candidates.entries()) {
    if (operation.kind !== 'put') continue;
    const puts = putsByText.get(text[i] as string);
    if (puts === undefined) putsByText.set(text[i] as string, [i]);
    else puts.push(i);
  }
  const lengths = [...new Set(Array.from(putsByText.keys(), (put) => put.length))];
  return candidates.map(({ operation, returnMs }, i) => {
    if (operation.kind !== 'get') return SEVERAL;
    const read = text[i];
    if (read === undefined) return START;
    const sources = lengths
      .filter((length) => length <= read.length)
      .flatMap((length) => putsByText.get(read.slice(0, length)) ?? [])
      .filter((put) => (candidates[put] as Candidate).callMs <= returnMs);
    return sources.length > 1 ? SEVERAL : (sources[0] ?? START);
  });
}
