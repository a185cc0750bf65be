import type { Prng } from '../base/prng.ts';
import type { MemberId } from '../raft/types.ts';
import { isSuccessor, sameLife, type Life, type Ping, type ViewNotice } from './types.ts';
import { isAcknowledged, mayFollow, type ViewCommand, type ViewState } from './view-state.ts';

export interface ViewServiceOptions {
  /** Silent ping intervals after which a server counts as dead. */
  readonly deadPings: number;
  readonly prng: Prng;
}

/** Asked before a view: whether its primary lives. */
export interface Question {
  readonly to: MemberId;
  readonly number: number;
}

/** Ping intervals in which a backup that its primary could not reach is not made its backup again. */
const SHUN_INTERVALS = 20;
const QUESTIONS_MAX = 2 ** 32;

interface Heard {
  readonly life: Life;
  readonly ping: Ping;
  /** The interval in which it was heard last. */
  at: number;
  /** Until when it is not taken as a backup. */
  shunnedUntil: number;
}

/**
 * What the leading monitor knows from pings, none of which is remembered over a change of the leader: who lives, and
 * from that, which view should come next. What may come next is decided by `applyViewCommand` alone.
 */
export class ViewService {
  readonly #options: ViewServiceOptions;
  readonly #heard = new Map<MemberId, Heard>();
  /** Ping intervals since this monitor leads. */
  #interval = 0;
  /** While a view should follow. */
  #question: Question | null = null;

  constructor(options: ViewServiceOptions) {
    this.#options = options;
  }

  /** This monitor leads from now on, and has heard nobody yet: nobody is dead before its time. */
  begin(): void {
    this.#heard.clear();
    this.#interval = 0;
    this.#question = null;
  }

  /** No process listens where the server was: it need not be missed first. A ping that comes all the same brings it back. */
  gone(server: MemberId): void {
    const heard = this.#heard.get(server);
    if (heard !== undefined) heard.at = -Infinity;
  }

  /** A ping interval has passed. */
  tick(): void {
    this.#interval++;
  }

  /** Takes a ping; gives the command that it calls for, if any. */
  ping(state: ViewState, server: MemberId, ping: Ping): ViewCommand | null {
    const life: Life = { server, folder: ping.folder, boot: ping.boot };
    const known = this.#heard.get(server);
    // Late, from a life that has ended.
    if (known !== undefined && isSuccessor(known.life, life)) return null;
    const { view } = state;
    const isPrimary = sameLife(life, view.primary) && ping.acknowledged === view.number;
    const shunnedUntil = known?.shunnedUntil ?? 0;
    this.#heard.set(server, { life, ping, at: this.#interval, shunnedUntil });
    if (!isPrimary) return null;
    if (ping.unreachable && view.backup !== null) {
      const backup = this.#heard.get(view.backup.server);
      if (backup !== undefined) backup.shunnedUntil = this.#interval + SHUN_INTERVALS;
    }
    if (!isAcknowledged(state)) return { command: 'acknowledge', number: view.number, primary: life };
    if (ping.inSync && !state.inSync) return { command: 'in-sync', number: view.number, primary: life };
    return null;
  }

  /** The view that should follow now, or null; also as long as `question` has no answer. */
  next(state: ViewState): ViewCommand | null {
    const command = this.#wanted(state);
    if (command === null) this.#question = null;
    return command !== null && this.#isThere(command.primary) ? command : null;
  }

