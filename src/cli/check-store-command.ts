import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { KvraftError } from '../base/errors.ts';
import { checkState } from '../kv/check-state.ts';
import { openReadOnly } from '../store/lmdb-read-only.ts';
import { nodeVfs } from '../wal/node-vfs.ts';
import { exitCodes } from './exit-codes.ts';

const KVRAFT = join(import.meta.dirname, '..', '..', 'bin', 'kvraft.js');

interface CheckOptions {
  readonly json?: true;
  readonly unguarded?: true;
}

/** In a process of its own: LMDB does not survive every damage of its file. */
function checkGuarded(folder: string, { json }: CheckOptions): void {
  const args = [KVRAFT, 'check-store', folder, '--unguarded', ...(json ? ['--json'] : [])];
  const { status, signal } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (signal === 'SIGSEGV' || signal === 'SIGBUS' || signal === 'SIGABRT') {
    throw new KvraftError(
      'STORE_DAMAGED',
      `the state cannot be read (${signal}): it is damaged, rebuild this server from the others`,
    );
  }
  process.exitCode = status ?? exitCodes.failed;
}

export function registerCheckStore(program: Command): void {
  program
    .command('check-store')
    .description("read a stopped server's whole state and compare its digest with the one kept with it")
    .argument('<folder>', "the server's data folder")
    .option('--json', 'print the result for programs')
    .addOption(new Option('--unguarded').hideHelp())
    .action((folder: string, options: CheckOptions) => {
      if (options.unguarded !== true) return checkGuarded(folder, options);
      const path = `${folder}/state`;
      if (!nodeVfs.exists(path)) {
        throw new KvraftError(
          'INVALID_ARGUMENT',
          `${folder} is not the data folder of a server: it has no state/`,
        );
      }
      const state = openReadOnly(path);
      try {
        const check = checkState(state.storage);
        const { index, term } = state.position;
        if (options.json) console.log(JSON.stringify({ index, term, ...check }));
        else
          console.log(`${check.keyCount} keys at index ${index} of term ${term}, digest ${check.stateHash}`);
        if (check.stateHash !== check.savedStateHash) {
          throw new KvraftError(
            'STORE_DAMAGED',
            `the digest kept with the state is ${check.savedStateHash}: the state is damaged, rebuild this server from the others`,
          );
        }
      } finally {
        state.close();
      }
    });
}
