/**
 * Where sockets are made, and the only place: what wraps them (encryption) goes in here.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { messageOf } from '../base/errors.ts';

const KEEP_ALIVE_MS = 10_000;
/** A host with addresses of both families: how long one is tried before the next. Node's own 250 ms is too short for distant hosts. */
const ADDRESS_MS_MAX = 1_000;

const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };

export interface Address {
  readonly host: string;
  readonly port: number;
}

export const addressText = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

export function dial({ host, port }: Address): Socket {
  return connect({ host, port, ...socketOptions, autoSelectFamilyAttemptTimeout: ADDRESS_MS_MAX });
}

export function openServer(onSocket: (socket: Socket) => void): Server {
  return createServer(socketOptions, onSocket);
}

/** What a connection ended with, for people. */
export function faultText(error: Error | null): string {
  if (error === null) return 'it closed the connection';
  // Node's error of a host with several addresses has no message of its own.
  if (error instanceof AggregateError) return error.errors.map((each) => messageOf(each)).join(', ');
  return error.message;
}

/** Whether the machine answered that nobody listens there, on every address that the host has. */
export function isRefusedByMachine(error: Error): boolean {
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
  return errors.every((each) => each instanceof Error && 'code' in each && each.code === 'ECONNREFUSED');
}
