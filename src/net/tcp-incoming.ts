import { KvraftError } from '../base/errors.ts';
import { serverOf, type MemberId } from '../raft/types.ts';
import { EMPTY_FRAME, FRAME_HEADER_BYTES, packFrame } from '../base/frame.ts';
import type { PeerHello } from './handshake.ts';
import { unpack } from '../base/msgpack.ts';
import { netLimits } from './net-limits.ts';
import { decodeMessage } from './peer-codec.ts';
import { decoded, protocolError } from '../base/protocol-error.ts';
import type { TcpContext } from './tcp-context.ts';
import type { FramedSocket } from './tcp-framed-socket.ts';
import type { PeerMessage } from './transport.ts';

/** Answers a request of the command line; `respond` may be called later, and only its first call counts. */
export type OnAdmin = (request: unknown, respond: (value: unknown) => void) => void;

/** A peer that was admitted: delivers its messages and answers its questions for a sign of life. */
export class PeerConversation {
  readonly #context: TcpContext;
  readonly #socket: FramedSocket;
  readonly #peer: MemberId;
  readonly #self: MemberId;

  constructor(context: TcpContext, socket: FramedSocket, hello: PeerHello) {
    this.#context = context;
    this.#socket = socket;
    this.#peer = hello.identity.member;
    this.#self = context.handler.identity().member;
  }

  onFrame(payload: Buffer): void {
    const { counters, handler } = this.#context;
    counters.bytesReceived += FRAME_HEADER_BYTES + payload.length;
    if (payload.length === 0) return this.#giveSignOfLife();
    const message = decoded(() => this.#decode(payload));
    if (message instanceof KvraftError) return this.#socket.destroy(message);
    counters.messagesReceived++;
    handler.onMessage(this.#peer, message);
  }

  #decode(payload: Buffer): PeerMessage {
    const message = decodeMessage(payload);
    if ('from' in message && (message.from !== this.#peer || message.to !== this.#self)) {
      const { from, to } = message;
      throw protocolError(
        `a message from ${from} to ${to} on the connection from ${this.#peer} to ${this.#self}`,
      );
    }
    return message;
  }

  #giveSignOfLife(): void {
    if (this.#socket.unsentBytes > netLimits.unreadAnswerBytesMax) {
      return this.#socket.destroy(
        protocolError(`server ${serverOf(this.#peer)} does not read what it asks for`),
      );
    }
    this.#socket.write([EMPTY_FRAME]);
  }
}

/** The command line: one request, one response, and the connection ends. */
export class AdminConversation {
  readonly #context: TcpContext;
  readonly #socket: FramedSocket;
  readonly #onAdmin: OnAdmin;
  #step: 'waiting' | 'working' | 'responded' = 'waiting';
  #ticks = 0;

  constructor(context: TcpContext, socket: FramedSocket, onAdmin: OnAdmin) {
    this.#context = context;
    this.#socket = socket;
    this.#onAdmin = onAdmin;
  }

  onFrame(payload: Buffer): void {
    const request = decoded(() => unpack(payload));
    if (request instanceof KvraftError) return this.#socket.destroy(request);
    if (this.#step !== 'waiting') return this.#socket.destroy(protocolError('more than one request'));
    this.#step = 'working';
    this.#onAdmin(request, (value) => this.#respond(value));
  }

  /** Called once a second. */
  tick(): void {
    // How long the work takes is for the client to limit: it hangs up when it has waited enough.
    if (this.#step !== 'working' && ++this.#ticks > netLimits.handshakeTicksMax) this.#socket.destroy(null);
  }

  #respond(value: unknown): void {
    if (this.#step !== 'working') return;
    this.#step = 'responded';
    const frame = packFrame(value);
    if (frame.length - FRAME_HEADER_BYTES > netLimits.adminResponseBytesMax) {
      this.#context.logger.error({ bytes: frame.length }, 'a response to the command line is too large');
      return this.#socket.destroy(null);
    }
    this.#socket.end(frame);
  }
}
