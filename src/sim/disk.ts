import { assert } from '../base/assert.ts';
import type { Prng } from '../base/prng.ts';
import type { Done, Vfs, VfsFile } from '../wal/vfs.ts';
import { DiskFile, SECTOR_BYTES, type SectorFate } from './disk-file.ts';

/** How a simulated disk misbehaves. May be changed while it runs. */
export interface DiskFaults {
  /** Bounds between which the time of one operation is drawn. */
  writeMsMin: number;
  writeMsMax: number;
  syncMsMin: number;
  syncMsMax: number;
  /** How often an operation takes `stallMs` longer. */
  stallChance: number;
  stallMs: number;
  /** How often a write, a sync of a file or a sync of a folder fails with EIO. Blocking operations never do. */
  writeErrorChance: number;
  syncErrorChance: number;
  /** How often a loss of power loses an unsynced sector, tears it, or loses an unsynced folder operation. */
  lostSectorChance: number;
  tornSectorChance: number;
  lostFolderOperationChance: number;
}

export interface SimDiskOptions {
  readonly prng: Prng;
  /** Runs the callback later; what was scheduled for a process that has crashed does nothing. */
  readonly schedule: (delayMs: number, callback: () => void) => unknown;
  /** Bytes of all files together before writes fail with ENOSPC; may be changed through `SimDisk.capacityBytes`. */
  readonly capacityBytes?: number;
  readonly faults?: Partial<DiskFaults>;
}

/** Decides a loss of power where a test wants to, instead of the random numbers. */
export interface CrashChoices {
  readonly sector?: (path: string, sector: number, versions: number) => SectorFate;
  readonly keepsFolderOperation?: (description: string) => boolean;
}

/** How often each fault happened. */
export type DiskCounts = Record<
  | 'writes'
  | 'syncs'
  | 'folderSyncs'
  | 'stalls'
  | 'writeErrors'
  | 'syncErrors'
  | 'noSpace'
  | 'processCrashes'
  | 'powerLosses'
  | 'sectorsKept'
  | 'sectorsLost'
  | 'sectorsTorn'
  | 'folderOperationsLost'
  | 'damagedBytes',
  number
>;

const QUICK: DiskFaults = {
  writeMsMin: 0.01,
  writeMsMax: 0.05,
  syncMsMin: 0.1,
  syncMsMax: 0.5,
  stallChance: 0,
  stallMs: 100,
  writeErrorChance: 0,
  syncErrorChance: 0,
  lostSectorChance: 0.4,
  tornSectorChance: 0.2,
  lostFolderOperationChance: 0.5,
};

type Names = Map<string, DiskFile>;

/** A change of names in a folder that is not synced yet. */
interface FolderOperation {
  readonly folder: string;
  readonly description: string;
  readonly apply: (names: Names) => void;
}

interface WriteUnderWay {
  readonly file: DiskFile;
  readonly buffers: readonly Uint8Array[];
  readonly position: number;
}

const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
const systemError = (code: string, what: string): Error =>
  Object.assign(new Error(`${code}: ${what}`), { code });

/**
 * A disk in memory that outlives the processes that use it. Each process mounts it anew; after a crash nothing
 * that belongs to an older mount happens any more. All chance comes from the injected generator, so that the
 * same seed gives the same disk.
 */
export class SimDisk {
  readonly faults: DiskFaults;
  capacityBytes: number;
  readonly counts: DiskCounts = {
    writes: 0,
    syncs: 0,
    folderSyncs: 0,
    stalls: 0,
    writeErrors: 0,
    syncErrors: 0,
    noSpace: 0,
    processCrashes: 0,
    powerLosses: 0,
    sectorsKept: 0,
    sectorsLost: 0,
    sectorsTorn: 0,
    folderOperationsLost: 0,
    damagedBytes: 0,
  };
  /** Called before every blocking change of the disk: may crash the process there by throwing. */
  onBlockingChange: () => void = () => undefined;
  readonly #prng: Prng;
  readonly #schedule: SimDiskOptions['schedule'];
  readonly #folders = new Set<string>(['']);
  #names: Names = new Map();
  #durableNames: Names = new Map();
  #unsyncedOperations: FolderOperation[] = [];
  readonly #writesUnderWay = new Set<WriteUnderWay>();
  #mount = 0;

