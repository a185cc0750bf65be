import type { Command } from 'commander';
import { KvraftError } from '../base/errors.ts';
import { dumpWal } from '../wal/dump.ts';
import { nodeVfs } from '../wal/node-vfs.ts';

export function registerWal(program: Command): void {
  program
    .command('wal')
    .description('look into a write-ahead log')
    .command('dump')
    .description('print a log for people; reads only, so a running server does not mind')
    .argument('<folder>', "a server's data folder, or the log folder in it")
    .action((folder: string) => {
      const inner = `${folder}/log`;
      const path = nodeVfs.exists(inner) ? inner : folder;
      if (!nodeVfs.exists(path)) throw new KvraftError('INVALID_ARGUMENT', `${folder}: no such folder`);
      for (const line of dumpWal(nodeVfs, path)) console.log(line);
    });
}
