import { createPrng } from '../../base/prng.ts';
import type { Dial } from '../../client/dial.ts';
import { ClientCore } from '../../client/core.ts';
import { Admission } from '../../listeners/admission.ts';
import type { ClientConnection, ConnectionStream } from '../../listeners/client-connection.ts';
import { KvReader } from '../../listeners/kv-reader.ts';
import { RpcService } from '../../listeners/rpc-service.ts';
import { ClientPipe, type PipeServer } from '../client-pipe.ts';
import { SimProcess } from '../process.ts';
import type { SimServer } from '../sim-server.ts';
import type { Stage } from './stage.ts';

const KEY_BYTES_MAX = 250;
const VALUE_BYTES_MAX = 100_000;
const CONNECT_MS_MAX = 60_000;
/** Where server n listens; the simulated network knows servers by their ids. */
const PORT_BASE = 1_000;

/** A typed client's core in a process of its own. */
export interface TypedClient {
  readonly process: SimProcess;
  readonly core: ClientCore;
}

/** Typed clients of a stage, connected to its servers by simulated streams. */
export class TypedClients {
  readonly #stage: Stage;
  /** The RPC service of each life of a server. */
  readonly #services = new WeakMap<SimProcess, RpcService>();
  #lastId = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Starts a client; `ready` is called when it is connected. */
  open(ready: (client: TypedClient) => void): TypedClient {
    const { scheduler, prng, servers } = this.#stage;
    const skew = { rate: 1 + (prng.float() - 0.5) * 0.02, wallOffsetMs: 0 };
    const process = new SimProcess(scheduler, skew, (callback) => callback());
    const id = -++this.#lastId;
    const core = new ClientCore({
      clock: process.clock,
      prng: createPrng(prng.uint32()),
      dial: this.#dial(id, process),
      servers: servers.map((server) => ({ host: 'simulated', port: PORT_BASE + server.id })),
      learnServers: false,
      clusterId: '',
      connectTimeoutMs: CONNECT_MS_MAX,
    });
    const client = { process, core };
    process.after(0, () =>
      core.start((error) => {
        if (error !== null) throw error;
        ready(client);
      }),
    );
    return client;
  }

  #dial(id: number, process: SimProcess): Dial {
    const { network, scheduler } = this.#stage;
    return ({ port }, handler) =>
      new ClientPipe(network, scheduler, { id, process }, this.#target(port - PORT_BASE), handler);
  }

  #target(id: number): PipeServer {
    const server = this.#stage.server(id);
    return {
      id,
      get process() {
        return server.process;
      },
      accept: (stream) => this.#accept(server, stream),
      onEnd: (callback) => server.onEnd(callback),
    };
  }

  #accept(server: SimServer, stream: ConnectionStream): ClientConnection | null {
    const { open, process } = server;
    if (open === null || process === null) return null;
    let service = this.#services.get(process);
    if (service === undefined) {
      const { clock } = process;
      service = new RpcService({
        replicator: open.replica,
        machine: open.machine,
        reads: new KvReader(open.machine, clock),
        clock,
        admission: new Admission({ clock }),
        serverId: server.id,
        servers: [],
        keyBytesMax: KEY_BYTES_MAX,
        valueBytesMax: VALUE_BYTES_MAX,
        requestTimeoutMs: this.#stage.world.requestTimeoutMs,
      });
      this.#services.set(process, service);
    }
    return service.connect(stream);
  }
}
