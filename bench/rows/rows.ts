import { memoryRow, restartRow } from './big-rows.ts';
import { curveRows } from './curve-rows.ts';
import { generatorRows } from './generator-rows.ts';
import { killRow } from './kill-row.ts';
import { followersRow, loadRows } from './load-rows.ts';
import { longRows } from './long-rows.ts';
import type { Row } from './row.ts';

/** Everything that can be measured, in the order of the report. Memory comes before the restarts. */
export const allRows: readonly Row[] = [
  ...loadRows,
  followersRow,
  killRow,
  memoryRow,
  restartRow,
  ...longRows,
  ...generatorRows,
  ...curveRows,
];

export interface Choice {
  /** Ids, or their beginnings; empty: all of the groups that are wanted. */
  readonly only: readonly string[];
  readonly curves: boolean;
  readonly long: boolean;
}

/** Throws for a word that fits no row. */
export function chooseRows(rows: readonly Row[], { only, curves, long }: Choice): Row[] {
  const unknown = only.find((word) => !rows.some(({ id }) => id.startsWith(word)));
  if (unknown !== undefined)
    throw new Error(`no row is called ${unknown}; rows: ${rows.map(({ id }) => id).join(', ')}`);
  return rows.filter(({ id, group }) => {
    if (only.length > 0)
      return only.some((word) => (rows.some((row) => row.id === word) ? id === word : id.startsWith(word)));
    return group === 'goals' || (group === 'curves' && curves) || (group === 'long' && long);
  });
}
