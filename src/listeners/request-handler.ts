import type { KvraftError } from '../base/errors.ts';
import type { ReadOutcome, WriteOp, WriteResult } from './kv-service.ts';

/**
 * What is to become of a request: an operation for the store; an answer read under a barrier; or, for `other`, an answer
 * that takes neither.
 */
export type Plan = WriteOp | 'read' | 'other';

/** `end`: nothing that the client sent after the request is executed, and its connection ends. */
export type AfterAnswer = 'go-on' | 'end';

/**
 * A client protocol, as the execution of its requests sees it: what each request asks for, and how it is answered.
 * Answers are made in the order of the requests. `Route` is where a group of requests is executed: the protocol's own
 * business.
 */
export interface RequestHandler<Request, Route = unknown> {
  /** Where requests are executed now; null while that is not known. */
  route(): Route | null;
  /** Calls back when `route` may have become known: at the deadline (monotonic) at the latest, and never at once. */
  whenRouted(deadlineMs: number, done: () => void): void;
  /** Asked when the turn of the request has come. The route is null when none became known in time. */
  plan(request: Request, route: Route | null): Plan;
  /**
   * Answers a request by the result of its operation, executed at log time `stampMs`, or by why there is none. Behind
   * operations that read back, the store is readable.
   */
  answerWrite(request: Request, result: WriteResult | KvraftError, stampMs: number): AfterAnswer;
  /** Asked where the request could be answered as a read: the operation that it takes after all, or null. */
  escalate(request: Request, stampMs: number): WriteOp | null;
  answerRead(request: Request, outcome: ReadOutcome): AfterAnswer;
  answerOther(request: Request, route: Route | null): AfterAnswer;
}
