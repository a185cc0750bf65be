import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const MIB = 1024 * 1024;

/** A file system of its own, small enough to be filled. Mounting one takes rights that not everybody has. */
export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Mounts a file system of so many bytes at a folder; throws where this process may not. */
  static mount(folder: string, mebibytes: number): SmallDisk {
    mkdirSync(folder, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'kvraft-test', folder], {
      stdio: 'pipe',
    });
    return new SmallDisk(folder);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Leaves not one byte. */
  fill(): void {
    const file = openSync(join(this.folder, 'ballast'), 'w');
    const chunk = Buffer.alloc(MIB);
    try {
      for (;;) writeSync(file, chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  /** Gives back what `fill` took. */
  free(): void {
    rmSync(join(this.folder, 'ballast'), { force: true });
  }

  /** Unmounts, though a server that is about to end may have files open. */
  [Symbol.dispose](): void {
    execFileSync('umount', ['-l', this.folder]);
  }
}
