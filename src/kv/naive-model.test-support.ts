/**
 * What the key-value state should do, written as plainly as can be: whole copies instead of undoing, no index, no
 * encoding, no limits. Held against the machine by random tests.
 */
import { fnv1a } from '../base/fnv1a.ts';
import { bytes } from './kv.test-support.ts';
import type { Fence } from './commands.ts';
import type { KeyOp, Op } from './ops.ts';
import type { OpResult } from './replies.ts';

export interface NaiveRecord {
  value: string;
  flags: number;
  version: number;
  expiresAtMs: number;
  lease: number;
  /** Only where there are any. */
  marks?: number;
}

interface NaiveState {
  version: number;
  flushAtMs: number;
  lastLease: number;
  readonly keys: Map<string, NaiveRecord>;
  readonly leases: Map<number, { ttlMs: number; expiresAtMs: number }>;
}

export class NaiveModel {
  state: NaiveState = { version: 0, flushAtMs: 0, lastLease: 0, keys: new Map(), leases: new Map() };

  batch(ops: readonly Op[], atomic: boolean, stampMs: number, fence?: Fence): OpResult[] {
    this.#flushDue(stampMs);
    if (fence !== undefined) {
      this.#dropDue(fence.lock, stampMs);
      if (this.state.keys.get(fence.lock)?.version !== fence.token) {
        return ops.map(() => ({ status: 'fenced', version: 0 }));
      }
    }
    if (!atomic) return ops.map((op) => this.#execute(op, stampMs, false).result);
    for (const op of ops) if ('key' in op) this.#dropDue(op.key, stampMs);
    const before = structuredClone(this.state);
    const done = ops.map((op) => this.#execute(op, stampMs, true));
    if (done.every(({ failed }) => !failed)) return done.map(({ result }) => result);
    this.state = before;
    return done.map(({ failed, result: { status, version } }) => {
      if (!failed) return { status: 'not-applied', version: 0 };
      return { status, version: version > before.version ? 0 : version };
    });
  }

  expire(stampMs: number): void {
    this.#flushDue(stampMs);
    const { keys, leases } = this.state;
    const due = [...keys].filter(([, { expiresAtMs }]) => expiresAtMs !== 0 && expiresAtMs <= stampMs);
    due.sort(([a, x], [b, y]) => x.expiresAtMs - y.expiresAtMs || (a < b ? -1 : 1));
    for (const [key] of due) this.#remove(key);
    const ended = [...leases].filter(([, { expiresAtMs }]) => expiresAtMs <= stampMs);
    ended.sort(([a, x], [b, y]) => x.expiresAtMs - y.expiresAtMs || a - b);
    for (const [id] of ended) {
      for (const key of [...keys.keys()].toSorted()) if (keys.get(key)?.lease === id) this.#remove(key);
      leases.delete(id);
    }
  }

  /** The keys that a read sees. */
  visible(): [string, NaiveRecord][] {
    const revoked = (lease: number): boolean =>
      lease !== 0 && this.state.leases.get(lease)?.expiresAtMs === 0;
    return [...this.state.keys]
      .filter(([, { lease }]) => !revoked(lease))
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  #flushDue(stampMs: number): void {
    if (this.state.flushAtMs !== 0 && this.state.flushAtMs <= stampMs) this.#flush();
  }

  #flush(): void {
    this.state.flushAtMs = 0;
    this.state.version++;
    this.state.keys.clear();
  }

  #remove(key: string): void {
    this.state.version++;
    this.state.keys.delete(key);
  }

