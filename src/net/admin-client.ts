import { KvraftError } from '../base/errors.ts';
import { FRAME_HEADER_BYTES, packFrame } from '../base/frame.ts';
import { decodeAnswer, encodeHello, otherVersionReason } from './handshake.ts';
import { unpack } from '../base/msgpack.ts';
import { netLimits } from './net-limits.ts';
import { decoded } from '../base/protocol-error.ts';
import { FramedSocket } from './tcp-framed-socket.ts';
import { addressText, dial, faultText, type Address } from './tcp-sockets.ts';

export interface AdminAddress extends Address {
  /** For everything: connecting, asking, being answered. */
  readonly timeoutMs: number;
}

/**
 * Asks a running server something through its LogPort. Fails with `UNREACHABLE`, `TIMEOUT`, `PROTOCOL` where no
 * kvraft answers, or `INVALID_ARGUMENT` for a request that is too large; once the request is out, the outcome of a
 * failure is `unknown`.
 */
export function askAdmin(address: AdminAddress, request: unknown): Promise<unknown> {
  const frame = packFrame(request);
  if (frame.length - FRAME_HEADER_BYTES > netLimits.adminRequestBytesMax) {
    return Promise.reject(new KvraftError('INVALID_ARGUMENT', 'the request is too large'));
  }
  return new Promise((resolve, reject) => {
    const name = `the server at ${addressText(address)}`;
    let asked = false;
    const fail = (code: 'UNREACHABLE' | 'TIMEOUT' | 'PROTOCOL', fault: string, cause?: unknown): void => {
      const outcome = asked ? 'unknown' : 'not-applied';
      reject(new KvraftError(code, `${name}: ${fault}`, { outcome, retryable: code !== 'PROTOCOL', cause }));
      socket.destroy(null);
    };
    const onAnswer = (payload: Buffer): void => {
      const answer = decodeAnswer(payload);
      if (answer.kind === 'refused') return fail('UNREACHABLE', `it refuses: ${answer.reason}`);
      if (answer.kind === 'other-version') return fail('PROTOCOL', otherVersionReason(answer.version));
      asked = true;
      socket.frameBytesMax = netLimits.adminResponseBytesMax;
      socket.write([frame]);
    };
    const onResponse = (payload: Buffer): void => {
      resolve(unpack(payload));
      socket.destroy(null);
    };
    const connection = dial(address);
    const socket = new FramedSocket(connection, netLimits.helloBytesMax, {
      onFrame(payload) {
        const fault = decoded(() => (asked ? onResponse(payload) : onAnswer(payload)));
        if (fault instanceof KvraftError) socket.destroy(fault);
      },
      onClose(error) {
        if (error instanceof KvraftError) return fail('PROTOCOL', error.message, error);
        if (asked) return fail('UNREACHABLE', 'it closed the connection without an answer', error);
        fail('UNREACHABLE', faultText(error), error);
      },
    });
    connection.once('connect', () => socket.write([encodeHello({ kind: 'admin' })]));
    AbortSignal.timeout(address.timeoutMs).addEventListener('abort', () =>
      fail('TIMEOUT', 'no answer in time'),
    );
  });
}
