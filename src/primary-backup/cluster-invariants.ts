import { assert } from '../base/assert.ts';
import type { MemberId } from '../raft/types.ts';
import type { PrimaryBackup } from './primary-backup.ts';
import { sameLife, type Life, type PrepareOk, type ServerMessage, type View } from './types.ts';
import { isAcknowledged, type ViewState } from './view-state.ts';

interface Known {
  readonly view: number;
  readonly checksum: number;
}

/**
 * What must hold over all servers and monitors of a cluster at all times, checked after every step: one primary a
 * view, a log that is one log, nothing committed that is lost, and views that only follow when they may.
 */
export class PrimaryBackupInvariants {
  /** Every view that was ever made. */
  readonly #views = new Map<number, View>();
  /** Of every committed operation, by its number: its view and data. */
  readonly #committed: Known[] = [];
  /** By server: its commit number and view when it was seen last, and up to where its log was checked. */
  readonly #seen = new Map<MemberId, { committed: number; view: number }>();
  #highest: ViewState | null = null;

  /** The latest operation number that any server knew to be committed. */
  get commitIndex(): number {
    return this.#committed.length;
  }

  /** A server after a step. */
  observe(node: PrimaryBackup): void {
    const seen = this.#seen.get(node.id) ?? { committed: 0, view: 0 };
    assert(
      node.view.number === 0 || node.term === node.view.number,
      'a server lives in the last view that it knows',
    );
    assert(node.term >= seen.view, `server ${node.id} went back from view ${seen.view} to ${node.term}`);
    assert(
      node.commitIndex >= seen.committed,
      `server ${node.id} forgot that ${seen.committed} is committed`,
    );
    this.#checkView(node.view);
    const took = node.place === 'primary' && node.view.number !== seen.view;
    if (took) this.#checkTakeover(node);
    this.#checkCommitted(node, seen.committed);
    this.#seen.set(node.id, { committed: node.commitIndex, view: node.term });
  }

  /** A server's process started: what it did not have on disk it may have forgotten, and what it said holds. */
  restarted(node: PrimaryBackup): void {
    this.#seen.set(node.id, { committed: node.commitIndex, view: node.term });
  }

  /** A message leaves: what it promises must be durable. */
  sent(message: ServerMessage, durable: { readonly term: number; readonly lastIndex: number }): void {
    if (message.type === 'PrepareOk') this.#checkAcceptance(message, durable);
  }

  /** A monitor after a step: views follow one another, each only when it may. */
  observeViews(state: ViewState): void {
    const before = this.#highest;
    this.#checkView(state.view);
    if (before === null || state.view.number > before.view.number) {
      if (before !== null) this.#checkSuccession(before, state);
      this.#highest = state;
    } else if (state.view.number === before.view.number) {
      // A monitor that lags does not yet know what the one seen before knew.
      const more = state.inSync || isAcknowledged(state);
      if (more) this.#highest = { ...state, inSync: state.inSync || before.inSync };
    }
  }

  #checkView(view: View): void {
    if (view.number === 0) return;
    const known = this.#views.get(view.number);
    if (known === undefined) {
      this.#views.set(view.number, view);
      return;
    }
    const same = sameLife(known.primary, view.primary) && sameLife(known.backup, view.backup);
    assert(same, `there are two views ${view.number}`);
  }

  /** The rule of the specification, said again without the code that is to keep it. */
  #checkSuccession(before: ViewState, { view }: ViewState): void {
    if (view.number !== before.view.number + 1) return; // Not all steps were seen.
    const { primary, backup } = before.view;
    if (primary === null || view.primary === null) return;
    const restarts = (life: Life | null): boolean =>
      life !== null &&
      view.primary !== null &&
      life.server === view.primary.server &&
      life.folder === view.primary.folder &&
      life.boot < view.primary.boot;
    if (!isAcknowledged(before)) {
      assert(restarts(primary), `view ${view.number} follows one that was not acknowledged`);
      return;
    }
    const stays = sameLife(primary, view.primary) || restarts(primary);
    const promoted = before.inSync && (sameLife(backup, view.primary) || restarts(backup));
    assert(stays || promoted, `view ${view.number} has a primary that was not in sync in the view before`);
  }

  /** Who takes office holds everything that was ever committed. */
  #checkTakeover(node: PrimaryBackup): void {
    const { number } = node.view;
    assert(
      node.lastIndex >= this.#committed.length,
      `the primary of view ${number} has ${node.lastIndex} operations of ${this.#committed.length} committed ones`,
    );
    for (let index = node.firstIndex; index <= this.#committed.length; index++) {
      const known = this.#committed[index - 1];
      assert(
        node.termAt(index) === known?.view,
        `the primary of view ${number} has another operation ${index}`,
      );
    }
  }

  #checkCommitted(node: PrimaryBackup, from: number): void {
    for (let index = Math.max(from + 1, node.firstIndex); index <= node.commitIndex; index++) {
      const [entry] = node.entries(index, index + 1);
      assert(entry !== undefined, `operation ${index} is in the log of server ${node.id}`);
      const checksum = entry.data.reduce((sum, byte) => Math.imul(sum, 31) + byte, entry.stampMs) | 0;
      const known = this.#committed[index - 1];
      if (known === undefined) {
        assert(index === this.#committed.length + 1, `operation ${index} is committed before those below it`);
        this.#committed.push({ view: entry.term, checksum });
        continue;
      }
      assert(
        known.view === entry.term && known.checksum === checksum,
        `server ${node.id} has committed another operation ${index} than was committed before`,
      );
    }
  }

  #checkAcceptance(message: PrepareOk, durable: { readonly term: number; readonly lastIndex: number }): void {
    assert(durable.term >= message.view, `server ${message.from} answers in a view that is not on its disk`);
    if (!message.accepted) return;
    assert(
      durable.lastIndex >= message.index,
      `server ${message.from} accepts ${message.index} and has ${durable.lastIndex} on its disk`,
    );
  }
}
