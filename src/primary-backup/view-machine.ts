import type { StateMachine } from '../replica/state-machine.ts';
import type { StateStorage } from '../store/store.ts';
import type { Life } from './types.ts';
import { applyViewCommand, NO_VIEW_STATE, type ViewCommand, type ViewState } from './view-state.ts';

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/** The view service's state as a state machine that a Raft group of monitors replicates. */
export class ViewMachine implements StateMachine<ViewState> {
  readonly #storage: StateStorage;
  readonly #key: string;
  #state: ViewState = NO_VIEW_STATE;

  /** The state is kept under this key. */
  constructor(storage: StateStorage, key: string) {
    this.#storage = storage;
    this.#key = key;
  }

  /** As of the last applied entry. */
  get state(): ViewState {
    return this.#state;
  }

  apply(bytes: Uint8Array): ViewState {
    const command = decodeViewCommand(bytes);
    if (command === null) return this.#state;
    const state = this.rule(this.#state, command);
    if (state !== this.#state) this.#storage.put(this.#key, Buffer.from(JSON.stringify(state), 'utf8'));
    this.#state = state;
    return state;
  }

  /** What a command makes of a state. */
  rule(state: ViewState, command: ViewCommand): ViewState {
    return applyViewCommand(state, command);
  }

  save(): boolean {
    // Every change is in the storage already.
    return true;
  }

  load(): void {
    const bytes = this.#storage.get(this.#key);
    this.#state =
      bytes === undefined ? NO_VIEW_STATE : (JSON.parse(Buffer.from(bytes).toString('utf8')) as ViewState);
  }

  stateHash(): string {
    let hash = FNV_OFFSET;
    for (const byte of Buffer.from(JSON.stringify(this.#state), 'utf8')) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME);
    }
    return hash.toString(16).padStart(16, '0');
  }

  /** Views do not expire: who is dead is for the leading monitor to say. */
  nextDeadlineMs(): null {
    return null;
  }

  deadlineCommand(): Uint8Array {
    return new Uint8Array(0);
  }
}

export const encodeViewCommand = (command: ViewCommand): Uint8Array =>
  Buffer.from(JSON.stringify(command), 'utf8');

/** Null for anything but a command. */
export function decodeViewCommand(bytes: Uint8Array): ViewCommand | null {
  let value: Partial<Record<string, unknown>> | null;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<Record<string, unknown>> | null;
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || !isLife(value['primary'])) return null;
  const { command, primary, backup, number, after } = value;
  if (command === 'acknowledge' || command === 'in-sync')
    return isUint(number) ? { command, number, primary } : null;
  if (command !== 'change' || !isUint(after) || !(backup === null || isLife(backup))) return null;
  return { command, after, primary, backup };
}

const isUint = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isLife(value: unknown): value is Life {
  if (typeof value !== 'object' || value === null) return false;
  const { server, folder, boot } = value as Partial<Record<keyof Life, unknown>>;
  return isUint(server) && isUint(boot) && typeof folder === 'string' && /^[0-9a-f]{16}$/.test(folder);
}
