import type { VfsFile } from './vfs.ts';

const NAME = /^([0-9]{10})\.wal$/;

/** The file of the segment with this sequence number. */
export function segmentName(sequence: number): string {
  return `${String(sequence).padStart(10, '0')}.wal`;
}

/** The sequence number that a file name stands for, or null when it is no segment's. */
export function sequenceOf(name: string): number | null {
  const match = NAME.exec(name);
  return match?.[1] === undefined ? null : Number(match[1]);
}

/** One file of the log, as far as the running log needs to know it. */
export interface Segment {
  readonly sequence: number;
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  /** The highest index whose entry counts and stands here; 0 when there is none. */
  lastIndex: number;
}

/** The segment that is written to, or the one that waits for it. */
export interface OpenSegment extends Segment {
  readonly id: number;
  readonly file: VfsFile;
  /** Where the next record goes, and the checksum of the last one. */
  end: number;
  lastCrc: number;
}

/** An entry at `index` drops those behind it, wherever they stand. */
export function dropEntriesFrom(segments: readonly { lastIndex: number }[], index: number): void {
  for (const segment of segments) segment.lastIndex = Math.min(segment.lastIndex, index - 1);
}
