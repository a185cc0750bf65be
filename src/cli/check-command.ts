import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { KvraftError, messageOf } from '../base/errors.ts';
import {
  checkHistory,
  clientName,
  modelNames,
  parseHistory,
  reportHtml,
  showText,
  type CheckResult,
  type History,
  type KeyResult,
  type ModelName,
  type Operation,
} from '../linearizability/index.ts';

interface CheckCommandOptions {
  readonly model?: ModelName;
  readonly html?: string;
  readonly timeout: number;
  readonly json?: true;
}

const DEFAULT_TIMEOUT_SECONDS = 60;
/** Illegal keys that are told in full; the report shows all. */
const SHOWN_KEYS_MAX = 10;

/** By verdict; what is wrong with the file or the arguments ends with 2. */
const exitCodeOf = { ok: 0, illegal: 1, unknown: 3 } as const;

/** `kvraft check`: whether a history of operations is linearizable (docs/history-format.md). */
export function registerCheck(program: Command): void {
  program
    .command('check')
    .description('check whether a recorded history of operations is linearizable')
    .argument(
      '<file>',
      'the history, one operation a line, as docs/history-format.md says; - for standard input',
    )
    .addOption(
      new Option('--model <model>', 'what to check against; default: what the history says').choices(
        modelNames,
      ),
    )
    .option('--html <file>', 'write a page that shows the history and where it went wrong')
    .option('--timeout <seconds>', 'give up after this time', parseSeconds, DEFAULT_TIMEOUT_SECONDS)
    .option('--json', 'print the result for programs')
    .addHelpText(
      'after',
      '\nExit codes: 0 linearizable · 1 not linearizable · 2 wrong usage or file · 3 not decided in time',
    )
    .action((file: string, options: CheckCommandOptions) => {
      process.exitCode = exitCodeOf[runCheck(file, options).verdict];
    });
}

function runCheck(file: string, options: CheckCommandOptions): CheckResult {
  const history = readHistory(file);
  const endMs = performance.now() + options.timeout * 1000;
  const result = checkHistory(history, {
    ...(options.model === undefined ? {} : { model: options.model }),
    stepsMax: Infinity,
    shouldStop: () => performance.now() > endMs,
  });
  const title = file === '-' ? 'standard input' : basename(file);
  if (options.html !== undefined) writeReport(options.html, reportHtml(title, history, result));
  console.log(options.json ? JSON.stringify(summaryOf(history, result)) : describe(title, history, result));
  return result;
}

function readHistory(file: string): History {
  const name = file === '-' ? 'standard input' : file;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    throw new KvraftError('INVALID_ARGUMENT', `cannot read ${name}: ${messageOf(error)}`);
  }
  try {
    return parseHistory(bytes);
  } catch (error) {
    throw new KvraftError('INVALID_ARGUMENT', `${name}: ${messageOf(error)}`);
  }
}

function writeReport(file: string, html: string): void {
  try {
    writeFileSync(file, html);
  } catch (error) {
    throw new KvraftError('INVALID_ARGUMENT', `cannot write ${file}: ${messageOf(error)}`);
  }
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !Number.isFinite(seconds) || seconds <= 0) {
    throw new InvalidArgumentError('a timeout is a number of seconds above 0');
  }
  return seconds;
}

/** The result as `--json` prints it; operations are named by their place in the history, from 0 on. */
function summaryOf(
  history: History,
  { verdict, model, checked, steps, limit, keys, versionFaults }: CheckResult,
): object {
  const undecided = keys.filter((key) => key.verdict === 'unknown').map(({ key }) => showText(key));
  const illegal = keys
    .filter((key) => key.verdict === 'illegal')
    .map(({ key, operations, order, blocked }) => ({
      key: showText(key),
      operations: operations.length,
      order,
      ...blocked,
    }));
  return {
    verdict,
    model,
    operations: history.operations.length,
    checked,
    keys: keys.length,
    steps,
    limit,
    illegal,
    undecided,
    versionFaults,
  };
}

function describe(title: string, history: History, result: CheckResult): string {
  const { verdict, model, checked, keys, versionFaults } = result;
  const words = { ok: 'linearizable', illegal: 'NOT linearizable', unknown: 'not decided' };
  const size = `${count(checked, 'operation')} on ${count(keys.length, 'key')}, model ${model}`;
  const lines = [`${title}: ${words[verdict]} (${size})`];
  for (const { message } of versionFaults.slice(0, SHOWN_KEYS_MAX)) lines.push(`  ${message}`);
  if (versionFaults.length > SHOWN_KEYS_MAX)
    lines.push(`  and ${versionFaults.length - SHOWN_KEYS_MAX} more of the kind`);
  const illegal = keys.filter((key) => key.verdict === 'illegal');
  for (const key of illegal.slice(0, SHOWN_KEYS_MAX)) lines.push(...describeIllegal(key, history));
  if (illegal.length > SHOWN_KEYS_MAX) lines.push(`  and ${illegal.length - SHOWN_KEYS_MAX} more keys`);
  const undecided = keys.filter((key) => key.verdict === 'unknown').length;
  if (undecided > 0)
    lines.push(`  not decided: ${undecided} of ${count(keys.length, 'key')}; out of ${result.limit}`);
  return lines.join('\n');
}

function count(n: number, noun: string): string {
  return `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`;
}

function describeIllegal({ key, operations, order, blocked }: KeyResult, history: History): string[] {
  if (blocked === undefined) return [];
  const { client, kind, callMs, returnMs } = history.operations[blocked.operation] as Operation;
  return [
    `  key ${showText(key)}: no place for the ${kind} by ${clientName(client)} (${callMs} to ${returnMs} ms)`,
    `    ${blocked.reason}`,
    `    that is after a legal order of ${order.length} of the ${count(operations.length, 'operation')}; no other order has a place for it`,
  ];
}
