import type { Prng } from '../base/prng.ts';
import type { ConfState, Entry, HardState, MemberId } from './types.ts';

/** What a core starts from. Everything here was durable before. */
export interface InitialState {
  readonly hardState: HardState;
  /** The entry before the first of `entries`: where the log was cut, (0, 0) if never. */
  readonly baseIndex: number;
  readonly baseTerm: number;
  readonly entries: readonly Entry[];
  /** The applied state's index, at least `baseIndex`; `confState` is the configuration there. */
  readonly appliedIndex: number;
  readonly confState: ConfState;
  /**
   * Log time at `appliedIndex`, in milliseconds. Where the log was cut behind its last entry nothing else tells it,
   * and without it the stamps of a new leader would start over from 0.
   */
  readonly appliedStampMs?: number;
}

export interface RaftConfig {
  readonly id: MemberId;
  readonly initial: InitialState;
  readonly prng: Prng;
  /** Election timeout in ticks; the randomised one is drawn from [electionTicks, 2 * electionTicks). */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Bounds of one AppendEntries; one entry always fits. */
  readonly appendEntriesMax: number;
  readonly appendBytesMax: number;
  /** Bounds of what may be unanswered per follower. */
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  /** Past this many bytes appended in this term but not committed, `propose` refuses; one proposal always fits. */
  readonly uncommittedBytesMax: number;
  /** Bytes of committed entries handed out per Ready; one entry always fits. */
  readonly committedBytesMax: number;
}

/** Why a proposal was surely not taken. */
export type Refusal = 'not-leader' | 'transferring' | 'overloaded' | 'conf-change-pending' | 'invalid';
