import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { TextDialect } from '../wire/text-dialects.ts';
import { textRequestLimits } from '../wire/text-requests.ts';
import type { Admission } from './admission.ts';
import type { KvService } from './kv-service.ts';
import type { Listener } from './listener.ts';
import type { Redirects } from './redirects.ts';
import { defaultInFlightBytesMax, defaultUnsentBytesMax } from './request-connection.ts';
import type { RpcService } from './rpc-service.ts';
import { SharedConnection, type Connect } from './shared-connection.ts';
import { SocketListener } from './socket-listener.ts';
import { TextConnection, type TextConnectionSetup } from './text-connection.ts';

export interface TextListenerOptions {
  readonly service: KvService;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Shared by all listeners of the server. */
  readonly admission: Admission;
  readonly dialect: TextDialect;
  /** Null in a dialect that forwards. */
  readonly redirects: Redirects | null;
  /** 0: any free one. */
  readonly port: number;
  /** The address to listen at; all of the machine's when left out. */
  readonly host?: string;
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  /** How long a request may take before it is answered with an error. */
  readonly requestTimeoutMs: number;
  /** What serves connections on the same port that speak RPC; null: they are taken for text. */
  readonly rpc: RpcService | null;
}

/** Serves the text protocol on one port, and RPC with it. */
export function textListener(options: TextListenerOptions): Listener {
  const { service, clock, logger, admission, dialect, redirects, port, host } = options;
  const { keyBytesMax, valueBytesMax, requestTimeoutMs, rpc } = options;
  const setup: TextConnectionSetup = {
    service,
    clock,
    admission,
    dialect,
    redirects,
    requestTimeoutMs,
    requestLimits: { ...textRequestLimits, keyBytesMax, valueBytesMax },
    inFlightBytesMax: defaultInFlightBytesMax,
    unsentBytesMax: defaultUnsentBytesMax,
  };
  const text: Connect = (stream) => new TextConnection(setup, stream);
  return new SocketListener({
    clock,
    logger,
    admission,
    port,
    ...(host === undefined ? {} : { host }),
    connect:
      rpc === null ? text : (stream) => new SharedConnection(stream, text, (stream) => rpc.connect(stream)),
    refusal: Buffer.from(`${dialect.internal}\r\n`, 'latin1'),
  });
}
