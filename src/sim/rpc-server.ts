import { limits } from '../base/limits.ts';
import { Admission } from '../listeners/admission.ts';
import type { ConnectionStream } from '../listeners/client-connection.ts';
import { KvReader } from '../listeners/kv-reader.ts';
import { RpcService, type AcceptedConnection, type RpcServiceOptions } from '../listeners/rpc-service.ts';
import type { PipeServer } from './client-pipe.ts';
import type { SimProcess } from './process.ts';
import type { SimNetwork } from './network.ts';
import type { WorkloadServer } from './workload-request.ts';

/** A server of either engine, as clients with needs of their own see it. */
export type ClientServer = WorkloadServer & {
  /** Null while it is down. */
  readonly open:
    (Pick<RpcServiceOptions, 'machine'> & { readonly replica: RpcServiceOptions['replicator'] }) | null;
};

/** What such clients need of a cluster. */
export interface ClientCluster {
  readonly network: SimNetwork;
  readonly servers: readonly ClientServer[];
  /** The one that orders what clients write, if there is one. */
  leader(): ClientServer | null;
}

/** The RPC port of a simulated server: the service of production, one for each of the server's processes. */
export class SimRpcServer implements PipeServer {
  readonly #server: ClientServer;
  readonly #requestTimeoutMs: number;
  readonly #services = new WeakMap<SimProcess, RpcService>();

  constructor(server: ClientServer, requestTimeoutMs: number) {
    this.#server = server;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  get id(): number {
    return this.#server.id;
  }

  get process(): SimProcess | null {
    return this.#server.open === null ? null : this.#server.process;
  }

  onEnd(callback: () => void): () => void {
    return this.#server.onEnd(callback);
  }

  accept(stream: ConnectionStream): AcceptedConnection | null {
    const { process } = this.#server;
    const service = process === null ? null : this.#serviceOf(process);
    return service?.accept(stream) ?? null;
  }

  #serviceOf(process: SimProcess): RpcService | null {
    const { open, id } = this.#server;
    const known = this.#services.get(process);
    if (known !== undefined || open === null) return known ?? null;
    const { clock } = process;
    const service = new RpcService({
      replicator: open.replica,
      machine: open.machine,
      reads: new KvReader(open.machine, clock),
      clock,
      admission: new Admission({ clock }),
      serverId: id,
      servers: [],
      keyBytesMax: limits.keyBytesCeiling,
      valueBytesMax: limits.valueBytesCeiling,
      requestTimeoutMs: this.#requestTimeoutMs,
    });
    this.#services.set(process, service);
    return service;
  }
}
