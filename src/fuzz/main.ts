import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { messageOf } from '../base/errors.ts';
import { nodeClock } from '../base/node-clock.ts';
import { fuzz, type FuzzProtocol } from './fuzz.ts';
import { protocols } from './protocols.ts';

const hangMsMax = 20_000;
const heapGrowthBytesMax = 64 * 1_024 * 1_024;
const progressEvery = 100_000;
const warmUpInputs = 20_000;

const usage = `npm run fuzz -- --protocol <name> [--inputs 100000] [--seed 1]

Plays inputs made by chance until one breaks a rule, and says how to make it again. Protocols:
${protocols.map(({ name, about }) => `  ${name.padEnd(16)}${about}`).join('\n')}`;

/** Ends the process when one input takes too long, as the thread that plays it cannot. */
function watch(current: Float64Array, name: string): Worker {
  const code = `
    const { workerData: { current, name, hangMsMax } } = require('node:worker_threads');
    let last = -1;
    setInterval(() => {
      if (current[0] === last) {
        require('node:fs').writeSync(2, name + ': the input of seed ' + last + ' hangs\\n');
        process.kill(process.pid, 'SIGKILL');
      }
      last = current[0];
    }, hangMsMax);`;
  return new Worker(code, { eval: true, workerData: { current, name, hangMsMax } });
}

const heapBytes = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

async function run(protocol: FuzzProtocol, inputs: number, seed: number): Promise<boolean> {
  const current = new Float64Array(new SharedArrayBuffer(8));
  const watchdog = watch(current, protocol.name);
  const startedMs = nodeClock.monotonicMs();
  let warmHeapBytes = Infinity;
  const failure = await fuzz(protocol, {
    inputs,
    seed,
    onInput: (at) => {
      current[0] = at;
      if (at - seed === warmUpInputs) warmHeapBytes = heapBytes();
      if (at > seed && (at - seed) % progressEvery === 0)
        writeSync(2, `${protocol.name}: ${at - seed} inputs\n`);
    },
  });
  await watchdog.terminate();
  const seconds = ((nodeClock.monotonicMs() - startedMs) / 1_000).toFixed(1);
  const grownBytes = heapBytes() - warmHeapBytes;
  if (failure !== null) {
    console.error(failure.error);
    console.log(`${protocol.name} failed: ${messageOf(failure.error).split('\n')[0]}`);
    console.log(`again: npm run fuzz -- --protocol ${protocol.name} --seed ${failure.seed} --inputs 1`);
    return false;
  }
  const memory = grownBytes > 0 ? `, the heap grew by ${Math.round(grownBytes / 1_024)} KiB` : '';
  console.log(
    `${protocol.name}: ${inputs} inputs from seed ${seed} in ${seconds} s, no rule was broken${memory}`,
  );
  if (globalThis.gc === undefined || grownBytes <= heapGrowthBytesMax) return true;
  console.log(`${protocol.name} failed: that is more than ${heapGrowthBytesMax / 1_024} KiB`);
  return false;
}

const { values } = parseArgs({
  options: {
    protocol: { type: 'string' },
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
  },
});
const [inputs, seed] = [Number(values.inputs), Number(values.seed)];
const protocol = protocols.find(({ name }) => name === values.protocol);
if (protocol === undefined || !Number.isSafeInteger(inputs + seed) || inputs < 1 || seed < 0) {
  console.error(usage);
  process.exitCode = 2;
} else if (!(await run(protocol, inputs, seed))) {
  process.exitCode = 1;
}
