import type { Layered } from './generation.ts';
import type { StateKey } from './store.ts';

/** A sorted walk over one layer of the state. */
export type Layer = Iterator<[StateKey, Layered]>;

/**
 * One sorted walk over layers that lie over each other, the topmost first: for a key that several speak of, the
 * topmost counts, and one that it says is deleted is passed over.
 */
export function* mergeLayers(
  layers: readonly Layer[],
  reverse: boolean,
): Generator<[StateKey, Uint8Array], undefined> {
  const heads: ([StateKey, Layered] | undefined)[] = layers.map(pull);
  try {
    for (;;) {
      let next: [StateKey, Layered] | undefined;
      for (const head of heads) {
        if (head === undefined) continue;
        if (next === undefined || (reverse ? head[0] > next[0] : head[0] < next[0])) next = head;
      }
      if (next === undefined) return undefined;
      const [key, value] = next;
      for (const [i, layer] of layers.entries()) {
        if (heads[i]?.[0] === key) heads[i] = pull(layer);
      }
      if (value !== null) yield [key, value];
    }
  } finally {
    for (const layer of layers) layer.return?.();
  }
}

function pull(layer: Layer): [StateKey, Layered] | undefined {
  const step = layer.next();
  return step.done === true ? undefined : step.value;
}
