import type { MemberId } from '../raft/types.ts';
import type { Channel } from './channel.ts';
import type { TcpContext } from './tcp-context.ts';
import type { FrameSender } from './tcp-frame-sender.ts';
import { OutgoingLink } from './tcp-outgoing-link.ts';
import type { Address } from './tcp-sockets.ts';

/** The two links to one server. The control link speaks for both where the handler is told of connections. */
export class PeerLinks {
  readonly address: Address;
  readonly #links: Readonly<Record<Channel, OutgoingLink>>;
  /** A connection was lost and none made since, nor was the handler told that nobody listens there. */
  #lost = false;

  constructor(context: TcpContext, serverId: number, address: Address) {
    const { handler } = context;
    this.address = address;
    const control = new OutgoingLink(
      context,
      { serverId, channel: 'control', address },
      {
        onStanding: (member) => {
          this.#lost = false;
          handler.onConnected(member);
        },
        onLost: () => {
          this.#lost = true;
          handler.onDisconnected(serverId, false);
        },
        onRefusedByMachine: () => {
          if (!this.#lost) return;
          this.#lost = false;
          handler.onDisconnected(serverId, true);
        },
      },
    );
    const nothing = (): void => undefined;
    const bulk = new OutgoingLink(
      context,
      { serverId, channel: 'bulk', address },
      { onStanding: nothing, onLost: nothing, onRefusedByMachine: nothing },
    );
    this.#links = { control, bulk };
  }

  get connected(): boolean {
    return this.#links.control.sender !== null;
  }

  /** Where to put messages of this channel; null while nobody, or another member than `to`, listens there. */
  senderTo(to: MemberId, channel: Channel): FrameSender | null {
    const link = this.#links[channel];
    return link.member === to ? link.sender : null;
  }

  hurry(): void {
    this.#links.control.hurry();
    this.#links.bulk.hurry();
  }

  tick(): void {
    this.#links.control.tick();
    this.#links.bulk.tick();
  }

  close(): void {
    this.#links.control.close();
    this.#links.bulk.close();
  }
}
