import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as net from 'node:net';
import { KvraftError, messageOf } from '../base/errors.ts';

/** The right of this process to a data folder. */
export interface FolderLock {
  /** Lets the folder go. The end of the process, however it comes, does the same. */
  release(): void;
}

/** Who a lock file belongs to: `unclear` when its owner hung up without a word, or the file went away. */
type Owner = { readonly pid: string } | 'nobody' | 'unclear' | 'somebody';

const LOCK = /^lock\.([0-9]+)$/;
const STARTING = 'lock.starting.';
/** A holder that does not say its process id in this time holds the lock all the same. */
const PATIENCE_MS = 1_000;
/** An owner that is unclear so often is taken for a living one. */
const ASKS_MAX = 5;

/**
 * Takes the folder for this process, or fails with `DATA_LOCKED`.
 *
 * The lock is a listening socket in the folder: the kernel closes it with the process and not before, so asking
 * it (by connecting) tells for sure whether its owner lives. A process id in a file cannot: ids are used again,
 * and a container sees others than its host. A socket in the abstract namespace would need no file, but two
 * containers that share a folder do not share that namespace; they do share sockets in files.
 *
 * The files are named `lock.<number>`, and a dead one is never removed to make place, because between the look
 * and the removal somebody else may have taken it. Instead the next number is taken by `link`, which one process
 * only can do; a socket listens before it gets that name, so it is never found dead while its process lives. The
 * one with the highest number holds the lock; that file is never removed, so who was slow and took a number that
 * others had passed sees it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const descriptor = fs.openSync(folder, 'r');
  // A socket's path has room for some hundred bytes; this one is short wherever the folder lies.
  const short = `/proc/self/fd/${descriptor}`;
  const root = fs.existsSync(short) ? short : folder;
  const own = `${STARTING}${process.pid}.${randomBytes(6).toString('hex')}`;
  const server = net.createServer((socket) => {
    socket.unref();
    socket.on('error', () => undefined);
    socket.end(`${process.pid}\n`);
  });
  server.unref();
  const release = (): void => {
    server.close();
    fs.closeSync(descriptor);
  };
  try {
    await listen(server, `${root}/${own}`);
    const number = await takeNumber(folder, root, own);
    tidy(folder, number);
  } catch (error) {
    fs.rmSync(`${folder}/${own}`, { force: true });
    release();
    if (error instanceof KvraftError) throw error;
    throw new KvraftError(
      'DATA_LOCKED',
      `${folder} cannot be locked: ${messageOf(error)} (its file system must allow sockets and hard links)`,
      { cause: error },
    );
  }
  return { release };
}

async function takeNumber(folder: string, root: string, own: string): Promise<number> {
  for (let asks = 1; ; asks++) {
    const highest = highestNumber(folder);
    const owner = highest === 0 ? 'nobody' : await ask(`${root}/lock.${highest}`);
    if (owner === 'unclear' && asks < ASKS_MAX) continue;
    if (owner !== 'nobody') {
      const holder = typeof owner === 'string' ? 'another process' : `process ${owner.pid}`;
      throw new KvraftError('DATA_LOCKED', `${folder} is in use by ${holder}; stop it first`, {
        retryable: true,
      });
    }
    if (!tryLink(`${folder}/${own}`, `${folder}/lock.${highest + 1}`)) continue;
    if (highestNumber(folder) === highest + 1) return highest + 1;
    fs.rmSync(`${folder}/lock.${highest + 1}`, { force: true });
  }
}

function highestNumber(folder: string): number {
  return fs
    .readdirSync(folder)
    .reduce((highest, name) => Math.max(highest, Number(LOCK.exec(name)?.[1] ?? 0)), 0);
}

/** False when the name is taken. */
function tryLink(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Removes what nobody can hold any more: whoever still uses one of these names will find the lock held. */
function tidy(folder: string, number: number): void {
  for (const name of fs.readdirSync(folder)) {
    const passed = Number(LOCK.exec(name)?.[1] ?? Infinity) < number;
    if (passed || name.startsWith(STARTING)) fs.rmSync(`${folder}/${name}`, { force: true });
  }
}

function listen(server: net.Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, exclusive: true }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

function ask(path: string): Promise<Owner> {
  return new Promise((resolve) => {
    let text = '';
    let connected = false;
    const socket = net.connect({ path });
    const answer = (owner: Owner): void => {
      socket.destroy();
      resolve(owner);
    };
    socket.setTimeout(PATIENCE_MS, () => answer('somebody'));
    socket.on('connect', () => {
      connected = true;
    });
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('end', () => answer(text === '' ? 'unclear' : { pid: text.trim() }));
    socket.on('error', (error) => {
      if (hasCode(error, 'ECONNREFUSED')) answer('nobody');
      else answer(connected || hasCode(error, 'ENOENT') ? 'unclear' : 'somebody');
    });
  });
}

const hasCode = (error: unknown, code: string): boolean => (error as { code?: unknown }).code === code;
