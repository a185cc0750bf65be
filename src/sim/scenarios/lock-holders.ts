import { LockKeeper } from '../../client/lock-keeper.ts';
import { prefixEnd } from '../../kv/range.ts';
import type { Stage } from './stage.ts';
import { TypedClients, type TypedClient } from './typed-clients.ts';

export interface LockHoldersOptions {
  readonly clients: number;
  readonly ttlMs: number;
  /** Whether writes go under the fence of the lock. */
  readonly fenced: boolean;
}

const LOCK = 'lock';
const JOURNAL = 'journal/';
const WRITES_MAX = 4;
const WRITE_MS_MAX = 5_000;

/** A contender for the lock: one life of a client. */
interface Contender {
  readonly client: TypedClient;
  keeper: LockKeeper | null;
}

/**
 * Clients that hand one lock on to one another. Whoever has it writes a few times and gives it back; he is killed and
 * paused meanwhile, and goes on writing when he wakes up, whatever happened to his lock: he does not know.
 */
export class LockHolders {
  /** The tokens under which the lock was acquired, as their holders learned them. */
  readonly tokens: number[] = [];
  /** Writes that were refused because the lock had gone, and locks that their holders learned to have lost. */
  readonly seen = { fenced: 0, lost: 0, stale: 0 };
  readonly #stage: Stage;
  readonly #options: LockHoldersOptions;
  readonly #clients: TypedClients;
  readonly #contenders: (Contender | null)[] = [];
  #isOver = false;

  constructor(stage: Stage, options: LockHoldersOptions) {
    this.#stage = stage;
    this.#options = options;
    this.#clients = new TypedClients(stage);
    for (let place = 0; place < options.clients; place++) this.#start(place);
  }

  /** The place of the client that has the lock, as it believes; -1 if none does. */
  get holder(): number {
    return this.#contenders.findIndex((contender) => contender?.keeper?.isHeld === true);
  }

  /** Kills the client in this place; another one takes it. */
  kill(place: number): void {
    this.#contenders[place]?.client.process.crash();
    this.#start(place);
  }

  pause(place: number, durationMs: number): void {
    this.#contenders[place]?.client.process.pause(durationMs);
  }

  stop(): void {
    this.#isOver = true;
    for (const contender of this.#contenders) contender?.client.process.crash();
  }

  /**
   * What was accepted must have been written by whoever held the lock then: in the order of the versions no token may
   * follow a newer one. Reads the servers' state.
   */
  check(): void {
    const [server] = this.#stage.servers;
    const entries = server?.open?.machine.range({
      start: JOURNAL,
      end: prefixEnd(JOURNAL),
      limit: Infinity,
      bytesMax: Infinity,
    }).entries;
    this.#stage.expect(entries !== undefined && entries.length > 0, 'something was written under the lock');
    const written = (entries ?? []).map(({ key, record }) => ({
      token: Number(key.slice(JOURNAL.length).split('/')[0]),
      version: record.version,
    }));
    const acquired = this.tokens.map((token) => ({ token, version: token }));
    const all = [...written, ...acquired].toSorted((a, b) => a.version - b.version);
    let newest = 0;
    for (const { token, version } of all) {
      this.#stage.expect(
        token >= newest,
        `write ${version} under token ${token} comes after token ${newest}`,
      );
      newest = token;
    }
  }

  #start(place: number): void {
    const client = this.#clients.open(() => this.#acquire(contender));
    const contender: Contender = { client, keeper: null };
    this.#contenders[place] = contender;
  }

  #acquire(contender: Contender): void {
    if (this.#isOver) return;
    const { core, process } = contender.client;
    const keeper = new LockKeeper(
      {
        core,
        clock: process.clock,
        key: LOCK,
        value: Buffer.from('held'),
        ttlMs: this.#options.ttlMs,
        onLost: () => this.seen.lost++,
      },
      Infinity,
      (outcome) => {
        if (!outcome.ok) return void process.after(100, () => this.#acquire(contender));
        this.tokens.push(outcome.value);
        const holders = this.#contenders.filter((other) => other?.keeper?.isHeld === true);
        this.#stage.expect(
          holders.length <= 1,
          'no two clients count on the lock at once, by their own clocks',
        );
        this.#write(contender, keeper, 1 + this.#stage.prng.below(WRITES_MAX));
      },
    );
    contender.keeper = keeper;
  }

  /** Writes so many times, with breaks in which much may happen, then gives the lock back. */
  #write(contender: Contender, keeper: LockKeeper, left: number): void {
    const { core, process } = contender.client;
    const { prng } = this.#stage;
    const { clock } = process;
    if (left === 0) {
      return keeper.release(clock.monotonicMs() + WRITE_MS_MAX, () => {
        process.after(prng.float() * 20, () => this.#acquire(contender));
      });
    }
    const { token } = keeper;
    if (!keeper.isHeld) this.seen.stale++;
    const key = `${JOURNAL}${token}/${left}`;
    const op = { op: 'set', key, value: Buffer.from('x'), flags: 0, ttlMs: 0, when: 'always' } as const;
    const fence = this.#options.fenced ? { lock: LOCK, token } : null;
    const request = { ops: [op], atomic: false, fence, deadlineMs: clock.monotonicMs() + WRITE_MS_MAX };
    core.write(request, (outcome) => {
      const isFenced = outcome.ok && outcome.value[0]?.status === 'fenced';
      if (isFenced) this.seen.fenced++;
      process.after(prng.float() * 5, () => this.#write(contender, keeper, isFenced ? 0 : left - 1));
    });
  }
}
