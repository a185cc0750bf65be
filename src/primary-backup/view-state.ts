import { assert } from '../base/assert.ts';
import { isSuccessor, NO_VIEW, sameLife, type Life, type View } from './types.ts';

/** What the view service must not forget: its replicated, durable state. */
export interface ViewState {
  readonly view: View;
  /** The number of the last view that its primary acknowledged. The current view is acknowledged if it is its own. */
  readonly acknowledged: number;
  /** Whether the primary of the current view said that its backup is in sync. Never taken back within a view. */
  readonly inSync: boolean;
}

export const NO_VIEW_STATE: ViewState = { view: NO_VIEW, acknowledged: 0, inSync: false };

/** What changes that state. Pings do not. */
export type ViewCommand =
  | { readonly command: 'acknowledge'; readonly number: number; readonly primary: Life }
  | { readonly command: 'in-sync'; readonly number: number; readonly primary: Life }
  | {
      readonly command: 'change';
      /** The view that this one follows. */
      readonly after: number;
      readonly primary: Life;
      readonly backup: Life | null;
    };

export const isAcknowledged = ({ view, acknowledged }: ViewState): boolean => view.number === acknowledged;

/**
 * The rules of succession (docs/adr/0011). A command that does not fit the state, because it was made from an older
 * one, changes nothing: the state itself is given back.
 */
export function applyViewCommand(state: ViewState, command: ViewCommand): ViewState {
  const { view } = state;
  switch (command.command) {
    case 'acknowledge':
      if (command.number !== view.number || !sameLife(command.primary, view.primary)) return state;
      return isAcknowledged(state) ? state : { ...state, acknowledged: view.number };
    case 'in-sync':
      if (command.number !== view.number || !sameLife(command.primary, view.primary)) return state;
      if (!isAcknowledged(state) || view.backup === null || state.inSync) return state;
      return { ...state, inSync: true };
    case 'change': {
      const { after, primary, backup } = command;
      if (after !== view.number || !mayFollow(state, primary)) return state;
      if (backup !== null && backup.server === primary.server) return state;
      return {
        view: { number: view.number + 1, primary, backup },
        acknowledged: state.acknowledged,
        inSync: false,
      };
    }
  }
}

/** Whether a view with this primary may follow the current one: only who holds everything that was ever answered. */
export function mayFollow(state: ViewState, primary: Life): boolean {
  const { view, inSync } = state;
  if (view.number === 0) return true;
  assert(view.primary !== null, 'every view but the first has a primary');
  // Before the primary has acknowledged its view, nobody but a restart of itself is known to hold what it may have answered.
  if (!isAcknowledged(state)) return isSuccessor(primary, view.primary);
  if (sameLife(primary, view.primary) || isSuccessor(primary, view.primary)) return true;
  if (view.backup === null || !inSync) return false;
  return sameLife(primary, view.backup) || isSuccessor(primary, view.backup);
}
