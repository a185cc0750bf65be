import type { Store } from '../store/store.ts';
import type { LogTime } from './log-time.ts';
import type { StateMachine } from './state-machine.ts';

interface DeadlineParts {
  readonly node: { readonly role: string };
  readonly machine: StateMachine;
  readonly store: Store;
}

interface Appender {
  /** Appends a command that nobody waits for; null when it was refused. */
  appendOwn(command: Uint8Array, stampMs: number): number | null;
}

/**
 * A leader appends the entry that drops what is due before it takes a write or confirms a read, so that neither sees
 * what the cluster's time has ended; with nothing to do, when it falls due.
 */
export class Deadlines {
  readonly #parts: DeadlineParts;
  readonly #router: Appender;
  readonly #logTime: LogTime;
  /** The last entry that was appended for this, and its stamp: it covers everything that was due by then. */
  #appended = { index: 0, stampMs: -1 };

  constructor(parts: DeadlineParts, router: Appender, logTime: LogTime) {
    this.#parts = parts;
    this.#router = router;
    this.#logTime = logTime;
  }

  /** Another leader: what was appended may be gone. */
  reset(): void {
    this.#appended = { index: 0, stampMs: -1 };
  }

  /** Appends that entry if anything is due. Gives the index that a read must include, 0 for any. */
  take(): number {
    const { node, machine, store } = this.#parts;
    if (node.role !== 'leader') return 0;
    const due = machine.nextDeadlineMs();
    const nowMs = this.#logTime.nowMs();
    if (due === null || due > nowMs) return 0;
    const underWay = this.#appended.index > store.position.index && this.#appended.stampMs >= due;
    if (!underWay) {
      const index = this.#router.appendOwn(machine.deadlineCommand(nowMs), nowMs);
      if (index === null) return 0;
      this.#appended = { index, stampMs: nowMs };
    }
    return this.#appended.index;
  }
}
