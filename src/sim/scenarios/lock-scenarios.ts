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
];