  constructor(options: SimDiskOptions) {
    this.#prng = options.prng;
    this.#schedule = options.schedule;
    this.capacityBytes = options.capacityBytes ?? Infinity;
    this.faults = { ...QUICK, ...options.faults };
  }

  /** Bytes of all files. */
  get usedBytes(): number {
    let bytes = 0;
    for (const file of this.#names.values()) bytes += file.size;
    return bytes;
  }

  /** The file system for one life of a process; those given out before are dead from now on. */
  mount(): Vfs {
    this.#mount++;
    return this.#view(this.#mount);
  }

  /** The file system as the process sees it that uses it now. */
  peek(): Vfs {
    return this.#view(this.#mount);
  }

  /** The process dies, the system lives: the page cache survives, a write under way may be cut short. */
  crashProcess(): void {
    this.counts.processCrashes++;
    this.#mount++;
    this.#cutWritesShort();
  }

  /** Power fails: of what was not synced, sectors and folder operations survive by chance, or as `choices` says. */
  losePower(choices: CrashChoices = {}): void {
    this.counts.powerLosses++;
    this.#mount++;
    this.#cutWritesShort();
    const paths = new Map([...this.#names].map(([path, file]) => [file, path]));
    for (const operation of this.#unsyncedOperations) {
      const kept =
        choices.keepsFolderOperation?.(operation.description) ??
        !this.#prng.chance(this.faults.lostFolderOperationChance);
      if (kept) operation.apply(this.#durableNames);
      else this.counts.folderOperationsLost++;
    }
    this.#unsyncedOperations = [];
    const fate = choices.sector ?? ((_path, _sector, versions) => this.#sectorFate(versions));
    for (const file of new Set([...this.#names.values(), ...this.#durableNames.values()])) {
      file.losePower(
        (sector, versions) => this.#count(fate(paths.get(file) ?? '', sector, versions)),
        () => this.#prng.chance(0.5),
      );
    }
    this.#names = new Map(this.#durableNames);
  }

  /** The system writes back what was not synced, as it does after a while. */
  writeBack(): void {
    for (const file of this.#names.values()) file.beginSync()();
  }

  /** What a loss of power could take now: for tests that try every case. */
  unsyncedSectors(): { path: string; sector: number; versions: number }[] {
    return [...this.#names]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([path, file]) => file.unsyncedSectors().map((unsynced) => ({ path, ...unsynced })));
  }

  /** Changes one byte where it lies, as a disk does that goes bad. */
  damage(path: string, position: number, change: (byte: number) => number): void {
    const file = this.#names.get(path);
    assert(file !== undefined && position < file.size, `${path} has a byte ${position} to damage`);
    this.counts.damagedBytes++;
    file.damage(position, change);
  }

  /** Everything is gone, durably. Only while no process uses the disk. */
  wipe(): void {
    this.#mount++;
    this.#names.clear();
    this.#durableNames.clear();
    this.#unsyncedOperations = [];
    this.#writesUnderWay.clear();
    this.#folders.clear();
    this.#folders.add('');
  }

  /** All files as a process would read them. */
  image(): Map<string, Uint8Array> {
    return new Map([...this.#names].map(([path, file]) => [path, file.read(0, file.size)]));
  }

  /** Puts the files of an image on this disk, durable. */
  load(image: ReadonlyMap<string, Uint8Array>): void {
    for (const [path, bytes] of image) {
      const file = new DiskFile();
      file.fill(bytes);
      this.#names.set(path, file);
      this.#durableNames.set(path, file);
      this.#folders.add(folderOf(path));
    }
  }

  #sectorFate(versions: number): SectorFate {
    const { lostSectorChance, tornSectorChance } = this.faults;
    if (this.#prng.chance(lostSectorChance)) return { version: 0, tornAt: null };
    const version = 1 + this.#prng.below(versions);
    const torn = this.#prng.chance(tornSectorChance);
    return { version, tornAt: torn ? 1 + this.#prng.below(SECTOR_BYTES - 1) : null };
  }

  #count(fate: SectorFate): SectorFate {
    if (fate.version === 0) this.counts.sectorsLost++;
    else if (fate.tornAt === null) this.counts.sectorsKept++;
    else this.counts.sectorsTorn++;
    return fate;
  }

  #cutWritesShort(): void {
    for (const write of this.#writesUnderWay) {
      // One draw a sector: buffers of one write may share it.
      const drawn = new Map<number, boolean>();
      const reaches = (sector: number): boolean => {
        const reached = drawn.get(sector) ?? this.#prng.chance(0.5);
        drawn.set(sector, reached);
        return reached;
      };
      this.#applyWrite(write, reaches);
    }
    this.#writesUnderWay.clear();
  }

  #applyWrite({ file, buffers, position }: WriteUnderWay, reaches: (sector: number) => boolean): void {
    let at = position;
    for (const buffer of buffers) {
      file.write(buffer, at, reaches);
      at += buffer.length;
    }
  }

  #change(folder: string, description: string, apply: (names: Names) => void): void {
    apply(this.#names);
    this.#unsyncedOperations.push({ folder, description, apply });
  }

  #latency(minMs: number, maxMs: number): number {
    const ms = minMs + this.#prng.float() * (maxMs - minMs);
    if (!this.#prng.chance(this.faults.stallChance)) return ms;
    this.counts.stalls++;
    return ms + this.faults.stallMs;
  }

  #checkSpace(growth: number): Error | null {
    if (growth <= 0 || this.usedBytes + growth <= this.capacityBytes) return null;
    this.counts.noSpace++;
    return systemError('ENOSPC', 'no space left on device');
  }

  #later(mount: number, minMs: number, maxMs: number, callback: () => void): void {
    this.#schedule(this.#latency(minMs, maxMs), () => {
      if (mount === this.#mount) callback();
    });
  }

  #write(mount: number, write: WriteUnderWay, done: Done): void {
    const bytes = write.buffers.reduce((sum, { length }) => sum + length, 0);
    const noSpace = this.#checkSpace(write.position + bytes - write.file.size);
    this.counts.writes++;
    this.#writesUnderWay.add(write);
    this.#later(mount, this.faults.writeMsMin, this.faults.writeMsMax, () => {
      this.#writesUnderWay.delete(write);
      if (noSpace !== null) {
        done(noSpace);
      } else if (this.#prng.chance(this.faults.writeErrorChance)) {
        this.counts.writeErrors++;
        this.#applyWrite(write, () => this.#prng.chance(0.5));
        done(systemError('EIO', 'write failed'));
      } else {
        this.#applyWrite(write, () => true);
        done(null);
      }
    });
  }

  #sync(mount: number, file: DiskFile, done: Done): void {
    this.counts.syncs++;
    const finish = file.beginSync();
    this.#later(mount, this.faults.syncMsMin, this.faults.syncMsMax, () => {
      if (this.#prng.chance(this.faults.syncErrorChance)) {
        this.counts.syncErrors++;
        file.failSync(this.#prng);
        done(systemError('EIO', 'sync failed'));
      } else {
        finish();
        done(null);
      }
    });
  }

  #syncFolder(path: string): void {
    this.counts.folderSyncs++;
    this.#unsyncedOperations = this.#unsyncedOperations.filter(({ folder, apply }) => {
      if (folder === path) apply(this.#durableNames);
      return folder !== path;
    });
  }

  #createPreallocated(
    mount: number,
    path: string,
    size: number,
    done: (error: Error | null, file: VfsFile | null) => void,
  ): void {
    const file = new DiskFile();
    this.#change(folderOf(path), `create ${path}`, (names) => names.set(path, file));
    this.#later(mount, this.faults.syncMsMin, this.faults.syncMsMax, () => {
      const noSpace = this.#checkSpace(size);
      if (noSpace !== null) {
        done(noSpace, null);
        return;
      }
      file.reserve(size);
      done(null, this.#handle(mount, file));
    });
  }

  #view(mount: number): Vfs {
    const alive = (): void => assert(mount === this.#mount, 'a process that crashed does nothing more');
    const lookUp = (path: string): DiskFile => {
      alive();
      const file = this.#names.get(path);
      if (file === undefined) throw systemError('ENOENT', path);
      return file;
    };
    return {
      makeFolder: (path) => {
        alive();
        const parts = path.split('/');
        for (let count = 1; count <= parts.length; count++)
          this.#folders.add(parts.slice(0, count).join('/'));
      },
      list: (path) => {
        alive();
        if (!this.#folders.has(path)) throw systemError('ENOENT', path);
        const names = [...this.#names.keys()].filter((name) => folderOf(name) === path);
        return names.map((name) => name.slice(path.length + 1)).sort();
      },
      exists: (path) => {
        alive();
        return this.#names.has(path) || this.#folders.has(path);
      },
      open: (path, create) => {
        alive();
        if (create && !this.#names.has(path)) {
          this.onBlockingChange();
          const file = new DiskFile();
          this.#change(folderOf(path), `create ${path}`, (names) => names.set(path, file));
        }
        return this.#handle(mount, lookUp(path));
      },
      createPreallocated: (path, size, done) => {
        alive();
        this.#createPreallocated(mount, path, size, done);
      },
      readFile: (path) => {
        const file = lookUp(path);
        return file.read(0, file.size);
      },
      rename: (from, to) => {
        this.onBlockingChange();
        const file = lookUp(from);
        this.#change(folderOf(to), `rename ${from} to ${to}`, (names) => {
          names.delete(from);
          names.set(to, file);
        });
      },
      remove: (path) => {
        this.onBlockingChange();
        lookUp(path);
        this.#change(folderOf(path), `remove ${path}`, (names) => names.delete(path));
      },
      syncFolder: (path) => {
        alive();
        this.onBlockingChange();
        this.#syncFolder(path);
      },
      syncFolderLater: (path, done) => {
        alive();
        this.#later(mount, this.faults.syncMsMin, this.faults.syncMsMax, () => {
          if (this.#prng.chance(this.faults.syncErrorChance)) {
            this.counts.syncErrors++;
            done(systemError('EIO', 'sync failed'));
          } else {
            this.#syncFolder(path);
            done(null);
          }
        });
      },
    };
  }

  #handle(mount: number, file: DiskFile): VfsFile {
    const alive = (): void => assert(mount === this.#mount, 'a process that crashed does nothing more');
    return {
      size: () => file.size,
      read: (position, length) => file.read(position, length),
      write: (buffers, position, done) => {
        alive();
        this.#write(mount, { file, buffers, position }, done);
      },
      sync: (done) => {
        alive();
        this.#sync(mount, file, done);
      },
      writeSync: (buffers, position) => {
        alive();
        this.onBlockingChange();
        const bytes = buffers.reduce((sum, { length }) => sum + length, 0);
        const noSpace = this.#checkSpace(position + bytes - file.size);
        if (noSpace !== null) throw noSpace;
        this.counts.writes++;
        this.#applyWrite({ file, buffers, position }, () => true);
      },
      syncSync: () => {
        alive();
        this.onBlockingChange();
        this.counts.syncs++;
        file.beginSync()();
      },
      truncateSync: (size) => {
        alive();
        this.onBlockingChange();
        file.truncate(size);
      },
      close: () => undefined,
    };
  }
}
