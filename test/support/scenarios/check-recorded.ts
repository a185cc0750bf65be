import { checkHistory, type HistoryRecorder } from '#dist/linearizability/index.js';

const STEPS_MAX = 20_000_000;

/** Throws if what all clients saw together is not linearizable. */
export function checkRecorded(recorder: HistoryRecorder): void {
  const { verdict, keys } = checkHistory(recorder.history(), { stepsMax: STEPS_MAX });
  if (verdict !== 'illegal') return;
  const illegal = keys.find((key) => key.verdict === 'illegal');
  throw new Error(`the history is not linearizable: key ${illegal?.key}, ${illegal?.blocked?.reason}`);
}
