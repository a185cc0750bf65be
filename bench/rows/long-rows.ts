import { join } from 'node:path';
import { folderBytes } from '../systems/folder-bytes.ts';
import { createSystem } from '../systems/installed.ts';
import { memoryUse } from '../systems/memory-use.ts';
import { fill } from './fill.ts';
import { loadMetrics, measureLoad, type LoadShape } from './load-rows.ts';
import type { Row } from './row.ts';
import { value } from './sample.ts';
import { standard } from './standard.ts';

const MIB = 2 ** 20;
const MANY_KEYS = 10_000_000;
const many: LoadShape = { work: 'write', connections: 50, depth: 16, keys: MANY_KEYS };
const few: LoadShape = { ...many, keys: standard.keys };

/** A cluster that holds ten million keys, beside a fresh one with the standard number in every round. */
const growthRow: Row = {
  id: 'growth',
  title: 'writes with 10 million keys, 50 × 16 in flight',
  systems: ['kvraft'],
  keys: MANY_KEYS,
  group: 'long',
  metrics: [
    ...loadMetrics,
    { key: 'fewPerSecond', label: '100 thousand keys', digits: 0 },
    { key: 'share', label: 'share', digits: 2 },
  ],
  goals: [{ text: '≥ 0.7 × that with 100 thousand', sense: '≥', bound: 0.7, of: value('share') }],
  async measure(system, effort) {
    const small = await createSystem('kvraft', join(system.folder, 'few'), standard.keys);
    let fewPerSecond: number;
    try {
      await small.start();
      await fill(small, standard.keys);
      fewPerSecond = (await measureLoad(small, few, effort)).values['perSecond'] ?? 0;
    } finally {
      await small.stop();
    }
    const { values } = await measureLoad(system, many, effort);
    return { values: { ...values, fewPerSecond, share: (values['perSecond'] ?? 0) / fewPerSecond } };
  },
};

const ENDURANCE_RATE = 5_000;
const ENDURANCE_INTERVAL_MS = 1_000;
const OBSERVE_MS = 10_000;

/** Writes at a steady rate for a long time. */
const enduranceRow: Row = {
  id: 'endurance',
  title: `${ENDURANCE_RATE} writes/s for a long time, open loop`,
  systems: ['kvraft'],
  keys: standard.keys,
  group: 'long',
  rounds: 1,
  metrics: [
    { key: 'minutes', label: 'minutes', digits: 1 },
    { key: 'perSecond', label: 'per second', digits: 0 },
    { key: 'firstP50Ms', label: 'p50 ms, first tenth', digits: 2 },
    { key: 'lastP50Ms', label: 'last tenth', digits: 2 },
    { key: 'p99Ms', label: 'p99 ms', digits: 2 },
    { key: 'maxMs', label: 'longest ms', digits: 1 },
    { key: 'sendDelayMaxMs', label: 'generator late, ms', digits: 1 },
    { key: 'earlyMib', label: 'files MiB, second tenth', digits: 0 },
    { key: 'lateMib', label: 'last tenth', digits: 0 },
    { key: 'memoryMib', label: 'largest server, MiB', digits: 0 },
  ],
  goals: [
    { text: 'no pause over 100 ms', sense: '≤', bound: 100, of: value('maxMs') },
    {
      text: 'files bounded: last tenth ≤ 1.5 × second tenth',
      sense: '≤',
      bound: 1.5,
      of: ({ kvraft }) =>
        kvraft === undefined ? null : (kvraft.values['lateMib'] ?? 0) / (kvraft.values['earlyMib'] ?? 0),
    },
  ],
  async measure(system, effort) {
    const leader = await system.leader();
    const files: number[] = [];
    let memoryMib = 0;
    const observer = setInterval(
      () => {
        files.push(folderBytes(system.folder) / MIB);
        for (const pid of system.pids) memoryMib = Math.max(memoryMib, memoryUse(pid).totalMib);
      },
      Math.min(OBSERVE_MS, effort.enduranceMs / 20),
    );
    const result = await system.generator
      .run({
        ...{ kind: 'open', work: 'write', connections: 50, depth: 64, keys: standard.keys },
        ...{ valueBytes: standard.valueBytes, ports: [system.ports[leader] ?? 0], pids: system.pids },
        ...{ warmUpMs: effort.warmUpMs, measureMs: effort.enduranceMs, rate: ENDURANCE_RATE },
        ...{ intervalMs: ENDURANCE_INTERVAL_MS, kill: null },
      })
      .finally(() => clearInterval(observer));
    const { intervals, latency } = result;
    const tenth = <T>(list: readonly T[], which: number): readonly T[] =>
      list.slice(Math.floor((which * list.length) / 10), Math.ceil(((which + 1) * list.length) / 10));
    const mean = (list: readonly number[]): number =>
      list.reduce((sum, x) => sum + x, 0) / Math.max(1, list.length);
    return {
      values: {
        minutes: result.elapsedMs / 60_000,
        perSecond: result.repliesPerSecond,
        firstP50Ms: mean(tenth(intervals, 0).map(({ p50Ms }) => p50Ms)),
        lastP50Ms: mean(tenth(intervals, 9).map(({ p50Ms }) => p50Ms)),
        p99Ms: latency.p99Ms,
        maxMs: latency.maxMs,
        sendDelayMaxMs: result.sendDelay?.maxMs ?? 0,
        earlyMib: mean(tenth(files, 1)),
        lateMib: mean(tenth(files, 9)),
        memoryMib,
      },
      intervals,
    };
  },
};

export const longRows: readonly Row[] = [growthRow, enduranceRow];
