import { KvraftError, messageOf } from '../base/errors.ts';
import type { Prng } from '../base/prng.ts';
import { memberId, type MemberId } from '../raft/types.ts';
import type { Vfs } from '../wal/vfs.ts';

const FILE = 'identity.json';
const FORMAT = 1;

interface IdentityFile {
  format: number;
  serverId: number;
  /** How often this server was rebuilt with an empty folder. */
  generation: number;
  /** 16 hexadecimal digits, drawn when the folder was made. */
  incarnation: string;
  /** Empty until the founding of the cluster was applied here. */
  clusterId: string;
  /** The server ids of the configuration that this folder was first started with. */
  foundingServers: number[];
  /** Whether a log was made in this folder: from then on, a folder without one has lost it. */
  logCreated: boolean;
  /** The incarnation that each member was first seen with, where the log may not say yet. */
  pins: Record<string, string>;
  /** A cluster that this server heard of while it belonged to none: it founds no other one. */
  heardOf?: string;
  /** Starts of a process on this folder, counted where the engine asks for it. */
  boots?: number;
}

export interface IdentitySetup {
  readonly serverId: number;
  /** The server ids of the configuration. */
  readonly foundingServers: readonly number[];
  readonly prng: Prng;
}

/** Who a data folder is. Kept in a small file of its own that is replaced atomically. */
export class Identity {
  readonly #vfs: Vfs;
  readonly #folder: string;
  readonly #file: IdentityFile;

  private constructor(vfs: Vfs, folder: string, file: IdentityFile) {
    this.#vfs = vfs;
    this.#folder = folder;
    this.#file = file;
  }

  /** Reads the folder's identity, or makes one where the folder is new. Refuses the folder of another server. */
  static open(vfs: Vfs, folder: string, setup: IdentitySetup): Identity {
    vfs.makeFolder(folder);
    const path = `${folder}/${FILE}`;
    if (!vfs.exists(path)) {
      const log = `${folder}/log`;
      // It is the first file that is made in a folder.
      if (vfs.exists(log) && vfs.list(log).length > 0) {
        throw new KvraftError('STORE_DAMAGED', `${path} is missing beside ${log}: restore it from a backup`);
      }
      return Identity.create(vfs, folder, setup, { generation: 0, clusterId: '' });
    }
    const file = parse(path, vfs.readFile(path));
    if (file.serverId !== setup.serverId) {
      throw new KvraftError(
        'INVALID_CONFIG',
        `${folder} is the data folder of server ${file.serverId}, not of server ${setup.serverId}: ` +
          'give each server a folder of its own',
      );
    }
    return new Identity(vfs, folder, file);
  }

  /** Makes the identity of an empty folder: of a first life, or of one that a rebuilt server begins. */
  static create(
    vfs: Vfs,
    folder: string,
    { serverId, foundingServers, prng }: IdentitySetup,
    { generation, clusterId }: { generation: number; clusterId: string },
  ): Identity {
    const identity = new Identity(vfs, folder, {
      format: FORMAT,
      serverId,
      generation,
      incarnation: randomHex(prng, 2),
      clusterId,
      foundingServers: foundingServers.toSorted((a, b) => a - b),
      logCreated: false,
      pins: {},
    });
    identity.#save();
    return identity;
  }

  get member(): MemberId {
    return memberId(this.#file.serverId, this.#file.generation);
  }

  get incarnation(): string {
    return this.#file.incarnation;
  }

  get clusterId(): string {
    return this.#file.clusterId;
  }

  get foundingServers(): readonly number[] {
    return this.#file.foundingServers;
  }

  get logCreated(): boolean {
    return this.#file.logCreated;
  }

  /** The cluster that was heard of before this folder belonged to one; empty where none was. */
  get heardOf(): string {
    return this.#file.heardOf ?? '';
  }

  hearOf(clusterId: string): void {
    this.#file.heardOf = clusterId;
    this.#save();
  }

  pinOf(member: MemberId): string | undefined {
    return this.#file.pins[String(member)];
  }

  pin(member: MemberId, incarnation: string): void {
    this.#file.pins[String(member)] = incarnation;
    this.#save();
  }

  markLogCreated(): void {
    this.#file.logCreated = true;
    this.#save();
  }

  /** Counts this start of a process, durably; the first one is 1. */
  countBoot(): number {
    this.#file.boots = (this.#file.boots ?? 0) + 1;
    this.#save();
    return this.#file.boots;
  }

  joinCluster(clusterId: string): void {
    this.#file.clusterId = clusterId;
    this.#save();
  }

  #save(): void {
    const path = `${this.#folder}/${FILE}`;
    const file = this.#vfs.open(`${path}.new`, true);
    try {
      const bytes = Buffer.from(JSON.stringify(this.#file, null, 2) + '\n', 'utf8');
      file.truncateSync(0);
      file.writeSync([bytes], 0);
      file.syncSync();
    } finally {
      file.close();
    }
    this.#vfs.rename(`${path}.new`, path);
    this.#vfs.syncFolder(this.#folder);
  }
}

/** `words` × 8 hexadecimal digits. */
export function randomHex(prng: Prng, words: number): string {
  let hex = '';
  for (let i = 0; i < words; i++) hex += prng.uint32().toString(16).padStart(8, '0');
  return hex;
}

function parse(path: string, bytes: Uint8Array): IdentityFile {
  let file: unknown;
  try {
    file = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new KvraftError(
      'STORE_DAMAGED',
      `${path} cannot be read (${messageOf(cause)}): restore it from a backup`,
      {
        cause,
      },
    );
  }
  const { format } = (file ?? {}) as Partial<IdentityFile>;
  if (typeof format === 'number' && format !== FORMAT) {
    throw new KvraftError(
      'STORE_DAMAGED',
      `${path} has format ${format}, this version of kvraft reads ${FORMAT}: use the version that wrote it`,
    );
  }
  if (!isIdentity(file)) {
    throw new KvraftError(
      'STORE_DAMAGED',
      `${path} does not say who this server is: restore it from a backup`,
    );
  }
  return file;
}

function isIdentity(value: unknown): value is IdentityFile {
  if (typeof value !== 'object' || value === null) return false;
  const file = value as Partial<Record<keyof IdentityFile, unknown>>;
  const isId = (id: unknown): boolean => Number.isSafeInteger(id) && (id as number) >= 0;
  return (
    file.format === FORMAT &&
    isId(file.serverId) &&
    isId(file.generation) &&
    typeof file.incarnation === 'string' &&
    typeof file.clusterId === 'string' &&
    Array.isArray(file.foundingServers) &&
    file.foundingServers.every(isId) &&
    typeof file.logCreated === 'boolean' &&
    typeof file.pins === 'object' &&
    file.pins !== null &&
    (file.heardOf === undefined || typeof file.heardOf === 'string') &&
    (file.boots === undefined || isId(file.boots))
  );
}
