// Prints how many bytes of the JavaScript heap a request takes of three servers together, the clients and the simulated
// disks and network among them. To be run with --expose-gc and a young generation that holds it all.
import { PerformanceObserver } from 'node:perf_hooks';
import { startPattern, type Pattern } from './patterns.ts';

export interface Allocations {
  /** Bytes for each request. */
  readonly heapBytes: number;
  /** Collections that ran meanwhile and spoil the count. */
  readonly collections: number;
}

const [work = 'write', connections = '1', depth = '1', requests = '1', waste = '0'] = process.argv.slice(2);
const pattern: Pattern = {
  work: work as Pattern['work'],
  connections: Number(connections),
  depth: Number(depth),
};
const kept: unknown[] = [];

/** A fault of the code under guard, where a test asks for one: so many objects more for each operation. */
function squander(what: unknown): void {
  for (let i = 0; i < Number(waste); i++) kept.push({ what, i });
}

const cluster = startPattern(pattern, {
  service: (service) => ({
    write(ops, deadlineMs, done) {
      for (const op of ops) squander(op);
      service.write(ops, deadlineMs, done);
    },
    readBarrier: (deadlineMs, done) => service.readBarrier(deadlineMs, done),
    get(key) {
      squander(key);
      return service.get(key);
    },
  }),
});
let lastCollectionMs = 0;
const observer = new PerformanceObserver((list) => {
  for (const { startTime } of list.getEntries()) lastCollectionMs = startTime;
});
observer.observe({ entryTypes: ['gc'] });

// Code is compiled and optimised by now, which allocates, too.
cluster.runFor(Number(requests));
const collect = globalThis.gc;
if (collect === undefined) throw new Error('node must be started with --expose-gc');
collect();
const start = cluster.replies;
const startMs = performance.now();
const before = process.memoryUsage().heapUsed;
cluster.runFor(Number(requests));
const heapBytes = (process.memoryUsage().heapUsed - before) / (cluster.replies - start);
const endMs = performance.now();
setImmediate(() => {
  const collections = lastCollectionMs > startMs && lastCollectionMs < endMs ? 1 : 0;
  console.log(JSON.stringify({ heapBytes, collections } satisfies Allocations));
});
