import type { ConfChange, ConfChangeStep } from '../types.ts';

const TYPES: readonly string[] = ['add-voter', 'add-learner', 'remove'] satisfies ConfChangeStep['type'][];

/** As JSON: changes are rare and meant for people's eyes, too. */
export function encodeConfChange(change: ConfChange): Uint8Array {
  const context = Buffer.from(change.context).toString('base64');
  return Buffer.from(JSON.stringify({ steps: change.steps, context }), 'utf8');
}

/** Null if the bytes are no change. */
export function decodeConfChange(bytes: Uint8Array): ConfChange | null {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { steps, context } = value as { steps?: unknown; context?: unknown };
  if (!Array.isArray(steps) || typeof context !== 'string' || !steps.every(isStep)) return null;
  return {
    steps: steps.map(({ type, member }) => ({ type, member })),
    context: Buffer.from(context, 'base64'),
  };
}

function isStep(value: unknown): value is ConfChangeStep {
  if (typeof value !== 'object' || value === null) return false;
  const { type, member } = value as { type?: unknown; member?: unknown };
  return (
    typeof type === 'string' &&
    TYPES.includes(type) &&
    Number.isSafeInteger(member) &&
    (member as number) >= 0
  );
}
