import type { Command } from 'commander';
import { KvraftError } from '../base/errors.ts';
import { dumpWal, NOT_USABLE } from '../wal/dump.ts';
import { SLOTS_FILE } from '../wal/hard-state-slots.ts';
import { nodeVfs } from '../wal/node-vfs.ts';
import { sequenceOf } from '../wal/segment.ts';
import { exitCodes } from './exit-codes.ts';

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
      const names = nodeVfs.list(path);
      if (!names.some((name) => name === SLOTS_FILE || sequenceOf(name) !== null)) {
        throw new KvraftError('INVALID_ARGUMENT', `${folder} holds no log`);
      }
      for (const line of dumpWal(nodeVfs, path)) {
        console.log(line);
        if (line.startsWith(NOT_USABLE)) process.exitCode = exitCodes.damaged;
      }
    });
}
