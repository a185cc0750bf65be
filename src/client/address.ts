import { KvraftError } from '../base/errors.ts';

/** Where a server takes clients. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export const addressText = ({ host, port }: ServerAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** Reads `host:port`, `[v6]:port` or an address; throws `INVALID_ARGUMENT`. */
export function parseAddress(given: unknown): ServerAddress {
  const [host, port] = typeof given === 'string' ? splitText(given) : splitObject(given);
  if (host === '' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    const text = typeof given === 'string' ? JSON.stringify(given) : String(given);
    const message = `${text} is no address of a server: say host:port, as localhost:8000`;
    throw new KvraftError('INVALID_ARGUMENT', message);
  }
  return { host, port };
}

function splitText(text: string): [string, number] {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text.trim()) ?? [];
  return [bracketed ?? plain ?? '', Number(digits)];
}

function splitObject(given: unknown): [string, number] {
  if (typeof given !== 'object' || given === null) return ['', 0];
  const { host, port } = given as Partial<ServerAddress>;
  return [typeof host === 'string' ? host : '', typeof port === 'number' ? port : 0];
}
