// The process that makes loads: one for each system, which lives as long as the system does, so that its code is warm
// and its ledger knows every write. Takes jobs from its parent one by one.
import { wires } from '../wires/wires.ts';
import { ClosedLoop } from './closed-loop.ts';
import type { LoadJob, LoadResult, SystemName } from './job.ts';
import { Ledger } from './ledger.ts';
import { OpenLoop } from './open-loop.ts';
import { Sweep } from './sweep.ts';

/** What the process is asked, and what it answers. */
export type LoadAnswer = { readonly result: LoadResult } | { readonly error: string };

const [name = 'kvraft', keys = '0'] = process.argv.slice(2);
const makeWire = wires[name as SystemName];
const ledger = new Ledger(Number(keys));
let jobs = 0;

function runJob(job: LoadJob): Promise<LoadResult> {
  const seed = ++jobs;
  switch (job.kind) {
    case 'closed':
      return new ClosedLoop(job, makeWire, ledger, seed).run();
    case 'open':
      return new OpenLoop(job, makeWire, ledger, seed).run();
    case 'sweep':
      return new Sweep(job, makeWire, ledger, seed).run();
  }
}

process.on('message', (job: LoadJob) => {
  void runJob(job).then(
    (result) => process.send?.({ result } satisfies LoadAnswer),
    (error: unknown) => process.send?.({ error: (error as Error).message } satisfies LoadAnswer),
  );
});
process.on('disconnect', () => process.exit(0));
