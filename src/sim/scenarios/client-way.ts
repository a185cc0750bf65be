import type { Outcome } from '../../base/errors.ts';
import type { Invocation, ModelName, OperationResult } from '../../linearizability/index.ts';

/** A request of a client to any of the servers. */
export interface Request<Server> {
  readonly client: string;
  readonly servers: readonly Server[];
  readonly invocation: Invocation;
  readonly model: ModelName;
}

/** How a request ended for its client. */
export type Answer =
  | { readonly ok: true; readonly result: OperationResult }
  | { readonly ok: false; readonly outcome: Outcome; readonly code: string };

/** How requests get from clients to servers, and answers back. `done` is called once. */
export interface ClientWay<Server> {
  ask(request: Request<Server>, done: (answer: Answer) => void): void;
}
