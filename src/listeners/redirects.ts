import type { LeaderWatch } from './leader-watch.ts';

/** Where a request is executed: by this server, or elsewhere, as the line says that its client is sent. */
export type TextRoute = 'here' | { readonly redirect: string };

export interface RedirectsOptions {
  readonly watch: LeaderWatch;
  /** This server's configured id. */
  readonly ownId: number;
  /** What a client is told while the server with this id leads. */
  readonly lines: ReadonlyMap<number, string>;
}

/**
 * Decides between answering and redirecting. It is asked when the turn of a request has come; whoever leads by the
 * time it is executed, the answer comes from the log, so a leader that is replaced in between answers nothing wrong.
 */
export class Redirects {
  readonly #options: RedirectsOptions;

  constructor(options: RedirectsOptions) {
    this.#options = options;
  }

  /** Null while no leader is known. */
  route(): TextRoute | null {
    const { watch, ownId, lines } = this.#options;
    const { leader } = watch;
    if (leader === null) return null;
    const redirect = leader === ownId ? undefined : lines.get(leader);
    // A leader that the configuration does not name has no address to send anybody to: then it is forwarded.
    return redirect === undefined ? 'here' : { redirect };
  }

  /** Calls back once `route` may be known, and at the deadline if it is not; never inside this call. */
  whenRouted(deadlineMs: number, done: () => void): void {
    this.#options.watch.wait(deadlineMs, done);
  }
}
