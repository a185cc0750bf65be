import type { ConfChange, ConfChangeStep, ConfState, MemberId } from '../types.ts';

const TYPES: readonly string[] = ['add-voter', 'add-learner', 'remove'] satisfies ConfChangeStep['type'][];

/**
 * What an entry of type `conf-change` holds: the change, and the configuration that it leads to, so that a member
 * that starts without any needs to know nothing from before.
 */
export interface ConfEntry {
  readonly change: ConfChange;
  readonly conf: ConfState;
}

/** As JSON: changes are rare, and people look at them. */
export function encodeConfEntry({ change, conf }: ConfEntry): Uint8Array {
  const context = Buffer.from(change.context).toString('base64');
  return Buffer.from(JSON.stringify({ steps: change.steps, context, conf }), 'utf8');
}

/** Null if the bytes are no such entry. */
export function decodeConfEntry(bytes: Uint8Array): ConfEntry | null {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
  if (!isObject(value) || !isObject(value['conf'])) return null;
  const { steps, context } = value;
  const { voters, votersOutgoing, learners, learnersNext } = value['conf'];
  if (!Array.isArray(steps) || !steps.every(isStep) || typeof context !== 'string') return null;
  if (!isMembers(voters) || !isMembers(votersOutgoing) || !isMembers(learners) || !isMembers(learnersNext))
    return null;
  return {
    change: {
      steps: steps.map(({ type, member }) => ({ type, member })),
      context: Buffer.from(context, 'base64'),
    },
    conf: { voters, votersOutgoing, learners, learnersNext },
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const isMember = (value: unknown): value is MemberId => Number.isSafeInteger(value) && (value as number) >= 0;

const isMembers = (value: unknown): value is MemberId[] => Array.isArray(value) && value.every(isMember);

function isStep(value: unknown): value is ConfChangeStep {
  if (!isObject(value)) return false;
  const { type, member } = value;
  return typeof type === 'string' && TYPES.includes(type) && isMember(member);
}
