import type { OpenReplica } from '../../replica/open-replica.ts';
import type { KvStateMachine } from '../../kv/machine.ts';
import type { SimProcess } from '../process.ts';
import { SimMachine, type OpenParts } from '../machine.ts';
import { SimServer } from '../sim-server.ts';

/** Takes a patch back. */
export type Undo = () => void;

/** Puts another method in the place of one of a class, for all objects of it. */
export function patch<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  make: (original: T[K]) => T[K],
): Undo {
  return define(prototype, name, (before) => ({
    ...before,
    value: make(before.value as T[K]),
  }));
}

/** Puts another getter in the place of one of a class. */
export function patchGetter<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  make: (original: (this: T) => T[K]) => (this: T) => T[K],
): Undo {
  return define(prototype, name, (before) => ({
    ...before,
    get: make(Reflect.get(before, 'get') as (this: T) => T[K]),
  }));
}

function define(
  prototype: object,
  name: PropertyKey,
  change: (before: PropertyDescriptor) => PropertyDescriptor,
): Undo {
  const before = Object.getOwnPropertyDescriptor(prototype, name);
  if (before === undefined) throw new Error(`there is no ${String(name)} to patch`);
  Object.defineProperty(prototype, name, change(before));
  return () => Object.defineProperty(prototype, name, before);
}

export function all(...undos: readonly Undo[]): Undo {
  return () => {
    for (const undo of undos) undo();
  };
}

/** Changes the parts of every server that starts, before it does anything. */
export function onStart(
  change: (parts: { open: OpenReplica<KvStateMachine>; process: SimProcess }) => void,
): Undo {
  return patch(SimMachine.prototype as SimMachine<OpenParts>, 'start', (start) => {
    return function (this: SimMachine<OpenParts>) {
      const wasUp = this.isUp;
      start.call(this);
      if (!(this instanceof SimServer)) return;
      const { open, process } = this;
      if (!wasUp && open !== null && process !== null) change({ open, process });
    };
  });
}
