import { createPrng, type Prng } from '../base/prng.ts';
import type { Outcome } from '../base/errors.ts';
import { ClientCore } from '../client/core.ts';
import type { OperationResult } from '../linearizability/index.ts';
import { parseReply } from '../wire/rpc-replies.ts';
import { ClientPipe, type PipeServer } from './client-pipe.ts';
import { SimFailure } from './failure.ts';
import type { SimNetwork } from './network.ts';
import { SimProcess, type ClockSkew } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import { simAddress, simServerAt } from './sim-address.ts';

export interface TypedClientOptions {
  /** What partitions call its machine: no server's id. */
  readonly id: number;
  readonly network: SimNetwork;
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly skew: ClockSkew;
  /** All that it may talk to. */
  readonly servers: readonly PipeServer[];
  readonly connectTimeoutMs: number;
}

/** A typed client's core in a process of its own. */
export interface TypedClient {
  readonly process: SimProcess;
  readonly core: ClientCore;
}

/** A typed client of production that reaches simulated servers by simulated streams. It is not started yet. */
export function makeTypedClient(options: TypedClientOptions): TypedClient {
  const { id, network, scheduler, prng, skew, servers, connectTimeoutMs } = options;
  const process = new SimProcess(scheduler, skew, (callback) => callback());
  const core = new ClientCore({
    clock: process.clock,
    prng: createPrng(prng.uint32()),
    dial: (address, handler) => {
      const server = servers.find((one) => one.id === simServerAt(address));
      if (server === undefined) throw new SimFailure(`nobody is called ${address.host}`);
      return new ClientPipe(network, scheduler, { id, process }, server, handler);
    },
    servers: servers.map(({ id }) => simAddress(id)),
    learnServers: false,
    clusterId: '',
    connectTimeoutMs,
  });
  return { process, core };
}

/** How a call ended for its caller. */
export type TypedAnswer =
  | { readonly ok: true; readonly result: OperationResult }
  | { readonly ok: false; readonly outcome: Outcome; readonly code: string };

/** Appends to a key; `deadlineMs` on the client's clock. */
export function appendBy(
  core: ClientCore,
  { key, value, deadlineMs }: { readonly key: string; readonly value: string; readonly deadlineMs: number },
  done: (answer: TypedAnswer) => void,
): void {
  const op = { op: 'append', key, value: Buffer.from(value), when: 'always' } as const;
  core.write({ ops: [op], atomic: false, fence: null, deadlineMs }, (outcome) => {
    if (outcome.ok) done({ ok: true, result: { status: 'ok' } });
    else done({ ok: false, outcome: outcome.error.outcome, code: outcome.error.code });
  });
}

/** Reads a key, linearizably. */
export function getBy(
  core: ClientCore,
  { key, deadlineMs }: { readonly key: string; readonly deadlineMs: number },
  done: (answer: TypedAnswer) => void,
): void {
  const request = { type: 'get', stale: false, keys: [key] } as const;
  core.call({ request, parse: parseReply.get, deadlineMs, waits: false, only: null }, (outcome) => {
    if (!outcome.ok) return done({ ok: false, outcome: outcome.error.outcome, code: outcome.error.code });
    const [record] = outcome.value;
    const text =
      record === null || record === undefined ? null : Buffer.from(record.value).toString('latin1');
    done({ ok: true, result: text === null ? { status: 'not-found' } : { status: 'ok', value: text } });
  });
}
