import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { KvraftError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { askAdmin } from '../net/admin-client.ts';
import type { Address } from '../net/tcp-sockets.ts';
import { generationOf, serverOf } from '../raft/types.ts';
import { Identity, type IdentitySetup } from '../replica/identity.ts';
import { nodeVfs } from '../wal/node-vfs.ts';
import type { MonitorStatus, ServerStatus } from './status.ts';

const TIMEOUT_MS = 2_000;
/** What a server keeps in its data folder. */
const CONTENT = ['identity.json', 'log', 'state'];

/** What the other members know, asked anew. */
interface Known {
  readonly clusterId: string;
  /** The newest life of this member that any of them knows. */
  readonly generation: number;
}

/**
 * Makes a data folder the begin of a new life of a member of a Raft group, a server or a monitor: what lies in it is
 * moved aside, and the new identity is of the next generation, which the others make a learner first and a voter when
 * it has caught up. Throws `UNREACHABLE`, and touches nothing, when no other member answers or they have no leader: a
 * rebuilt one has its data from them.
 */
export async function prepareRebuild(
  folder: string,
  setup: IdentitySetup,
  others: readonly Address[],
  logger: Logger,
): Promise<void> {
  const known = await askOthers(others, setup.serverId);
  startOver(folder, logger);
  Identity.create(nodeVfs, folder, setup, { generation: known.generation + 1, clusterId: known.clusterId });
}

/**
 * Empties a data folder. Under the engine primary-backup that is all there is to do: the server comes as a new one, and
 * the view service does not take it for who it was.
 */
export function startOver(folder: string, logger: Logger): void {
  const aside = moveAside(folder);
  if (aside !== null)
    logger.warn({ aside }, 'rebuilding: the old data was moved aside, remove it when all is well');
}

async function askOthers(others: readonly Address[], serverId: number): Promise<Known> {
  const answers = await Promise.allSettled(
    others.map((address) => askAdmin({ ...address, timeoutMs: TIMEOUT_MS }, { ask: 'status' })),
  );
  let generation = 0;
  let clusterId = '';
  let hasLeader = false;
  for (const answer of answers) {
    if (answer.status === 'rejected' || answer.value === null) continue;
    const status = answer.value as ServerStatus | MonitorStatus;
    clusterId ||= status.clusterId;
    hasLeader ||= status.clusterId !== '' && status.leaderId !== null && status.leaderId !== serverId;
    for (const member of status.members) {
      if (serverOf(member) === serverId) generation = Math.max(generation, generationOf(member));
    }
  }
  if (clusterId === '') {
    const message =
      'none of the others answers that holds data, and a rebuilt one has its data from them: start them first';
    throw new KvraftError('UNREACHABLE', message);
  }
  if (!hasLeader) {
    const message =
      'the others have no leader: a majority must serve without this one, to make a rebuilt one a member again. ' +
      'Start them first; where most of them lost their data, see docs/lost-folders.md';
    throw new KvraftError('UNREACHABLE', message);
  }
  return { clusterId, generation };
}

/** Moves what a former life left into a folder of its own; null when there was nothing. */
function moveAside(folder: string): string | null {
  const present = CONTENT.filter((name) => existsSync(join(folder, name)));
  if (present.length === 0) return null;
  const number = readdirSync(folder).filter((name) => name.startsWith('replaced-')).length + 1;
  const aside = join(folder, `replaced-${number}`);
  mkdirSync(aside);
  // The identity goes last: until then the folder is still the one that it was.
  for (const name of present.toReversed()) renameSync(join(folder, name), join(aside, name));
  nodeVfs.syncFolder(aside);
  nodeVfs.syncFolder(folder);
  return aside;
}
