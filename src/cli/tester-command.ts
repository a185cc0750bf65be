import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { KvraftError, messageOf } from '../base/errors.ts';
import { nodeClock } from '../base/node-clock.ts';
import { createPrng } from '../base/prng.ts';
import { readConfig } from '../server/config.ts';
import {
  allChecks,
  chooseChecks,
  formatJunit,
  formatResult,
  formatSummary,
  ProcessControl,
  runChecks,
  summarize,
  System,
  type CheckResult,
  type Server,
} from '../tester/index.ts';
import { textDialectNames, textDialects, type TextDialectName } from '../wire/text-dialects.ts';
import { exitCodes } from './exit-codes.ts';

interface TesterOptions {
  readonly config: string;
  readonly dialect: TextDialectName;
  readonly start?: string;
  readonly host: string;
  readonly ports?: readonly number[];
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly seed?: number;
  readonly scale: number;
  readonly patience: number;
  readonly silence: number;
  readonly list?: true;
  readonly json?: true;
  readonly junit?: string;
}

const MS_PER_S = 1_000;
const SEEDS = 2 ** 31;
const SCALE_MAX = 1_000;

export function registerTester(program: Command): void {
  program
    .command('tester')
    .description('test servers that speak the text protocol, over TCP alone, whoever made them')
    .option('-c, --config <file>', 'the servers: Id, Hostname and ClientPort of each', 'config.json')
    .addOption(
      new Option('--dialect <name>', 'the dialect that they speak')
        .choices(textDialectNames)
        .default('kvraft'),
    )
    .option(
      '--start <command>',
      'start and kill the servers by this shell command, in which {id} is the Id of one; without it, they run',
    )
    .option('--host <host>', 'where running servers are, with --ports', 'localhost')
    .option('--ports <list>', 'the ports of running servers, by comma, with Ids from 0 on', parsePorts)
    .option('--only <words>', 'only checks whose name contains one of these, by comma', parseWords)
    .option('--skip <words>', 'no checks whose name contains one of these, by comma', parseWords)
    .option('--seed <number>', 'where chance starts from; printed by every run', parseCount)
    .option('--scale <factor>', 'how much of what is random or parallel is done', parseScale, 1)
    .option('--patience <seconds>', 'how long to wait for what must happen', parseSeconds, 20)
    .option('--silence <seconds>', 'how long to see that something does not happen', parseSeconds, 2)
    .option('--list', 'print the checks, and run none')
    .option('--json', 'print the results for programs')
    .option('--junit <file>', 'write the results as JUnit XML')
    .addHelpText(
      'after',
      `
Exit codes: 0 all passed · 1 something failed · 2 wrong usage or configuration

Without --start or --ports, the servers of the configuration are taken to run already: what needs killing is left out.
  kvraft tester --start 'kvraft server {id}'
  kvraft tester --dialect raft-golang --config config.json --start './bin/kvstore {id}'
  kvraft tester --dialect redirect --host localhost --ports 9000,9001,9002`,
    )
    .action(async (options: TesterOptions) => {
      if (options.list) {
        for (const { name, about } of allChecks) console.log(`${name.padEnd(26)}${about}`);
        return;
      }
      process.exitCode = await test(options);
    });
}

async function test(options: TesterOptions): Promise<number> {
  const checks = chooseChecks(options.only ?? [], options.skip);
  if (checks.length === 0) {
    throw new KvraftError('INVALID_ARGUMENT', 'no check has such a name: --list prints them');
  }
  if (options.start !== undefined && !options.start.includes('{id}')) {
    throw new KvraftError('INVALID_ARGUMENT', '--start has no {id}, so all servers would be the same');
  }
  const seed = options.seed ?? randomInt(SEEDS);
  const servers = serversOf(options);
  const control = options.start === undefined ? null : new ProcessControl(options.start);
  const system = new System({
    servers,
    dialect: textDialects[options.dialect],
    control,
    clock: nodeClock,
    prng: createPrng(seed),
    patienceMs: options.patience * MS_PER_S,
    silenceMs: options.silence * MS_PER_S,
    scale: options.scale,
    keyPrefix: `t${nodeClock.wallMs().toString(36)}`,
  });
  const print = (line: string): void => void (options.json || console.log(line));
  print(
    `${servers.length} server${servers.length === 1 ? '' : 's'}, dialect ${options.dialect}, seed ${seed}`,
  );
  if (control !== null) await refuseRunning(system);
  const results = await withSignals(control, () =>
    runChecks(system, checks, (result) => print(formatResult(result))),
  );
  report(options, seed, servers, results);
  return summarize(results).failed === 0 ? exitCodes.done : exitCodes.failed;
}

/** Else other servers than those that are started would be tested. */
async function refuseRunning(system: System): Promise<void> {
  for (const server of system.servers) {
    if (!(await system.listens(server))) continue;
    const where = `${server.host}:${server.port}`;
    const message = `at ${where} somebody listens already: stop server ${server.id}, or leave out --start`;
    throw new KvraftError('INVALID_ARGUMENT', message);
  }
}

/** The servers that were started do not outlive the tester, however it ends. */
async function withSignals<T>(control: ProcessControl | null, run: () => Promise<T>): Promise<T> {
  const stop = (): void => {
    console.error('kvraft: interrupted');
    // The signals are sent when this returns: nothing is waited for, as nothing more is to be said.
    void control?.killAll();
    process.exit(exitCodes.failed);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, stop);
  try {
    return await run();
  } finally {
    await control?.killAll();
  }
}

function report(
  { dialect, json, junit }: TesterOptions,
  seed: number,
  servers: readonly Server[],
  results: readonly CheckResult[],
): void {
  const summary = summarize(results);
  if (json) console.log(JSON.stringify({ dialect, seed, servers, ...summary, results }));
  else console.log(formatSummary(summary));
  if (junit === undefined) return;
  const text = formatJunit(results, { dialect, seed: String(seed), servers: String(servers.length) });
  try {
    writeFileSync(junit, text);
  } catch (error) {
    throw new KvraftError('INVALID_ARGUMENT', `cannot write ${junit}: ${messageOf(error)}`);
  }
}

/** Where the servers speak the dialect: a listener of its own if the configuration has one, else the ClientPort. */
function serversOf({ config, dialect, host, ports }: TesterOptions): Server[] {
  if (ports !== undefined) return ports.map((port, id) => ({ id, host, port }));
  return readConfig(config, { dialect }).servers.map(({ id, hostname, clientPort, listeners }) => {
    const same = listeners.find((listener) => listener.protocol === 'text' && listener.dialect === dialect);
    return { id, host: hostname, port: same?.port ?? clientPort };
  });
}

function parsePorts(text: string): number[] {
  const ports = text.split(',').map((part) => {
    const port = Number(part);
    if (!/^\d{1,5}$/.test(part) || port < 1 || port > 65_535) {
      throw new InvalidArgumentError('ports are numbers from 1 to 65535, by comma');
    }
    return port;
  });
  if (new Set(ports).size < ports.length) throw new InvalidArgumentError('a port stands in it twice');
  return ports;
}

function parseWords(text: string): string[] {
  return text.split(',').filter((word) => word !== '');
}

function parseCount(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('a whole number of at most 10 digits');
  return Number(text);
}

function parseScale(text: string): number {
  const scale = parseCount(text);
  if (scale < 1 || scale > SCALE_MAX) throw new InvalidArgumentError(`a whole number from 1 to ${SCALE_MAX}`);
  return scale;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds > 0 && seconds <= 3_600)) {
    throw new InvalidArgumentError('a number of seconds above 0, at most 3600');
  }
  return seconds;
}
