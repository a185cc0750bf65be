import { createPrng, type Prng } from '../base/prng.ts';
import type { ReplicaOptions } from '../replica/options.ts';
import type { DiskFaults } from './disk.ts';
import type { NetworkFaults } from './network.ts';

/** What the fault injector does now and then; each happens in some worlds only. */
export const faultKinds = [
  'crash',
  'power-loss',
  'cluster-power-loss',
  'stop',
  'pause',
  'partition',
  'isolate-leader',
  'cut-one-way',
  'cut-some',
  'network-storm',
  'slow-link',
  'slow-disk',
  'stalled-disk',
  'full-disk',
  'failing-disk',
  'wall-jump',
  'hand-over',
  'transfer',
  'reconfigure',
  'damage',
  'wipe',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** All that makes one world differ from another. Drawn from a seed. */
export interface WorldOptions {
  readonly seed: number;
  readonly servers: number;
  readonly clients: number;
  /** Clients beside those that are the typed client of production, with its own sessions, retries and search for a leader. */
  readonly typedClients: number;
  /** Clients that use the operations which the others do not: counters, hash chains, leases and more. */
  readonly furtherClients: number;
  /** How long faults last, in milliseconds of virtual time. */
  readonly faultMs: number;
  /** Faults of each kind per second of virtual time; those that are absent do not happen. */
  readonly rates: Readonly<Partial<Record<FaultKind, number>>>;
  /** How long a fault lasts at most. */
  readonly faultLengthMsMax: number;
  /** How often a blocking change of a disk is the last thing that a process does. */
  readonly crashPointChance: number;
  /** Monotonic clocks run faster or slower by up to this much. */
  readonly clockDrift: number;
  readonly network: NetworkFaults;
  readonly disk: Partial<DiskFaults>;
  readonly replica: ReplicaOptions;
  readonly segmentBytes: number;
  /** Applied bytes past which they are flushed to the state's file. */
  readonly flushBytes: number;
  readonly sessionTtlMs: number;
  readonly requestTimeoutMs: number;
  /** A client that has waited so long gives an operation up and goes on. */
  readonly clientTimeoutMs: number;
  readonly thinkMsMax: number;
  readonly keysPerModel: number;
  readonly valueBytesMax: number;
  /** Whether the servers that are not needed for a majority stay down when faults have ended, for a while. */
  readonly healsMajorityOnly: boolean;
}

/** Faults that take what a server holds durably, and end with its rebuild: of a minority, in some worlds. */
const LASTING: readonly FaultKind[] = ['damage', 'wipe'];

/** What mostly comes to nothing, as there is no leader or another change is under way. */
const OFTEN: readonly FaultKind[] = ['reconfigure', 'transfer'];

export function drawWorld(seed: number): WorldOptions {
  const prng = createPrng(seed);
  const pick = <T>(...choices: readonly [T, ...T[]]): T => choices[prng.below(choices.length)] as T;
  const servers = prng.chance(0.04) ? 7 : pick(1, 2, 3, 3, 3, 3, 4, 5, 5);
  const tickMs = pick(5, 10, 25);
  const heartbeatIntervalMs = tickMs * pick(1, 2, 3);
  const electionTimeoutMs = heartbeatIntervalMs * pick(4, 6, 10);
  const logBytesMax = pick(2_000, 8_000, 64_000);
  // Most worlds have more faults in a shorter time, so that a run of many seeds tries more; some let things settle.
  const isDense = prng.chance(0.75);
  // The state then takes several pieces of a snapshot.
  const largeValues = prng.chance(0.1);
  const healsMajorityOnly = prng.chance(0.5);
  return {
    seed,
    servers,
    clients: 1 + prng.below(8),
    faultMs: isDense ? 500 + prng.below(2_000) : 1_000 + prng.below(5_000),
    rates: drawRates(prng, servers, isDense ? 1.8 : 1),
    faultLengthMsMax: pick(100, 500, 2_000),
    crashPointChance: prng.chance(0.3) ? prng.float() * 0.02 : 0,
    clockDrift: pick(0, 0.001, 0.05),
    network: drawNetwork(prng),
    disk: drawDisk(prng),
    replica: {
      tickMs,
      heartbeatIntervalMs,
      electionTimeoutMs,
      diskStallMsMax: electionTimeoutMs * pick(1, 4),
      logBytesMax,
      unflushedBytesMax: pick(20_000, 1_000_000),
      uncommittedBytesMax: pick(1_000, 1_000_000),
      // Where all must meet, a majority alone may never begin.
      foundingWaitMs: healsMajorityOnly ? pick(0, 1_000) : Infinity,
    },
    segmentBytes: largeValues ? 1_048_576 : pick(16_384, 65_536),
    flushBytes: pick(500, 4_000, 32_000),
    sessionTtlMs: pick(1_000, 5_000, 600_000),
    requestTimeoutMs: pick(200, 1_000, 5_000),
    clientTimeoutMs: pick(300, 2_000),
    thinkMsMax: pick(4, 20, 60),
    keysPerModel: pick(1, 2, 5),
    valueBytesMax: largeValues ? 60_000 : pick(10, 100, 1_000),
    healsMajorityOnly,
    typedClients: prng.chance(0.4) ? 1 + prng.below(2) : 0,
    furtherClients: prng.chance(0.5) ? 1 + prng.below(3) : 0,
  };
}

function drawRates(prng: Prng, servers: number, density: number): Partial<Record<FaultKind, number>> {
  const share = prng.float() * 0.7;
  const lasting = servers >= 3 && prng.chance(0.3);
  const rates: Partial<Record<FaultKind, number>> = {};
  for (const kind of faultKinds) {
    const drawn = prng.chance(share);
    const often = OFTEN.includes(kind) ? 3 : 1;
    const rate = density * often * (0.2 + 3 * prng.float() * prng.float());
    const isOn = LASTING.includes(kind) ? lasting && prng.chance(0.6) : drawn;
    if (isOn) rates[kind] = Number(rate.toFixed(2));
  }
  return rates;
}

function drawNetwork(prng: Prng): NetworkFaults {
  const delayMsMin = prng.float() * 2;
  const maybe = (chance: number, most: number): number => (prng.chance(chance) ? prng.float() * most : 0);
  return {
    delayMsMin,
    delayMsMax: delayMsMin + prng.float() * (prng.chance(0.2) ? 20 : 3),
    loss: maybe(0.5, 0.2),
    repetition: maybe(0.4, 0.2),
    reordering: prng.chance(0.5),
    slowness: maybe(0.3, 0.1),
    slowMsMax: 50 + prng.below(500),
  };
}

function drawDisk(prng: Prng): Partial<DiskFaults> {
  const syncMsMin = prng.float();
  return {
    syncMsMin,
    syncMsMax: syncMsMin + prng.float() * (prng.chance(0.2) ? 20 : 3),
    writeMsMax: 0.05 + prng.float(),
    lostSectorChance: prng.float(),
    tornSectorChance: prng.float() * 0.5,
    lostFolderOperationChance: prng.float(),
  };
}
