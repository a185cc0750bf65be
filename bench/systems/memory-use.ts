import { readFileSync } from 'node:fs';

const MIB = 2 ** 20;
const KIB = 1024;

/** Where a process's resident memory lies, in MiB: its own, and pages of files that it has mapped. */
export interface MemoryUse {
  readonly totalMib: number;
  readonly ownMib: number;
  readonly fileMib: number;
}

export const memoryUse = (pid: number): MemoryUse =>
  parseMemoryUse(readFileSync(`/proc/${pid}/status`, 'latin1'));

export function parseMemoryUse(status: string): MemoryUse {
  const mib = (name: string): number => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (kib === undefined) throw new Error(`no ${name} in the status of a process`);
    return (Number(kib) * KIB) / MIB;
  };
  return { totalMib: mib('VmRSS'), ownMib: mib('RssAnon'), fileMib: mib('RssFile') };
}
