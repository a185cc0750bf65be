import type { Fields } from '../base/fields.ts';
import type { LinkReply } from './link.ts';

/** A request on one connection whose reply has not come. */
export interface PendingRequest {
  /** Of its frame. */
  readonly bytes: number;
  /** Whether the reply is awaited soon: that to a watch comes when there is something to tell. */
  readonly isUrgent: boolean;
  /** Reads the reply and gives back what is to be done with it. Throws `PROTOCOL`. */
  read(fields: Fields): () => void;
  fail(reply: LinkReply<never>): void;
}

/** The requests that are under way on one connection, by their ids. */
export class PendingRequests {
  readonly #requests = new Map<number, PendingRequest>();
  #bytes = 0;
  #urgent = 0;

  get count(): number {
    return this.#requests.size;
  }

  /** Of all frames. */
  get bytes(): number {
    return this.#bytes;
  }

  get urgent(): number {
    return this.#urgent;
  }

  get(id: number): PendingRequest | undefined {
    return this.#requests.get(id);
  }

  add(id: number, request: PendingRequest): void {
    this.#requests.set(id, request);
    this.#bytes += request.bytes;
    if (request.isUrgent) this.#urgent++;
  }

  /** Whether it was there. */
  remove(id: number): boolean {
    const request = this.#requests.get(id);
    if (request === undefined) return false;
    this.#requests.delete(id);
    this.#bytes -= request.bytes;
    if (request.isUrgent) this.#urgent--;
    return true;
  }

  /** Takes all out. */
  takeAll(): PendingRequest[] {
    const all = [...this.#requests.values()];
    this.#requests.clear();
    this.#bytes = 0;
    this.#urgent = 0;
    return all;
  }
}
