import { assert } from '../base/assert.ts';
import { KvraftError } from '../base/errors.ts';
import type { RpcServerAddress } from '../wire/rpc-handshake.ts';
import {
  redirectsByAddress,
  textDialectNames,
  textDialects,
  type TextDialectName,
} from '../wire/text-dialects.ts';
import type { Fields } from './config-fields.ts';

/** What a server can speak to clients. */
export type Protocol = 'text' | 'rpc' | 'memcached' | 'http';

/** One port that a server opens for clients. */
export type ListenerConfig =
  | { readonly protocol: 'text'; readonly dialect: TextDialectName; readonly port: number }
  | { readonly protocol: Exclude<Protocol, 'text'>; readonly port: number };

/** The fields of a server's entry that name a port by itself, in the order in which they are shown. */
const portFields = {
  RpcPort: 'rpc',
  MemcachedPort: 'memcached',
  HttpPort: 'http',
} as const satisfies Record<string, Protocol>;

const LISTENERS_MAX = 16;
export const PORT_MAX = 65_535;

/** What `listen` calls a listener: the text protocol by its dialect, any other by its protocol. */
export const listenerName = (listener: ListenerConfig): string =>
  listener.protocol === 'text' ? listener.dialect : listener.protocol;

/** Whether servers send clients to this very port, if they know of it. */
export const isRedirectTarget = (listener: ListenerConfig): boolean =>
  listener.protocol === 'text' && redirectsByAddress(textDialects[listener.dialect]);

/** The names that `listen` knows. */
const listenerNames: readonly string[] = [...textDialectNames, ...Object.values(portFields)];

/** The default dialect that an object of a configuration names. */
export const parseDialect = (fields: Fields, fallback: TextDialectName): TextDialectName =>
  fields.choice('dialect', textDialectNames, fallback);

/**
 * The listeners of a server's entry, each with the place in the file that asks for it: its ClientPort first, in the
 * server's own dialect.
 */
export function parseListeners(
  fields: Fields,
  clientPort: number,
  dialect: TextDialectName,
): { readonly place: string; readonly listener: ListenerConfig }[] {
  const listeners: { place: string; listener: ListenerConfig }[] = [
    { place: 'ClientPort', listener: { protocol: 'text', dialect, port: clientPort } },
  ];
  for (const [place, protocol] of Object.entries(portFields)) {
    const port = fields.integer(place, 1, PORT_MAX, 0);
    if (port !== 0) listeners.push({ place, listener: { protocol, port } });
  }
  for (const [at, text] of fields.texts('listen', LISTENERS_MAX).entries()) {
    const listener = parseListen(text);
    if (typeof listener === 'string') throw fields.fault(`listen[${at}]`, listener);
    listeners.push({ place: `listen[${at}]`, listener });
  }
  return listeners;
}

/** Reads `<name>:<port>`; gives back what is wrong with it as a text. */
export function parseListen(text: string): ListenerConfig | string {
  const [, name = '', digits = ''] = /^([^:]*):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '') return `${JSON.stringify(text)} is not of the form <name>:<port>, as redirect:8100`;
  if (port < 1 || port > PORT_MAX) return `${port} is not from 1 to ${PORT_MAX}`;
  if (isDialect(name)) return { protocol: 'text', dialect: name, port };
  const protocol = Object.values(portFields).find((protocol) => protocol === name);
  if (protocol === undefined) return `${JSON.stringify(name)} is none of ${listenerNames.join(', ')}`;
  return { protocol, port };
}

interface RpcServer {
  readonly id: number;
  readonly hostname: string;
  readonly listeners: readonly ListenerConfig[];
}

/** The listeners with those of the command line added; these must not take a port that the server has already. */
export function addListeners(
  own: { readonly logPort: number; readonly listeners: readonly ListenerConfig[] },
  more: readonly ListenerConfig[],
): readonly ListenerConfig[] {
  const taken = new Set([own.logPort, ...own.listeners.map(({ port }) => port)]);
  for (const listener of more) {
    if (taken.has(listener.port)) {
      const text = `${listenerName(listener)}:${listener.port}`;
      throw new KvraftError(
        'INVALID_CONFIG',
        `--listen ${text}: this server has port ${listener.port} already`,
      );
    }
    taken.add(listener.port);
  }
  return [...own.listeners, ...more];
}

const isDialect = (name: string): name is TextDialectName => Object.hasOwn(textDialects, name);

/** Where a server takes RPC connections: its RpcPort, or its ClientPort, which serves them, too. */
export function rpcAddress({ id, hostname, listeners }: RpcServer): RpcServerAddress {
  const own = listeners.find(({ protocol }) => protocol === 'rpc') ?? listeners[0];
  assert(own !== undefined, 'a server has a ClientPort');
  return { id, host: hostname, port: own.port };
}
