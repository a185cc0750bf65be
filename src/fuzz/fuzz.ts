import { createPrng, type Prng } from '../base/prng.ts';

/** A protocol that inputs are made for. */
export interface FuzzProtocol {
  readonly name: string;
  /** What is checked, for people. */
  readonly about: string;
  /** Makes one input by chance, plays it, and throws if a rule was broken. Everything comes from the generator. */
  run(prng: Prng): void | Promise<void>;
  /** Lets go of what `run` keeps between inputs. */
  close?(): Promise<void>;
}

export interface FuzzOptions {
  readonly inputs: number;
  /** The first input is made from it, the next ones from the numbers behind it. */
  readonly seed: number;
  /** Called before each input. */
  readonly onInput?: (seed: number) => void;
}

export interface FuzzFailure {
  /** With it alone the input is made again. */
  readonly seed: number;
  readonly error: unknown;
}

/** Plays inputs until one breaks a rule; null if none does. The same seed makes the same input. */
export async function fuzz(
  protocol: FuzzProtocol,
  { inputs, seed, onInput = () => undefined }: FuzzOptions,
): Promise<FuzzFailure | null> {
  try {
    for (let at = seed; at < seed + inputs; at++) {
      onInput(at);
      try {
        const played = protocol.run(createPrng(at));
        // Not for every input: waiting for nothing costs more than most inputs.
        if (played !== undefined) await played;
      } catch (error) {
        return { seed: at, error };
      }
    }
    return null;
  } finally {
    await protocol.close?.();
  }
}
