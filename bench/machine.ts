import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { Histogram } from './load/histogram.ts';

const SYNCS = 300;
const BLOCK = Buffer.alloc(4096, 1);

/** What the figures were measured on. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  /** Median and 99th percentile of a 4 KiB write into an allocated file with its fdatasync. */
  readonly syncP50Ms: number;
  readonly syncP99Ms: number;
  /** Load average over the last minute when the run began: others on the machine spoil figures. */
  readonly loadAverage: number;
}

export function describeMachine(folder: string): Machine {
  const histogram = new Histogram();
  const file = join(folder, 'sync-probe');
  const descriptor = openSync(file, 'w');
  for (let i = 0; i < SYNCS; i++) writeSync(descriptor, BLOCK, 0, BLOCK.length, i * BLOCK.length);
  fdatasyncSync(descriptor);
  for (let i = 0; i < SYNCS; i++) {
    const start = performance.now();
    writeSync(descriptor, BLOCK, 0, BLOCK.length, i * BLOCK.length);
    fdatasyncSync(descriptor);
    histogram.record(performance.now() - start);
  }
  closeSync(descriptor);
  rmSync(file);
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    syncP50Ms: histogram.percentile(0.5),
    syncP99Ms: histogram.percentile(0.99),
    loadAverage: Number(readFileSync('/proc/loadavg', 'latin1').split(' ')[0]),
  };
}

export const machineText = (machine: Machine): string =>
  `${machine.cores} cores (${machine.processor}), ${machine.memoryGib} GiB, Linux ${machine.kernel}, Node ${machine.node}, ` +
  `write + fdatasync of 4 KiB p50 ${machine.syncP50Ms.toFixed(3)} ms, p99 ${machine.syncP99Ms.toFixed(2)} ms, ` +
  `load average before ${machine.loadAverage}`;
