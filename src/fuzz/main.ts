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
  const seconds = (nodeClock.monotonicMs() - startedMs) / 1_000;
  const grownBytes = heapBytes() - warmHeapBytes;
  if (failure !== null) {
    console.error(failure.error);
    console.log(`${protocol.name} failed: ${messageOf(failure.error).split('\n')[0]}`);
    console.log(`again: npm run fuzz -- --protocol ${protocol.name} --seed ${failure.seed} --inputs 1`);
    return false;
  }
  const grown = Number.isFinite(grownBytes)
    ? `, the heap grew by ${Math.max(0, Math.round(grownBytes / 1_024))} KiB`
    : '';
  const peakMib = Math.round(process.resourceUsage().maxRSS / 1_024);
  console.log(
    `${protocol.name}: ${inputs} inputs from seed ${seed} in ${seconds.toFixed(1)} s (${Math.round(inputs / seconds)} a second), no rule was broken; ${peakMib} MiB of memory at most${grown}`,
  );
  if (globalThis.gc === undefined || grownBytes <= heapGrowthBytesMax) return true;
  console.log(`${protocol.name} failed: that is more than ${heapGrowthBytesMax / 1_024} KiB`);
  return false;
}

/** What the command line asks for; a text if it makes no sense. */
function parse():
  { readonly protocol: FuzzProtocol; readonly inputs: number; readonly seed: number } | string {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        protocol: { type: 'string' },
        inputs: { type: 'string', default: '100000' },
        seed: { type: 'string', default: '1' },
        help: { type: 'boolean' },
      },
    }));
  } catch (error) {
    return messageOf(error);
  }
  if (values.help === true) return '';
  const protocol = protocols.find(({ name }) => name === values.protocol);
  if (protocol === undefined) return '--protocol is to name one of those below';
  const [inputs, seed] = [Number(values.inputs), Number(values.seed)];
  if (!Number.isSafeInteger(inputs + seed) || inputs < 1 || seed < 0) {
    return '--inputs and --seed are whole numbers, --inputs above 0';
  }
  return { protocol, inputs, seed };
}

const asked = parse();
if (asked === '') {
  console.log(usage);
} else if (typeof asked === 'string') {
  console.error(`${asked}\n\n${usage}`);
  process.exitCode = 2;
} else if (!(await run(asked.protocol, asked.inputs, asked.seed))) {
  process.exitCode = 1;
}
