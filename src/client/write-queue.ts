import { RingQueue } from '../base/ring-queue.ts';
import type { Op } from '../wire/rpc-requests.ts';
import type { WriteCall } from './write-call.ts';

/** Operations and bytes of one batch; a single call always fits. */
const OPS_MAX = 1_024;
const BYTES_MAX = 1024 * 1024;
/** Operations whose results carry values, of one batch. */
const VALUE_OPS_MAX = 8;

const carriesValue = ({ op }: Op): boolean => op === 'put-hash' || op === 'touch' || op === 'increment';

/** Calls that were not sent yet, in their order; those that were sent in vain come first. */
export class WriteQueue {
  readonly #again = new RingQueue<WriteCall>();
  readonly #waiting = new RingQueue<WriteCall>();
  #bytes = 0;

  /** What the calls hold. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#peek() === undefined;
  }

  /** Forgets calls at the head that were settled while they waited. */
  prune(): void {
    this.#peek();
  }

  push(call: WriteCall): void {
    this.#waiting.push(call);
    this.#bytes += call.bytes;
  }

  /** Puts a call back that surely was not executed. */
  putBack(call: WriteCall): void {
    call.batch = null;
    this.#again.push(call);
    this.#bytes += call.bytes;
  }

  /** The next calls that can go as one batch; empty if none waits. */
  take(): WriteCall[] {
    const calls: WriteCall[] = [];
    let ops = 0;
    let valueOps = 0;
    let bytes = 0;
    for (let call = this.#peek(); call !== undefined; call = this.#peek()) {
      const { request } = call;
      ops += request.ops.length;
      valueOps += request.ops.filter(carriesValue).length;
      bytes += call.bytes;
      if (calls.length > 0) {
        if (ops > OPS_MAX || bytes > BYTES_MAX || valueOps > VALUE_OPS_MAX) break;
        if (!goTogether(calls[0], call)) break;
      }
      this.#shift();
      calls.push(call);
    }
    return calls;
  }

  /** The next call that is not settled. */
  #peek(): WriteCall | undefined {
    for (;;) {
      const call = this.#again.peek() ?? this.#waiting.peek();
      if (call === undefined || !call.isSettled) return call;
      this.#shift();
    }
  }

  #shift(): void {
    const call = this.#again.shift() ?? this.#waiting.shift();
    if (call !== undefined) this.#bytes -= call.bytes;
  }
}

function goTogether(first: WriteCall | undefined, next: WriteCall): boolean {
  if (first === undefined || first.isAlone || next.isAlone) return false;
  const { fence: a } = first.request;
  const { fence: b } = next.request;
  return a === b || (a !== null && b !== null && a.lock === b.lock && a.token === b.token);
}
