/** What the main thread asks of the thread that writes. Each request that has an id has one answer. */
export type WriterRequest =
  | {
      /** Begins a batch; one that was collected before and not written is void. */
      readonly type: 'begin';
      readonly folder: string;
    }
  | {
      /** Encoded entries of the batch (batch-format.ts), in any order and each key once. */
      readonly type: 'collect';
      readonly folder: string;
      readonly records: Uint8Array<ArrayBuffer>;
    }
  | {
      /** One transaction: what was collected or staged and not written yet, then the position record. */
      readonly type: 'write';
      readonly id: number;
      readonly folder: string;
      readonly position: Uint8Array<ArrayBuffer>;
    }
  | {
      /** Entries of a state that is being staged; durable only after the `write` that ends it. */
      readonly type: 'stage';
      readonly id: number;
      readonly folder: string;
      readonly records: Uint8Array<ArrayBuffer>;
    }
  | {
      /** Closes the environment, so that the main thread is the last to let go of it. */
      readonly type: 'release';
      readonly id: number;
      readonly folder: string;
    }
  | {
      readonly type: 'remove';
      readonly id: number;
      readonly folder: string;
    }
  | { readonly type: 'stop' };

/** A failure with the code of the operating system or of LMDB: errors lose theirs on the way between threads. */
export interface WriterFailure {
  readonly message: string;
  readonly code: string | number | null;
}

export interface WriterAnswer {
  readonly id: number;
  readonly failure: WriterFailure | null;
}
