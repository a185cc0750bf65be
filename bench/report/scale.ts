/** Maps figures onto a stretch of a picture. */
export interface Scale {
  at(figure: number): number;
  /** Round figures to mark, inside the range. */
  readonly ticks: readonly number[];
}

const TICKS_WANTED = 5;

/** From zero to at least `max`, in steps of 1, 2 or 5 times a power of ten. */
export function linearScale(max: number, from: number, to: number): Scale {
  const rough = (max > 0 ? max : 1) / TICKS_WANTED;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10) * power;
  const steps = Math.max(1, Math.ceil(max / step - 1e-9));
  const end = steps * step;
  return {
    at: (figure) => from + (figure / end) * (to - from),
    ticks: Array.from({ length: steps + 1 }, (_, i) => i * step),
  };
}

/** By the logarithm, between two figures above zero; marks powers of ten, or the ends where there is none between. */
export function logScale(min: number, max: number, from: number, to: number): Scale {
  const [low, high] = [Math.log10(min), Math.max(Math.log10(max), Math.log10(min) + 1e-9)];
  const powers = Array.from(
    { length: Math.floor(high) - Math.ceil(low) + 1 },
    (_, i) => 10 ** (Math.ceil(low) + i),
  );
  return {
    at: (figure) => from + ((Math.log10(figure) - low) / (high - low)) * (to - from),
    ticks: powers.length >= 2 ? powers : [...new Set([min, max])],
  };
}
