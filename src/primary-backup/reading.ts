import type { MemberId, ReadState } from '../raft/types.ts';
import type { Engine } from './engine.ts';

/** A read that waits until the backup has confirmed that the view still stands. */
interface Read extends ReadState {
  readonly from: MemberId;
}

interface Round {
  readonly number: number;
  readonly reads: readonly Read[];
}

/**
 * Reads at the primary. One round serves all that wait when it begins: the backup answers it only as long as it lives
 * in the same view, so when it does, no later view had a primary that answers clients.
 */
export class Reading {
  readonly #engine: Engine;
  #waiting: Read[] = [];
  #rounds: Round[] = [];
  #round = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The newest round; 0 before the first. */
  get round(): number {
    return this.#round;
  }

  get isRoundDue(): boolean {
    return this.#waiting.length > 0;
  }

  add(read: Read): void {
    this.#waiting.push(read);
  }

  /** Whether a round has begun that the backup must be asked for; without one in sync, the reads are confirmed at once. */
  startRound(mustAsk: boolean): boolean {
    if (!mustAsk) this.confirmed(this.#round);
    if (this.#waiting.length === 0) return false;
    const reads = this.#waiting;
    this.#waiting = [];
    if (!mustAsk) {
      for (const read of reads) this.#answer(read);
      return false;
    }
    this.#rounds.push({ number: ++this.#round, reads });
    return true;
  }

  /** The backup has answered this round, and so all before it. */
  confirmed(number: number): void {
    let count = 0;
    for (const round of this.#rounds) {
      if (round.number > number) break;
      count++;
      for (const read of round.reads) this.#answer(read);
    }
    if (count > 0) this.#rounds = this.#rounds.slice(count);
  }

  pending(): readonly Read[] {
    return [...this.#rounds.flatMap(({ reads }) => reads), ...this.#waiting];
  }

  #answer({ from, context, index, stampMs }: Read): void {
    const { id, view, readStates, messages } = this.#engine;
    if (from === id) readStates.push({ context, index, stampMs });
    else
      messages.push({
        type: 'ReadConfirmed',
        from: id,
        to: from,
        view: view.number,
        context,
        index,
        stampMs,
      });
  }
}
