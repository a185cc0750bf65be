import { createPrng } from '../../base/prng.ts';
import type { Dial } from '../../client/dial.ts';
import { ClientCore } from '../../client/core.ts';
import { ClientPipe } from '../client-pipe.ts';
import { SimProcess } from '../process.ts';
import { simAddress, simServerAt } from '../sim-address.ts';
import type { Stage } from './stage.ts';

const CONNECT_MS_MAX = 60_000;

/** A typed client's core in a process of its own. */
export interface TypedClient {
  readonly process: SimProcess;
  readonly core: ClientCore;
}

/** Typed clients of a stage, connected to its servers by simulated streams. */
export class TypedClients {
  readonly #stage: Stage;
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
      servers: servers.map(({ id }) => simAddress(id)),
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
    return (address, handler) => {
      const server = this.#stage.server(simServerAt(address));
      return new ClientPipe(network, scheduler, { id, process }, server, handler);
    };
  }
}
