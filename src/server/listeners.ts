import type { Clock } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { KvStateMachine } from '../kv/machine.ts';
import type { Reply } from '../kv/replies.ts';
import type { Admission } from '../listeners/admission.ts';
import type { KvService } from '../listeners/kv-service.ts';
import { LeaderWatch } from '../listeners/leader-watch.ts';
import type { Listener } from '../listeners/listener.ts';
import { memcachedListener } from '../listeners/memcached-listener.ts';
import { Redirects } from '../listeners/redirects.ts';
import { rpcListener } from '../listeners/rpc-listener.ts';
import type { RpcService } from '../listeners/rpc-service.ts';
import { textListener } from '../listeners/text-listener.ts';
import type { Replicator } from '../replica/replicator.ts';
import { textDialects, type TextDialect } from '../wire/text-dialects.ts';
import { listenerName, type ListenerConfig, type Protocol } from './config-listeners.ts';
import type { ClusterConfig, ServerConfig } from './config.ts';
import { memcachedFacts } from './memcached-facts.ts';
import type { ListenerStatus } from './status.ts';

/** What the listeners of a server are made from. */
export interface ListenerContext {
  readonly config: ClusterConfig;
  /** This server's own entry. */
  readonly own: ServerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One for all listeners of the server. */
  readonly admission: Admission;
  /** What connections want that have no session of their own. */
  readonly service: KvService;
  readonly rpc: RpcService;
  readonly replicator: Replicator<Reply>;
  readonly machine: KvStateMachine;
}

/** What the makers get. */
interface MakerContext extends ListenerContext {
  /** One for all listeners of the server. */
  readonly watch: LeaderWatch;
}

type Maker<P extends Protocol> = (
  listener: Extract<ListenerConfig, { readonly protocol: P }>,
  context: MakerContext,
) => Listener;

/** How a listener of each protocol is made; null where there is none yet. */
const makers: { readonly [P in Protocol]: Maker<P> | null } = {
  text: ({ dialect: name, port }, context) => {
    const { config, clock, logger, admission, service, rpc } = context;
    const dialect = textDialects[name];
    return textListener({
      service,
      clock,
      logger,
      admission,
      dialect,
      redirects: redirectsOf(dialect, context),
      port,
      keyBytesMax: config.keyBytesMax,
      valueBytesMax: config.valueBytesMax,
      requestTimeoutMs: config.requestTimeoutMs,
      rpc,
    });
  },
  rpc: ({ port }, { clock, logger, admission, rpc: service }) =>
    rpcListener({ service, clock, logger, admission, port }),
  memcached: ({ port }, context) => {
    const { config, clock, logger, admission, service } = context;
    const { keyBytesMax, valueBytesMax, requestTimeoutMs } = config;
    const limits = { keyBytesMax, valueBytesMax, requestTimeoutMs };
    const facts = memcachedFacts(port, context);
    return memcachedListener({ service, clock, logger, admission, port, facts, ...limits });
  },
  http: null,
};

/** What clients in a dialect that redirects are told of each server: where it speaks the same, else its ClientPort. */
function redirectsOf(dialect: TextDialect, { config, own, watch }: MakerContext): Redirects | null {
  const { redirect } = dialect;
  if (redirect === null) return null;
  const lines = config.servers.map(({ id, hostname: host, clientPort, listeners }) => {
    const same = listeners.find((listener) => listenerName(listener) === dialect.name);
    return [id, redirect({ id, host, port: same?.port ?? clientPort })] as const;
  });
  return new Redirects({ watch, ownId: own.id, lines: new Map(lines) });
}

/** Throws `INVALID_CONFIG` when the configuration asks for a port that nothing serves. */
export function checkListeners(own: ServerConfig): void {
  for (const { protocol, port } of own.listeners) {
    if (makers[protocol] !== null) continue;
    const message = `server ${own.id} is to serve ${protocol} on port ${port}: this version does not speak ${protocol}`;
    throw new KvraftError('INVALID_CONFIG', message);
  }
}

/** All listeners of one server, under one admission. */
export class Listeners {
  readonly #logger: Logger;
  readonly #listeners: readonly { readonly config: ListenerConfig; readonly listener: Listener }[];

  constructor(context: ListenerContext) {
    checkListeners(context.own);
    this.#logger = context.logger;
    const { clock, replicator } = context;
    const watch = new LeaderWatch({ clock, leader: () => replicator.leaderServer() });
    this.#listeners = context.own.listeners.map((config) => {
      const make = makers[config.protocol] as Maker<Protocol>;
      return { config, listener: make(config, { ...context, watch }) };
    });
  }

  /** Resolves once clients can connect everywhere. Rejects with INVALID_CONFIG if one of the ports cannot be had. */
  async start(): Promise<void> {
    for (const { config, listener } of this.#listeners) {
      await listener.start();
      this.#logger.debug({ port: listener.port }, `listening for ${listenerName(config)}`);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#listeners.map(({ listener }) => new Promise<void>((resolve) => listener.stop(resolve))),
    );
  }

  /** In the order of the configuration. */
  status(): ListenerStatus[] {
    return this.#listeners.map(({ config, listener }) => ({
      name: listenerName(config),
      port: config.port,
      connections: listener.connections,
    }));
  }
}
