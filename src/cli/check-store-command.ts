import type { Command } from 'commander';
import { KvraftError } from '../base/errors.ts';
import { checkState } from '../kv/check-state.ts';
import { openReadOnly } from '../store/lmdb-read-only.ts';
import { nodeVfs } from '../wal/node-vfs.ts';

export function registerCheckStore(program: Command): void {
  program
    .command('check-store')
    .description("read a stopped server's whole state and compare its digest with the one kept with it")
    .argument('<folder>', "the server's data folder")
    .option('--json', 'print the result for programs')
    .action((folder: string, options: { json?: true }) => {
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
