import { SimFailure } from '../failure.ts';
import type { SimServer } from '../sim-server.ts';
import { appendBy, getBy, type TypedClient } from '../typed-client.ts';
import type { Answer, ClientWay, Request } from './client-way.ts';
import type { Stage } from './stage.ts';
import { TypedClients } from './typed-clients.ts';

/**
 * Typed clients of production. One that may ask several servers goes on until it has its answer, however long it takes,
 * and fails the scenario if it does not get it; one that may ask a single server gives up.
 */
export class TypedWay implements ClientWay<SimServer> {
  readonly #stage: Stage;
  readonly #clients: TypedClients;
  readonly #opened = new Map<string, TypedClient>();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#clients = new TypedClients(stage);
  }

  ask({ client: name, servers, invocation }: Request<SimServer>, done: (answer: Answer) => void): void {
    const { core, process } = this.#client(name, servers);
    const insists = servers.length > 1;
    const { requestTimeoutMs } = this.#stage.world;
    const { key, kind, value = '' } = invocation;
    const answered = (answer: Answer): void => {
      if (insists && !answer.ok) throw new SimFailure(`${kind} by ${name} fails: ${answer.code}`);
      done(answer);
    };
    process.after(0, () => {
      const deadlineMs = insists ? Infinity : process.clock.monotonicMs() + requestTimeoutMs;
      if (kind === 'append') appendBy(core, { key, value, deadlineMs }, answered);
      else if (kind === 'get') getBy(core, { key, deadlineMs }, answered);
      else throw new SimFailure(`typed clients of scenarios know no ${kind}`);
    });
  }

  #client(name: string, servers: readonly SimServer[]): TypedClient {
    const place = `${name} ${servers.map(({ id }) => id).join()}`;
    let client = this.#opened.get(place);
    if (client === undefined) this.#opened.set(place, (client = this.#clients.open(undefined, servers)));
    return client;
  }
}