  /** Why no view can follow although one should; empty when nothing is in the way. */
  waiting(state: ViewState): string {
    const { view } = state;
    if (view.primary === null)
      return this.#stray() ?? (this.#live().length === 0 ? 'no server was heard yet' : '');
    if (this.#isLive(view.primary) || this.#wanted(state) !== null) return '';
    const { server } = view.primary;
    if (!isAcknowledged(state)) {
      return (
        `server ${server}, the primary of view ${view.number}, died before it acknowledged the view: ` +
        'only it can say what it answered; start it again with its data'
      );
    }
    if (view.backup === null || !state.inSync) {
      return `server ${server} alone holds what was answered in view ${view.number}: start it again with its data`;
    }
    return (
      `servers ${server} and ${view.backup.server} hold what was answered in view ${view.number}, ` +
      'and neither is there: start one of them again with its data'
    );
  }

  /** Servers that are there. */
  servers(): MemberId[] {
    return this.#live().map(({ life }) => life.server);
  }

  /** What has to be answered before a view can follow; null where nothing has. As of the last `next`. */
  get question(): Question | null {
    return this.#question;
  }

  notice(state: ViewState, clusterId: string): ViewNotice {
    const waiting = this.waiting(state);
    const question = this.#question?.number ?? 0;
    return { type: 'ViewNotice', view: state.view, waiting, question, clusterId };
  }

  #nextPrimary(state: ViewState): Life | null {
    const { view } = state;
    const { primary, backup } = view;
    if (primary === null) return this.#first();
    if (this.#isLive(primary) && !this.#leaves(primary)) return isAcknowledged(state) ? primary : null;
    if (backup !== null && state.inSync && this.#isLive(backup) && !this.#leaves(backup)) return backup;
    // One that leaves stays until somebody can follow it.
    if (this.#isLive(primary)) return null;
    return this.#restarted(primary, state) ?? (state.inSync ? this.#restarted(backup, state) : null);
  }

  /**
   * Whether it has answered since the view is wanted. Servers may die together, and silence shows only later: a view
   * whose primary is dead from its beginning could be followed by nothing but a restart of that very server, while
   * before it a restart of either copy will do.
   */
  #isThere({ server: to }: Life): boolean {
    if (this.#question?.to !== to) {
      this.#question = { to, number: 1 + this.#options.prng.below(QUESTIONS_MAX - 1) };
    }
    return this.#heard.get(to)?.ping.answer === this.#question.number;
  }

  #wanted(state: ViewState): Extract<ViewCommand, { command: 'change' }> | null {
    const { view } = state;
    const primary = this.#nextPrimary(state);
    if (primary === null || !mayFollow(state, primary)) return null;
    const staying = sameLife(primary, view.primary);
    if (staying && view.backup !== null && this.#serves(view.backup)) return null;
    const backup = this.#spare(primary, staying ? view.backup : null);
    if (staying && backup === null && view.backup === null) return null;
    return { command: 'change', after: view.number, primary, backup };
  }

  /** Any server may be the first primary, if none of them knows of a view: else this service has lost its own data. */
  #first(): Life | null {
    return this.#stray() === null ? (this.#live()[0]?.life ?? null) : null;
  }

  #stray(): string | null {
    const stray = this.#live().find(({ ping }) => ping.durableView > 0);
    if (stray === undefined) return null;
    const { life, ping } = stray;
    return (
      `server ${life.server} knows view ${ping.durableView}, this view service none: ` +
      'give it back its data folder'
    );
  }

  /** The restart of that life, if it is there and holds what that one held. */
  #restarted(life: Life | null, { acknowledged }: ViewState): Life | null {
    if (life === null) return null;
    const heard = this.#heard.get(life.server);
    if (heard === undefined || !isSuccessor(heard.life, life) || !this.#isLive(heard.life)) return null;
    return heard.ping.durableView >= acknowledged ? heard.life : null;
  }

  /** A backup for the primary: a live server that it does not shun, the present one last; the most advanced first. */
  #spare(primary: Life, former: Life | null): Life | null {
    const candidates = this.#live().filter(
      ({ life, ping }) => life.server !== primary.server && !ping.leaving && !this.#isShunned(life),
    );
    const rank = ({ life, ping }: Heard): [number, number, number] => [
      sameLife(life, former) ? 0 : 1,
      ping.lastView,
      ping.lastIndex,
    ];
    candidates.sort((a, b) => compare(rank(b), rank(a)) || a.life.server - b.life.server);
    return candidates[0]?.life ?? null;
  }

  #live(): Heard[] {
    const live = [...this.#heard.values()].filter(({ life }) => this.#isLive(life));
    return live.toSorted((a, b) => a.life.server - b.life.server);
  }

  /** Whether the life itself is there: not silent for too long, and not followed by another life of its server. */
  #isLive(life: Life): boolean {
    const heard = this.#heard.get(life.server);
    const at = heard?.at ?? 0;
    if (heard !== undefined && !sameLife(heard.life, life)) return false;
    return this.#interval - at < this.#options.deadPings;
  }

  /** Whether the backup can stay. */
  #serves(backup: Life): boolean {
    return this.#isLive(backup) && !this.#isShunned(backup) && !this.#leaves(backup);
  }

  #isShunned({ server }: Life): boolean {
    return (this.#heard.get(server)?.shunnedUntil ?? 0) > this.#interval;
  }

  #leaves({ server }: Life): boolean {
    return this.#heard.get(server)?.ping.leaving ?? false;
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
