import type { WriteOp, WriteOutcome, WriteResult } from '../../listeners/kv-service.ts';
import { SimFailure } from '../failure.ts';
import type { SimServer } from '../sim-server.ts';
import { LockHolders, type LockHoldersOptions } from './lock-holders.ts';
import type { Scenario } from './scenario.ts';
import type { Stage, StageOptions } from './stage.ts';

const options: StageOptions = { servers: 3 };

const TTL_MS = 400;

/** Hands a lock on until it was acquired so often, under kills and pauses of clients and servers. */
export function handOver(stage: Stage, times: number, fenced: boolean): LockHolders {
  const { prng, scheduler } = stage;
  stage.leader();
  const holders: LockHoldersOptions = { clients: 5, ttlMs: TTL_MS, fenced };
  const locks = new LockHolders(stage, holders);
  let isOver = false;
  const disturb = (): void => {
    if (isOver) return;
    const anybody = prng.below(holders.clients);
    const place = prng.chance(0.7) && locks.holder !== -1 ? locks.holder : anybody;
    const server = stage.servers[prng.below(stage.servers.length)] as SimServer;
    const kind = prng.below(12);
    if (kind < 7) locks.pause(place, prng.float() * 3 * TTL_MS);
    else if (kind < 9) locks.kill(place);
    else if (kind < 10) server.process?.pause(prng.float() * 500);
    else if (stage.servers.every(({ isUp }) => isUp)) {
      server.crash();
      scheduler.schedule(50 + prng.float() * 300, () => server.start());
    }
    scheduler.schedule(prng.float() * 120, disturb);
  };
  disturb();
  stage.until(`${times} times the lock was acquired`, () => locks.tokens.length >= times, 3_600_000);
  isOver = true;
  locks.stop();
  return locks;
}

/** Has a server execute one operation, and waits for its result. */
function execute(stage: Stage, server: SimServer, op: WriteOp): WriteResult {
  const { session, process } = server;
  if (session === null || process === null) throw new SimFailure(`server ${server.id} is down`);
  let outcome: WriteOutcome | null = null;
  const deadlineMs = process.clock.monotonicMs() + stage.world.requestTimeoutMs;
  process.after(0, () => session.write([op], deadlineMs, (given) => (outcome = given)));
  stage.until(op.op, () => outcome !== null);
  const given = outcome as unknown as WriteOutcome;
  if (!given.ok) throw given.error;
  return given.results[0] as WriteResult;
}

const LEASE_MS = 4_000;
const KEY = 'under a lease';
/** Elections, and messages on their way. */
const LATE_MS_MAX = 150;

/** Leaders fall and clocks jump by hours: a lease has the time that it was given, neither less nor more. */
function leaseOverLeaders(stage: Stage): void {
  const { scheduler, prng } = stage;
  const isThere = (): boolean => {
    const { session, process } = stage.leader();
    let seen: boolean | null = null;
    const deadlineMs = (process?.clock.monotonicMs() ?? 0) + stage.world.requestTimeoutMs;
    session?.readBarrier(deadlineMs, (outcome) => {
      if (!outcome.ok) throw outcome.error;
      seen = session.get(KEY) !== undefined;
    });
    stage.until('a read', () => seen !== null);
    return seen === true;
  };
  const { lease } = execute(stage, stage.leader(), { op: 'lease-grant', ttlMs: LEASE_MS });
  const grantedMs = scheduler.nowMs;
  const value = Buffer.from('x');
  const put = { op: 'set', key: KEY, value, flags: 0, ttlMs: 0, when: 'always', lease: lease ?? 0 } as const;
  stage.expect(execute(stage, stage.leader(), put).status === 'ok', 'a key is put under the lease');
  while (scheduler.nowMs - grantedMs < LEASE_MS * 0.7) {
    const old = stage.leader();
    for (const { skew } of stage.servers) skew.wallOffsetMs += (prng.float() - 0.5) * 20 * 3_600_000;
    old.crash();
    stage.leader(stage.others(old));
    old.start();
    stage.expect(isThere(), 'no leader ends a lease before its time');
    stage.run(prng.float() * 300);
  }
  stage.run(Math.max(0, LEASE_MS - 100 - (scheduler.nowMs - grantedMs)));
  stage.expect(isThere(), 'the lease lasts as long as it was granted for');
  stage.run(LEASE_MS + LATE_MS_MAX - (scheduler.nowMs - grantedMs));
  stage.expect(!isThere(), 'no leader gives a lease more time than it has');
}

/** Locks, leases and what hangs on them. */
export const lockScenarios: readonly Scenario[] = [
  {
    name: 'lock-hand-over',
    about:
      'a lock goes from client to client under kills and pauses, and no write of a former holder is accepted',
    options,
    play(stage) {
      const locks = handOver(stage, 120, true);
      stage.run(1_000);
      stage.leader();
      locks.check();
    },
  },
  {
    name: 'lease-over-leaders',
    about: 'leaders fall and wall clocks jump by hours: a lease ends neither early nor late',
    options,
    play: leaseOverLeaders,
  },
];
