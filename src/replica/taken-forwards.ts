import type { MemberId } from '../raft/types.ts';

/** Forwards that are remembered per sender: more than a sender has under way. */
const REMEMBERED = 1_024;

interface Sender {
  readonly boot: number;
  /** In the order in which they were taken. */
  readonly numbers: Set<number>;
}

/**
 * The forwards of other servers that were appended here, whatever became of them then. A message may arrive twice;
 * a refusal of the second would tell its sender that the first was never appended.
 */
export class TakenForwards {
  readonly #senders = new Map<MemberId, Sender>();

  has(from: MemberId, boot: number, number: number): boolean {
    const sender = this.#senders.get(from);
    return sender?.boot === boot && sender.numbers.has(number);
  }

  add(from: MemberId, boot: number, number: number): void {
    let sender = this.#senders.get(from);
    if (sender?.boot !== boot) {
      sender = { boot, numbers: new Set() };
      this.#senders.set(from, sender);
    }
    sender.numbers.add(number);
    if (sender.numbers.size <= REMEMBERED) return;
    for (const oldest of sender.numbers) {
      sender.numbers.delete(oldest);
      break;
    }
  }
}
