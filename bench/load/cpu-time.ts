import { readFileSync } from 'node:fs';

/** The unit of times in /proc/<pid>/stat: 1/100 s on every Linux that Node runs on (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Processor seconds that a process has used, all its threads together; 0 when it is gone. */
export function cpuSeconds(pid: number): number {
  try {
    return parseCpuSeconds(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return 0;
  }
}

/** The name in parentheses may hold blanks and parentheses of its own. */
export function parseCpuSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
