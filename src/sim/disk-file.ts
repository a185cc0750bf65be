import type { Prng } from '../base/prng.ts';

/** What a disk writes as a whole. */
export const SECTOR_BYTES = 512;

/** How one unsynced sector came through a loss of power. */
export interface SectorFate {
  /** 0 is what was durable, 1 the oldest unsynced version, `versions` the newest. */
  readonly version: number;
  /** Set when the sector is torn: bytes before it are of `version`, the rest of the version before it. */
  readonly tornAt: number | null;
}

const blank = new Uint8Array(SECTOR_BYTES);

/**
 * The contents of one file in two states: as a process reads it (page cache), and as it lies on the disk. A
 * sector between the two keeps all versions since its last sync, because the system may have written any of
 * them back.
 */
export class DiskFile {
  size = 0;
  #durableSize = 0;
  readonly #cache = new Map<number, Uint8Array>();
  readonly #durable = new Map<number, Uint8Array>();
  readonly #unsynced = new Map<number, Uint8Array[]>();

  read(position: number, length: number): Uint8Array {
    const end = Math.min(this.size, position + length);
    const result = new Uint8Array(Math.max(0, end - position));
    for (let at = position; at < end;) {
      const number = Math.floor(at / SECTOR_BYTES);
      const from = at - number * SECTOR_BYTES;
      const count = Math.min(SECTOR_BYTES - from, end - at);
      const sector = this.#cache.get(number);
      if (sector !== undefined) result.set(sector.subarray(from, from + count), at - position);
      at += count;
    }
    return result;
  }

  /** Writes to the page cache; `reaches` says for each sector whether a write that is cut short reached it. */
  write(bytes: Uint8Array, position: number, reaches: (sector: number) => boolean): void {
    for (let done = 0; done < bytes.length;) {
      const at = position + done;
      const number = Math.floor(at / SECTOR_BYTES);
      const from = at - number * SECTOR_BYTES;
      const count = Math.min(SECTOR_BYTES - from, bytes.length - done);
      if (reaches(number)) {
        const part = bytes.subarray(done, done + count);
        const isWhole = count === SECTOR_BYTES;
        const sector = isWhole ? new Uint8Array(part) : (this.#cache.get(number) ?? blank).slice();
        if (!isWhole) sector.set(part, from);
        this.#put(number, sector);
        this.size = Math.max(this.size, at + count);
      }
      done += count;
    }
  }

  truncate(size: number): void {
    const kept = Math.ceil(size / SECTOR_BYTES);
    for (const number of this.#cache.keys()) if (number >= kept) this.#put(number, blank);
    if (size % SECTOR_BYTES !== 0 && this.#cache.has(kept - 1)) {
      const sector = (this.#cache.get(kept - 1) ?? blank).slice();
      sector.fill(0, size % SECTOR_BYTES);
      this.#put(kept - 1, sector);
    }
    this.size = size;
  }

  /** What a sync that starts now will make durable. */
  beginSync(): () => void {
    const size = this.size;
    const versions = [...this.#unsynced].map(([number, list]) => [number, list.at(-1) ?? blank] as const);
    return () => {
      this.#durableSize = size;
      for (const [number, sector] of versions) {
        this.#durable.set(number, sector);
        const newer = this.#unsynced.get(number) ?? [];
        const rest = newer.slice(newer.indexOf(sector) + 1);
        if (rest.length === 0) this.#unsynced.delete(number);
        else this.#unsynced.set(number, rest);
      }
    };
  }

  /**
   * A sync that fails: the system takes the pages for clean, though only some of them reached the disk. Those
   * that did not are lost at the next loss of power, whatever is synced until then.
   */
  failSync(prng: Prng): void {
    for (const [number, list] of this.#unsynced) {
      if (prng.chance(0.5)) this.#durable.set(number, list.at(-1) ?? blank);
    }
    this.#unsynced.clear();
  }

  /** Sectors that a loss of power may lose, in their order, with the count of their unsynced versions. */
  unsyncedSectors(): { sector: number; versions: number }[] {
    return [...this.#unsynced]
      .map(([sector, list]) => ({ sector, versions: list.length }))
      .sort((a, b) => a.sector - b.sector);
  }

  /** Loss of power: what is on the disk becomes what is read. `keepSize` says whether an unsynced size survived. */
  losePower(fate: (sector: number, versions: number) => SectorFate, keepSize: () => boolean): void {
    for (const { sector, versions } of this.unsyncedSectors()) {
      const { version, tornAt } = fate(sector, versions);
      const list = [this.#durable.get(sector) ?? blank, ...(this.#unsynced.get(sector) ?? [])];
      const result = (list[version] ?? blank).slice();
      if (tornAt !== null && version > 0) result.set((list[version - 1] ?? blank).subarray(tornAt), tornAt);
      this.#durable.set(sector, result);
    }
    this.#unsynced.clear();
    if (this.size !== this.#durableSize && keepSize()) this.#durableSize = this.size;
    this.size = this.#durableSize;
    this.#cache.clear();
    for (const [number, sector] of this.#durable) {
      if (number * SECTOR_BYTES < this.size) this.#cache.set(number, sector);
    }
  }

  /** Changes bytes where they lie, on the disk and in the cache: damage, not a write. */
  damage(position: number, change: (byte: number) => number): void {
    const number = Math.floor(position / SECTOR_BYTES);
    const from = position - number * SECTOR_BYTES;
    for (const state of [this.#cache, this.#durable]) {
      const sector = (state.get(number) ?? blank).slice();
      sector[from] = change(sector[from] ?? 0);
      state.set(number, sector);
    }
  }

  /** Sets the contents as if they had been there and durable always. */
  fill(bytes: Uint8Array): void {
    this.write(bytes, 0, () => true);
    this.size = bytes.length;
    this.beginSync()();
  }

  reserve(size: number): void {
    this.size = size;
    this.#durableSize = size;
  }

  #put(number: number, sector: Uint8Array): void {
    this.#cache.set(number, sector);
    const versions = this.#unsynced.get(number);
    if (versions === undefined) this.#unsynced.set(number, [sector]);
    else versions.push(sector);
  }
}
