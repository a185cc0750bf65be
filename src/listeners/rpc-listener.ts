import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { encodeRefusal } from '../wire/rpc-handshake.ts';
import type { Admission } from './admission.ts';
import type { Listener } from './listener.ts';
import type { RpcService } from './rpc-service.ts';
import { SocketListener } from './socket-listener.ts';

export interface RpcListenerOptions {
  readonly service: RpcService;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly admission: Admission;
  /** 0: any free one. */
  readonly port: number;
}

/** What a client is told that the server has no room for. */
export const rpcRefusal: Uint8Array = encodeRefusal({
  code: 'OVERLOADED',
  message: 'this server has as many connections as it may',
  retryable: true,
});

/** Serves RPC, and nothing else, on one port. */
export const rpcListener = ({ service, clock, logger, admission, port }: RpcListenerOptions): Listener =>
  new SocketListener({
    clock,
    logger,
    admission,
    port,
    connect: (stream) => service.connect(stream),
    refusal: rpcRefusal,
  });
