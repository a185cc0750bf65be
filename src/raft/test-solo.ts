import { createPrng } from '../base/prng.ts';
import type { InitialState } from './config.ts';
import { checkDurable, checkLog, checkNode, checkStep, summaryOf } from './invariants.ts';
import type { NodeSummary } from './invariants.ts';
import type { RawNode } from './raw-node.ts';
import { TestNode, testTuning } from './test-node.ts';
import type { AppliedState, Tuning, World } from './test-node.ts';
import { initialOf, vote } from './test-messages.ts';
import type { LogSketch } from './test-messages.ts';
import type { MemberId, Message } from './types.ts';

/** One core whose peers are played by the test: messages go in by `step` and come out of `take`. */
export class Solo {
  readonly node: TestNode;
  #sent: Message[] = [];

  constructor(id: MemberId, initial: InitialState, tuning: Partial<Tuning> = {}, seed = 1) {
    const { hardState, baseIndex, baseTerm, entries, confState, appliedIndex } = initial;
    const before = entries[appliedIndex - baseIndex - 1];
    const applied: AppliedState = {
      index: appliedIndex,
      term: before?.term ?? baseTerm,
      stampMs: before?.stampMs ?? 0,
      hash: 0,
    };
    const disk = { hardState, baseIndex, baseTerm, entries: [...entries], confState, applied };
    this.node = new TestNode(id, disk, createPrng(seed), { ...testTuning, ...tuning }, this.#world());
  }

  #world(): World {
    let before: NodeSummary | null = null;
    const observe = (raw: RawNode): void => {
      checkNode(raw);
      checkLog(raw);
      if (before !== null) checkStep(before, raw);
      before = summaryOf(raw);
    };
    return {
      observe,
      restarted: (raw) => {
        before = null;
        observe(raw);
      },
      sent: (message, disk) => {
        checkDurable(message, disk);
        this.#sent.push(message);
      },
      applied: () => {},
      installed: () => {},
      stateOf: ({ index, term, stampMs }) => ({ index, term, stampMs, hash: 0 }),
      readConfirmed: () => {},
    };
  }

  get raw(): RawNode {
    return this.node.raw;
  }

  /** Steps the messages and returns what the core sends because of them. */
  step(...messages: readonly Message[]): Message[] {
    for (const message of messages) this.node.call((raw) => raw.step(message));
    return this.take();
  }

  tick(times = 1): Message[] {
    for (let i = 0; i < times; i++) this.node.call((raw) => raw.tick());
    return this.take();
  }

  /** Ticks until something holds, at most three election timeouts; returns what was sent. */
  tickUntil(holds: (raw: RawNode) => boolean): Message[] {
    const sent: Message[] = [];
    for (let i = 0; i < 3 * testTuning.electionTicks * 2 && !holds(this.raw); i++) sent.push(...this.tick());
    return sent;
  }

  /** What was sent since the last take. */
  take(): Message[] {
    return this.#sent.splice(0);
  }
}

/** A core of a cluster of voters that stopped with a log. */
export const soloOf = (
  id: MemberId,
  voters: readonly MemberId[],
  sketch: LogSketch = { terms: [] },
  tuning: Partial<Tuning> = {},
): Solo => new Solo(id, initialOf(voters, sketch), tuning);

/** Makes a core win the next term with the votes of all others; what it sent meanwhile is dropped. */
export function lead(solo: Solo): void {
  const others = [...solo.raw.confState().voters].filter((member) => member !== solo.raw.id);
  solo.node.call((raw) => raw.campaign());
  for (const preVote of [true, false]) {
    // A pre-vote is answered in the term that is asked for.
    const term = solo.raw.role === 'pre-candidate' ? solo.raw.term + 1 : solo.raw.term;
    for (const member of others) {
      if (solo.raw.role !== 'leader') solo.step(vote(member, solo.raw.id, term, { preVote }));
    }
  }
  solo.take();
  if (solo.raw.role !== 'leader') throw new Error(`member ${solo.raw.id} is ${solo.raw.role}, not leader`);
}

/** The messages of one type. */
export function ofType<T extends Message['type']>(
  messages: readonly Message[],
  type: T,
): Extract<Message, { type: T }>[] {
  return messages.filter((message): message is Extract<Message, { type: T }> => message.type === type);
}
