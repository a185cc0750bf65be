import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Prng } from '#dist/base/prng.js';

/** How a proxy treats what passes it. Chances are per piece of data that was read. */
export interface Weather {
  readonly delayMsMax: number;
  /** How often the connection breaks instead, which loses what was under way. */
  readonly resetChance: number;
}

export const FAIR: Weather = { delayMsMax: 0, resetChance: 0 };
/** A bad network, as far as TCP shows one: everything late, connections that break in the middle of a message. */
export const UNRELIABLE: Weather = { delayMsMax: 15, resetChance: 0.01 };

/** A TCP proxy in front of one port, whose connections can be held up and broken. */
export class Proxy {
  readonly #targetPort: number;
  readonly #prng: Prng;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #isCut = false;
  weather: Weather = FAIR;

  private constructor(targetPort: number, prng: Prng) {
    this.#targetPort = targetPort;
    this.#prng = prng;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  static open(targetPort: number, prng: Prng): Promise<Proxy> {
    const proxy = new Proxy(targetPort, prng);
    return new Promise((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', () => resolve(proxy));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on nothing passes, in either direction; connections stay open, as over a cable that was pulled. */
  cut(): void {
    this.#isCut = true;
    for (const pair of this.#pairs) pair.hold();
  }

  /** What was held up goes on its way. */
  join(): void {
    this.#isCut = false;
    for (const pair of this.#pairs) pair.release();
  }

  close(): void {
    this.#server.close();
    for (const pair of this.#pairs) pair.destroy();
  }

  #accept(client: Socket): void {
    const target = connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true });
    const pair = new Pair(client, target, this.#prng, () => this.weather);
    this.#pairs.add(pair);
    client.once('close', () => this.#pairs.delete(pair));
    if (this.#isCut) pair.hold();
  }
}

/** The two ways of one connection. */
class Pair {
  readonly #ways: readonly [Way, Way];

  constructor(client: Socket, target: Socket, prng: Prng, weather: () => Weather) {
    const destroy = (): void => {
      client.destroy();
      target.destroy();
    };
    const conditions = { prng, weather, destroy };
    this.#ways = [new Way(client, target, conditions), new Way(target, client, conditions)];
  }

  hold(): void {
    for (const way of this.#ways) way.hold();
  }

  release(): void {
    for (const way of this.#ways) way.release();
  }

  destroy(): void {
    this.#ways[0].destroy();
  }
}

interface Conditions {
  readonly prng: Prng;
  readonly weather: () => Weather;
  /** Breaks the connection, both ways of it. */
  readonly destroy: () => void;
}

/**
 * One way of a connection. A piece is passed on before the next one is read: so the order is kept, and a receiver that
 * does not read is felt by the sender.
 */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #conditions: Conditions;
  #isHeld = false;
  /** What came out of the delay while the way was held. */
  #waiting: Buffer | null = null;
  /** A piece is delayed or being written. */
  #isBusy = false;

  constructor(from: Socket, to: Socket, conditions: Conditions) {
    this.#from = from;
    this.#to = to;
    this.#conditions = conditions;
    from.setNoDelay(true);
    from.on('error', conditions.destroy);
    from.on('close', conditions.destroy);
    from.on('end', () => to.end());
    from.on('data', (piece) => this.#take(piece));
  }

  hold(): void {
    this.#isHeld = true;
    this.#from.pause();
  }

  release(): void {
    this.#isHeld = false;
    const piece = this.#waiting;
    this.#waiting = null;
    if (piece !== null) this.#pass(piece);
    else if (!this.#isBusy) this.#from.resume();
  }

  destroy(): void {
    this.#conditions.destroy();
  }

  #take(piece: Buffer): void {
    const { prng, weather, destroy } = this.#conditions;
    const { delayMsMax, resetChance } = weather();
    if (prng.chance(resetChance)) return destroy();
    this.#isBusy = true;
    this.#from.pause();
    if (delayMsMax === 0) this.#pass(piece);
    else setTimeout(() => this.#pass(piece), prng.float() * delayMsMax);
  }

  #pass(piece: Buffer): void {
    if (this.#isHeld) {
      this.#waiting = piece;
      return;
    }
    this.#to.write(piece, () => {
      this.#isBusy = false;
      if (!this.#isHeld) this.#from.resume();
    });
  }
}
