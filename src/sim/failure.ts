/** What went wrong in a world: a promise of the system was broken. */
export class SimFailure extends Error {
  override readonly name = 'SimFailure';
}
