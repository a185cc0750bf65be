/** What every figure is measured with, where it does not say otherwise. */
export const standard = {
  keys: 100_000,
  valueBytes: 256,
} as const;