  #dropDue(key: string, stampMs: number): void {
    const record = this.state.keys.get(key);
    if (record === undefined) return;
    const { expiresAtMs, lease } = record;
    const ended = lease !== 0 && !this.#isAlive(lease, stampMs);
    if (ended || (expiresAtMs !== 0 && expiresAtMs <= stampMs)) this.#remove(key);
  }

  #isAlive(lease: number, stampMs: number): boolean {
    return (this.state.leases.get(lease)?.expiresAtMs ?? 0) > stampMs;
  }

  #execute(op: Op, stampMs: number, atomic: boolean): { failed: boolean; result: OpResult } {
    const { state } = this;
    const ok = (result: OpResult): { failed: boolean; result: OpResult } => ({ failed: false, result });
    switch (op.op) {
      case 'flush':
        if (op.delayMs === undefined) this.#flush();
        else state.flushAtMs = stampMs + op.delayMs;
        return ok({ status: 'ok', version: state.version });
      case 'lease-grant':
        state.lastLease++;
        state.leases.set(state.lastLease, { ttlMs: op.ttlMs, expiresAtMs: stampMs + op.ttlMs });
        return ok({ status: 'ok', version: 0, lease: state.lastLease });
      case 'lease-keep-alive':
      case 'lease-revoke': {
        const lease = state.leases.get(op.lease);
        if (lease === undefined || !this.#isAlive(op.lease, stampMs)) {
          return ok({ status: 'lease-not-found', version: 0 });
        }
        lease.expiresAtMs = op.op === 'lease-revoke' ? 0 : stampMs + lease.ttlMs;
        return ok({ status: 'ok', version: 0 });
      }
      default:
        if (!atomic) this.#dropDue(op.key, stampMs);
        return this.#executeOnKey(op, stampMs);
    }
  }

  #expiryOf(ttlMs: number, stampMs: number): number {
    if (ttlMs === 0) return 0;
    return ttlMs < 0 ? Math.max(1, stampMs) : stampMs + ttlMs;
  }

  #executeOnKey(op: KeyOp, stampMs: number): { failed: boolean; result: OpResult } {
    const { state } = this;
    const current = state.keys.get(op.key);
    const fail = (status: OpResult['status'], version = 0): { failed: true; result: OpResult } => ({
      failed: true,
      result: { status, version },
    });
    const store = (
      record: Omit<NaiveRecord, 'version'>,
      carried: Partial<OpResult> = {},
    ): { failed: false; result: OpResult } => {
      const version = ++state.version;
      state.keys.set(op.key, { ...record, version });
      return { failed: false, result: { status: 'ok', version, ...carried } };
    };
    const fresh = (
      value: Uint8Array | string,
      ttlMs = 0,
      flags = 0,
      lease = 0,
    ): Omit<NaiveRecord, 'version'> => ({
      value: typeof value === 'string' ? value : Buffer.from(value).toString('latin1'),
      flags,
      expiresAtMs: this.#expiryOf(ttlMs, stampMs),
      lease,
    });
    const withMarks = (record: NaiveRecord, marks: number): NaiveRecord => {
      const { marks: _old, ...rest } = record;
      return marks === 0 ? rest : { ...rest, marks };
    };
    switch (op.op) {
      case 'set':
      case 'cas': {
        if (op.op === 'cas' && current === undefined) return fail('not-found');
        if (op.op === 'cas' && current !== undefined && current.version !== op.version) {
          if (op.orOlder !== true || op.version > current.version)
            return fail('version-mismatch', current.version);
          if ((op.lease ?? 0) !== 0 && !this.#isAlive(op.lease ?? 0, stampMs)) return fail('lease-not-found');
          const { expiresAtMs, marks = 0 } = current;
          const older = { ...fresh(op.value, 0, op.flags, op.lease ?? 0), expiresAtMs };
          return store({ ...older, marks: marks | 1 });
        }
        if (op.op === 'set' && op.when === 'absent' && current !== undefined)
          return fail('exists', current.version);
        if (op.op === 'set' && op.when === 'present' && current === undefined) return fail('not-found');
        const { lease = 0 } = op;
        if (lease !== 0 && !this.#isAlive(lease, stampMs)) return fail('lease-not-found');
        return store(fresh(op.value, op.ttlMs, op.flags, lease));
      }
      case 'delete':
        if (current === undefined) {
          return { failed: op.version !== 0, result: { status: 'not-found', version: 0 } };
        }
        if (op.version !== 0 && op.version !== current.version)
          return fail('version-mismatch', current.version);
        this.#remove(op.key);
        return { failed: false, result: { status: 'deleted', version: state.version } };
      case 'append':
      case 'prepend': {
        const { value } = fresh(op.value);
        if (current === undefined) return op.when === 'present' ? fail('not-found') : store(fresh(value));
        if ((op.version ?? 0) !== 0 && op.version !== current.version) {
          return fail('version-mismatch', current.version);
        }
        return store({
          ...withMarks(current, 0),
          value: op.op === 'append' ? current.value + value : value + current.value,
        });
      }
      case 'increment': {
        if (current === undefined) {
          if (op.initial === null) return fail('not-found');
          const made = fresh(`${op.initial}`, op.ttlMs);
          const { expiresAtMs } = made;
          return store(made, { value: bytes(`${op.initial}`), flags: 0, expiresAtMs });
        }
        if (current.value === '') return fail('not-a-number');
        if ((op.version ?? 0) !== 0 && op.version !== current.version) {
          return fail('version-mismatch', current.version);
        }
        if (!/^\d+ *$/.test(current.value) || BigInt(current.value.trim()) >= 2n ** 64n)
          return fail('not-a-number');
        const before = BigInt(current.value.trim());
        const down = before < op.by ? 0n : before - op.by;
        const value = `${op.down ? down : (before + op.by) % 2n ** 64n}`;
        const ttlMs = op.newTtlMs ?? null;
        const expiresAtMs = ttlMs === null ? current.expiresAtMs : this.#expiryOf(ttlMs, stampMs);
        return store(
          { ...withMarks(current, 0), value, expiresAtMs },
          { value: bytes(value), flags: current.flags, expiresAtMs },
        );
      }
      case 'touch': {
        if (current === undefined) return fail('not-found');
        state.keys.set(op.key, { ...current, expiresAtMs: fresh('', op.ttlMs).expiresAtMs });
        const { version, value, flags } = current;
        return { failed: false, result: { status: 'ok', version, value: bytes(value), flags } };
      }
      case 'visit': {
        if (current === undefined) {
          if (op.vivifyTtlMs === null) return fail('not-found');
          const made = { ...fresh('', op.vivifyTtlMs), marks: 2 };
          return store(made, { status: 'won', expiresAtMs: made.expiresAtMs, marks: 2 });
        }
        const { marks = 0, version } = current;
        const isDue = current.expiresAtMs !== 0 && current.expiresAtMs - stampMs < (op.recacheMs ?? 0);
        const wins = op.recacheMs !== null && marks < 2 && (marks === 1 || isDue);
        const expiresAtMs = op.ttlMs === null ? current.expiresAtMs : this.#expiryOf(op.ttlMs, stampMs);
        const visited = withMarks({ ...current, expiresAtMs }, marks | (wins ? 2 : 0));
        state.keys.set(op.key, visited);
        const seen = { status: wins ? 'won' : 'ok', version, expiresAtMs } as const;
        return {
          failed: false,
          result: visited.marks === undefined ? seen : { ...seen, marks: visited.marks },
        };
      }
      case 'invalidate': {
        if (current === undefined) return fail('not-found');
        if (op.version !== 0 && op.version !== current.version)
          return fail('version-mismatch', current.version);
        const expiresAtMs = op.ttlMs === null ? current.expiresAtMs : this.#expiryOf(op.ttlMs, stampMs);
        return store({ ...current, expiresAtMs, marks: 1 });
      }
      case 'put-hash': {
        const old = bytes(current?.value ?? '');
        return store(fresh(`${fnv1a(old, op.value)}`), { value: old, flags: 0 });
      }
      case 'check':
        if (current === undefined) {
          return op.version === null
            ? { failed: false, result: { status: 'ok', version: 0 } }
            : fail('not-found');
        }
        if (op.version === null) return fail('exists', current.version);
        if (op.version !== current.version) return fail('version-mismatch', current.version);
        return { failed: false, result: { status: 'ok', version: current.version } };
    }
  }
}
