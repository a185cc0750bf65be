import { makeTypedClient, type TypedClient } from '../typed-client.ts';
import type { SimServer } from '../sim-server.ts';
import type { Stage } from './stage.ts';

export type { TypedClient } from '../typed-client.ts';

const CONNECT_MS_MAX = 60_000;

/** Typed clients of a stage, connected to its servers by simulated streams. */
export class TypedClients {
  readonly #stage: Stage;
  #lastId = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Starts a client of these servers, or of all; `ready` is called when it is connected. */
  open(
    ready: (client: TypedClient) => void = () => undefined,
    servers: readonly SimServer[] = this.#stage.servers,
  ): TypedClient {
    const { scheduler, prng, network } = this.#stage;
    const client = makeTypedClient({
      id: -++this.#lastId,
      network,
      scheduler,
      skew: { rate: 1 + (prng.float() - 0.5) * 0.02, wallOffsetMs: 0 },
      prng,
      servers,
      connectTimeoutMs: CONNECT_MS_MAX,
    });
    client.process.after(0, () =>
      client.core.start((error) => {
        if (error !== null) throw error;
        ready(client);
      }),
    );
    return client;
  }
}
