/** A sorted walk over one layer: keys and values, null for a key that is deleted here, whatever lies below. */
export type Layer<Value> = Iterator<[key: string, value: Value | null]>;

/**
 * One sorted walk over layers that lie over each other, the topmost first: for a key that several speak of, the
 * topmost counts, and one that it says is deleted is passed over.
 */
export function* mergeLayers<Value>(
  layers: readonly Layer<Value>[],
  reverse: boolean,
): Generator<[key: string, value: Value], undefined> {
  const heads = layers.map(pull);
  try {
    for (;;) {
      let next: [string, Value | null] | undefined;
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

function pull<Value>(layer: Layer<Value>): [string, Value | null] | undefined {
  const step = layer.next();
  return step.done === true ? undefined : step.value;
}
