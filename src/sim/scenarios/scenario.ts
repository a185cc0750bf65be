import { messageOf } from '../../base/errors.ts';
import { SimFailure } from '../sim-cluster.ts';
import { Stage, type StageOptions } from './stage.ts';

/** A story of faults that a whole cluster must come through. */
export interface Scenario {
  readonly name: string;
  /** What it shows, in a sentence. */
  readonly about: string;
  readonly options: StageOptions;
  /** Called when all servers have been started. What it does not expect it throws. */
  readonly play: (stage: Stage) => void;
}

export interface ScenarioResult {
  /** Null when everything was as promised. */
  readonly failure: string | null;
  readonly stack: string | null;
  readonly transcript: readonly string[];
  readonly digest: string;
  readonly virtualMs: number;
}

/** Plays the scenario, then heals everything and checks all that clients saw and servers hold. */
export function runScenario(
  scenario: Scenario,
  seed: number,
  onLine: ((line: string) => void) | null = null,
): ScenarioResult {
  return playOn(new Stage(seed, scenario.options, onLine), scenario.play);
}

/** The same on a stage of either engine. */
export function playOn<
  S extends Pick<Stage, 'startAll' | 'finish' | 'digest' | 'transcript'> & {
    readonly scheduler: { readonly nowMs: number };
  },
>(stage: S, play: (stage: S) => void): ScenarioResult {
  let failure: string | null = null;
  let stack: string | null = null;
  try {
    stage.startAll();
    play(stage);
    stage.finish();
  } catch (error) {
    failure = messageOf(error);
    const cause = error instanceof SimFailure && error.cause instanceof Error ? error.cause : error;
    stack = cause instanceof Error ? (cause.stack ?? null) : null;
  }
  const { digest, scheduler } = stage;
  return { failure, stack, transcript: stage.transcript(), digest, virtualMs: scheduler.nowMs };
}
