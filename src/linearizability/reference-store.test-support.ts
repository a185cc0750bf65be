import { fnv1a } from '../base/fnv1a.ts';
import type { Invocation, KeyInvocation, OperationResult } from './history.ts';

interface StoredValue {
  readonly value: string;
  readonly version: number;
  readonly expiresAtMs: number;
}

/** The store as a program that runs on one computer would be, without any thought of checking. */
export class ReferenceStore {
  #values = new Map<string, StoredValue>();
  #version = 0;

  execute(invocation: Invocation, nowMs: number): OperationResult {
    // The store's clock is slow, and keys outlive their time by it.
    const clockMs = nowMs * 0.9;
    const { key } = invocation;
    const stored = this.#values.get(key);
    if (stored !== undefined && stored.expiresAtMs <= clockMs) {
      this.#values.delete(key);
      this.#version++;
    }
    return this.#run(key, invocation, clockMs);
  }

  #run(key: string, invocation: KeyInvocation, clockMs: number): OperationResult {
    const { kind, value = '', version, ttlMs = 0, when, by = '0', initial } = invocation;
    const found = this.#values.get(key);
    const write = (written: string, expiresAtMs: number): OperationResult => {
      this.#values.set(key, { value: written, version: ++this.#version, expiresAtMs });
      return { status: 'ok', version: this.#version };
    };
    const expiresAtMs = ttlMs === 0 ? Infinity : clockMs + ttlMs;
    switch (kind) {
      case 'put':
        write(value, Infinity);
        return { status: 'ok' };
      case 'get':
        return found === undefined ? { status: 'not-found' } : { status: 'ok', value: found.value };
      case 'getm': {
        if (found === undefined) return { status: 'not-found' };
        const leftMs =
          found.expiresAtMs === Infinity ? 0 : Math.ceil((found.expiresAtMs - clockMs) / 1000) * 1000;
        return { status: 'ok', value: found.value, version: found.version, ttlMs: leftMs };
      }
      case 'batch':
        return this.#batch(key, invocation.ops ?? [], clockMs);
    }
    if (found === undefined && (kind === 'cas' || kind === 'touch' || kind === 'delete'))
      return { status: 'not-found' };
    if (found === undefined && kind === 'check')
      return { status: version === undefined ? 'ok' : 'not-found' };
    if (found === undefined && when === 'present') return { status: 'not-found' };
    if (found !== undefined && when === 'absent') return { status: 'exists', version: found.version };
    if (found !== undefined && version !== undefined && version !== found.version)
      return { status: 'version-mismatch', version: found.version };
    const keptMs = found?.expiresAtMs ?? Infinity;
    switch (kind) {
      case 'set':
      case 'cas':
        return write(value, expiresAtMs);
      case 'append':
        return write((found?.value ?? '') + value, keptMs);
      case 'prepend':
        return write(value + (found?.value ?? ''), keptMs);
      case 'delete':
        this.#values.delete(key);
        return { status: 'ok', version: ++this.#version };
      case 'touch':
        this.#values.set(key, { ...(found as StoredValue), expiresAtMs });
        return { status: 'ok', value: (found as StoredValue).value };
      case 'check':
        return { status: 'ok' };
      case 'put-hash': {
        const old = found?.value ?? '';
        return { ...write(String(fnv1a(Buffer.from(old), Buffer.from(value))), Infinity), value: old };
      }
      default: {
        if (found === undefined) {
          return initial === undefined
            ? { status: 'not-found' }
            : { ...write(initial, expiresAtMs), value: initial };
        }
        if (!/^\d+$/.test(found.value)) return { status: 'not-a-number' };
        const sum =
          kind === 'increment' ? Number(found.value) + Number(by) : Number(found.value) - Number(by);
        const made = String(Math.max(0, sum));
        return { ...write(made, keptMs), value: made };
      }
    }
  }

  #batch(key: string, ops: readonly KeyInvocation[], clockMs: number): OperationResult {
    const [values, version] = [new Map(this.#values), this.#version];
    const results = ops.map((op) => this.#run(key, op, clockMs));
    const isIdle = (at: number): boolean => ops[at]?.kind === 'delete' && ops[at]?.version === undefined;
    if (results.every(({ status }, at) => status === 'ok' || (status === 'not-found' && isIdle(at))))
      return { status: 'ok', results };
    this.#values = values;
    this.#version = version;
    return {
      status: 'not-applied',
      results: results.map((result, at) => {
        if (result.status === 'ok' || (result.status === 'not-found' && isIdle(at)))
          return { status: 'not-applied' };
        return (result.version ?? 0) > version ? { status: result.status } : result;
      }),
    };
  }
}
