/** A broken assertion is a bug in kvraft, never a fault of the environment or of a caller's input. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/**
 * Stops the program flow when something that cannot be is. Assertions stay on in production: a server that
 * has reached an impossible state must not go on and acknowledge writes.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Marks the branch that an exhaustive `switch` cannot reach; the type checker proves it. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}
