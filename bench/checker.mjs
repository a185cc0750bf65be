// How fast histories are checked: the time from a history in memory to the verdict, and of reading it from JSON
// lines. Plain clients of a simulated store with random delays; a share of the answers is lost.
//
//   node bench/checker.mjs [--operations 100000] [--keys 100] [--clients 20] [--unknown 0.01] [--dist dist]
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { build, install } from '../scripts/build.mjs';

const { values: options } = parseArgs({
  options: {
    operations: { type: 'string', default: '100000' },
    keys: { type: 'string', default: '100' },
    clients: { type: 'string', default: '20' },
    unknown: { type: 'string', default: '0.01' },
    dist: { type: 'string' },
  },
});
if (options.dist === undefined) {
  install();
  build();
}
const folder = join(resolve(options.dist ?? join(import.meta.dirname, '..', 'dist')), 'linearizability');
const load = (file) => import(pathToFileURL(join(folder, file)).href);
const { checkHistory, formatHistory, parseHistory } = await load('index.js');
const { generateHistory } = await load('generator.test-support.js');

/** Runs `work` and returns its result with the milliseconds of wall time and of processor time that it took. */
function measure(work) {
  const processor = process.cpuUsage();
  const start = performance.now();
  const result = work();
  const { user, system } = process.cpuUsage(processor);
  return {
    result,
    wallMs: Math.round(performance.now() - start),
    processorMs: Math.round((user + system) / 1000),
  };
}

const seconds = ({ wallMs, processorMs }) => `${wallMs} ms (${processorMs} ms of processor)`;

for (const model of ['register', 'append', 'versioned']) {
  const history = generateHistory({
    seed: 1,
    model,
    operations: Number(options.operations),
    keys: Number(options.keys),
    clients: Number(options.clients),
    unknownRate: Number(options.unknown),
  });
  const file = Buffer.from([...formatHistory(history)].join(''));
  const parsed = measure(() => parseHistory(file));
  const checked = measure(() => checkHistory(parsed.result));
  const { verdict, steps } = checked.result;
  console.log(
    `${model}: ${verdict}, ${steps} steps, ${seconds(checked)}; reading ${Math.round(file.length / 2 ** 20)} MiB: ${seconds(parsed)}`,
  );
}
