import { connect } from 'node:net';
import type { Dial } from './dial.ts';

/** A server that vanished without a word is found out after about this time, even if nothing is asked of it. */
const keepAliveDelayMs = 60_000;

/** Connects over TCP. */
export const tcpDial: Dial = ({ host, port }, handler) => {
  const socket = connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveDelayMs,
  });
  let failure: Error | null = null;
  socket.on('connect', () => handler.opened());
  socket.on('data', (chunk) => handler.received(chunk));
  socket.on('error', (error) => (failure = error));
  socket.on('close', () => handler.closed(failure));
  return {
    write: (bytes) => {
      socket.write(bytes);
    },
    close: () => {
      socket.destroy();
    },
  };
};
