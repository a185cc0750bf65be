import type { Timer } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import { NO_MEMBER, type MemberId } from '../raft/types.ts';
import { reconnectDelayMs } from './backoff.ts';
import type { Channel } from './channel.ts';
import { decodeAnswer, encodeHello, otherVersionReason, refusalOfWelcome } from './handshake.ts';
import { netLimits } from './net-limits.ts';
import { decoded } from '../base/protocol-error.ts';
import type { TcpContext } from './tcp-context.ts';
import { FrameSender } from './tcp-frame-sender.ts';
import { FramedSocket } from './tcp-framed-socket.ts';
import { addressText, faultText, isRefusedByMachine, type Address } from './tcp-sockets.ts';

export interface LinkTarget {
  readonly serverId: number;
  readonly channel: Channel;
  readonly address: Address;
}

export interface LinkEvents {
  /** The peer answered and was admitted. */
  onStanding(member: MemberId): void;
  /** A connection that stood is gone. */
  onLost(): void;
  /** The peer's machine said that nobody listens there. */
  onRefusedByMachine(): void;
}

/** A call that was not answered yet. */
interface Calling {
  readonly kind: 'calling';
  readonly socket: FramedSocket;
  /** Whether the machine picked up. */
  connected: boolean;
  ticks: number;
}

interface Standing {
  readonly kind: 'standing';
  readonly socket: FramedSocket;
  readonly member: MemberId;
  readonly sender: FrameSender;
  readonly sinceMs: number;
}

interface Waiting {
  readonly kind: 'waiting';
  readonly retry: Timer;
}

/** The connection of one channel to one server: made, watched and made again, as long as the link is not closed. */
export class OutgoingLink {
  readonly #context: TcpContext;
  readonly #target: LinkTarget;
  readonly #events: LinkEvents;
  #state: Calling | Standing | Waiting | { readonly kind: 'closed' };
  /** Attempts in a row that came to nothing. */
  #failures = 0;

  constructor(context: TcpContext, target: LinkTarget, events: LinkEvents) {
    this.#context = context;
    this.#target = target;
    this.#events = events;
    this.#state = this.#call();
  }

  /** Who listens at the other end; NO_MEMBER while no connection stands. */
  get member(): MemberId {
    return this.#state.kind === 'standing' ? this.#state.member : NO_MEMBER;
  }

  /** Null while no connection stands. */
  get sender(): FrameSender | null {
    return this.#state.kind === 'standing' ? this.#state.sender : null;
  }

  /** The peer's server is up, as was just heard: there is no use in waiting. */
  hurry(): void {
    const state = this.#state;
    if (state.kind === 'waiting') {
      state.retry.cancel();
      this.#state = this.#call();
    } else if (state.kind === 'calling' && !state.connected && state.ticks > 0) {
      // The call went out before the machine could be reached; the system would try again only seconds later.
      this.#state = this.#call();
      state.socket.destroy(null);
    }
  }

  /** Called once a second. */
  tick(): void {
    const state = this.#state;
    if (state.kind === 'standing') return state.sender.tick();
    if (state.kind !== 'calling') return;
    const ticksMax = state.connected ? netLimits.handshakeTicksMax : netLimits.connectTicksMax;
    if (++state.ticks <= ticksMax) return;
    state.socket.destroy(new KvraftError('UNREACHABLE', 'it does not answer', { retryable: true }));
  }

  /** None of the events is called any more. */
  close(): void {
    const state = this.#state;
    this.#state = { kind: 'closed' };
    if (state.kind === 'waiting') state.retry.cancel();
    else if (state.kind !== 'closed') state.socket.destroy(null);
  }

  #call(): Calling {
    const connection = this.#context.dial(this.#target.address);
    const socket: FramedSocket = new FramedSocket(connection, netLimits.helloBytesMax, {
      onFrame: (payload) => this.#onFrame(socket, payload),
      onClose: (error) => this.#onClose(socket, error),
    });
    const calling: Calling = { kind: 'calling', socket, connected: false, ticks: 0 };
    connection.once('connect', () => {
      calling.connected = true;
      calling.ticks = 0;
      const { channel, serverId } = this.#target;
      const identity = this.#context.handler.identity();
      socket.write([encodeHello({ kind: channel, identity, expectServer: serverId })]);
    });
    return calling;
  }

  #onFrame(socket: FramedSocket, payload: Buffer): void {
    const state = this.#state;
    if (state.kind === 'standing') return state.sender.onFrame(payload);
    const answer = decoded(() => decodeAnswer(payload));
    if (answer instanceof KvraftError) return socket.destroy(answer);
    if (answer.kind === 'refused') return this.#turnAway(socket, `it refuses this server: ${answer.reason}`);
    if (answer.kind === 'other-version') return this.#turnAway(socket, otherVersionReason(answer.version));
    const refusal = refusalOfWelcome(answer.identity, this.#target.serverId, this.#context.handler);
    if (refusal !== null) return this.#turnAway(socket, refusal);
    this.#stand(socket, answer.identity.member);
  }

  #stand(socket: FramedSocket, member: MemberId): void {
    const { clock, counters, reasons } = this.#context;
    const sender = new FrameSender(socket, this.#target.channel, counters);
    this.#state = { kind: 'standing', socket, member, sender, sinceMs: clock.monotonicMs() };
    reasons.settle(this.#subject);
    this.#log(this.#level, 'connected to a server', null);
    this.#events.onStanding(member);
  }

  #turnAway(socket: FramedSocket, reason: string): void {
    this.#failures++;
    this.#wait();
    socket.destroy(null);
    this.#tell('warn', 'servers do not talk with one another', reason);
  }

  #onClose(socket: FramedSocket, error: Error | null): void {
    const state = this.#state;
    if ((state.kind !== 'calling' && state.kind !== 'standing') || state.socket !== socket) return;
    if (error instanceof KvraftError && error.code === 'PROTOCOL') this.#context.counters.protocolErrors++;
    if (state.kind === 'calling') {
      this.#failures++;
      this.#wait();
      this.#tell('info', 'cannot connect to a server', faultText(error));
      if (error !== null && isRefusedByMachine(error)) this.#events.onRefusedByMachine();
    } else {
      const stoodMs = this.#context.clock.monotonicMs() - state.sinceMs;
      this.#failures = stoodMs < netLimits.stoodMsMin ? this.#failures + 1 : 0;
      this.#wait();
      this.#log(this.#level, 'lost the connection to a server', faultText(error));
      this.#events.onLost();
    }
  }

  #wait(): void {
    const { clock, prng } = this.#context;
    const retry = clock.setTimer(reconnectDelayMs(this.#failures, prng), () => (this.#state = this.#call()));
    this.#state = { kind: 'waiting', retry };
  }

  /** What the log is told of once; both channels of a server fail for the same reason. */
  get #subject(): string {
    return `to server ${this.#target.serverId}`;
  }

  /** One line a server is enough for people. */
  get #level(): 'info' | 'debug' {
    return this.#target.channel === 'control' ? 'info' : 'debug';
  }

  #tell(level: 'info' | 'warn', message: string, reason: string): void {
    const isNews = this.#context.reasons.isNews(this.#subject, reason);
    this.#log(isNews ? level : 'debug', message, reason);
  }

  #log(level: 'debug' | 'info' | 'warn', message: string, reason: string | null): void {
    const { serverId, channel, address } = this.#target;
    const text = `${message}: server ${serverId} at ${addressText(address)}${reason === null ? '' : `: ${reason}`}`;
    this.#context.logger[level]({ peer: serverId, channel }, text);
  }
}
