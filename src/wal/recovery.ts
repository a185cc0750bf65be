import { assert } from '../base/assert.ts';
import { NO_MEMBER, type Entry, type HardState } from '../raft/types.ts';
import { damaged } from './damage.ts';
import {
  NOWHERE,
  SEGMENT_HEADER_BYTES,
  comparePlaces,
  decodeSegmentHeader,
  type Place,
  type SegmentHeader,
} from './format.ts';
import { SLOTS_FILE, readSlots, type Slot } from './hard-state-slots.ts';
import { LogState, NO_HARD_STATE } from './log-state.ts';
import { durableClaims, scanSegment, type ScannedRecord, type SegmentScan } from './scan.ts';
import { dropEntriesFrom, segmentName, sequenceOf } from './segment.ts';
import type { Vfs } from './vfs.ts';
import type { RecoveredLog } from './wal-types.ts';

/** A segment as it was found. */
export interface FoundSegment {
  readonly header: SegmentHeader;
  readonly path: string;
  /** Whether it holds records; the last one may not, it then waits to be used. */
  readonly started: boolean;
  /** Where its records end, and the checksum of the last one. */
  readonly end: number;
  readonly lastCrc: number;
  /** Behind the last byte that is not zero: what lies between `end` and here is a torn tail. */
  readonly lastUsed: number;
  /** The highest index whose entry counts and stands here; 0 when there is none. */
  lastIndex: number;
}

/** Everything that a folder says, before anything in it is changed. */
export interface FoundLog {
  readonly recovered: RecoveredLog;
  /** After the last record; its hard state is the recovered one. */
  readonly state: LogState;
  readonly segments: readonly FoundSegment[];
  readonly newestSlot: Slot | null;
  /** The furthest place that is known to have been durable; what stands behind it may only lie in the page cache. */
  readonly knownDurable: Place;
}

interface ScannedSegment extends SegmentScan {
  readonly header: SegmentHeader;
  readonly path: string;
}

/**
 * Reads the log of a folder without changing anything. Throws `LOG_DAMAGED` when something that was durable
 * once is missing or changed: whatever lies before the furthest place that an intact record of any segment, or
 * a hard-state slot, knew to be durable. What is broken behind that place is a torn tail.
 */
export function readLog(vfs: Vfs, folder: string): FoundLog {
  const newestSlot = readSlots(vfs, folder);
  const names = vfs.list(folder).filter((name) => sequenceOf(name) !== null);
  if (names.length > 0 && newestSlot === null) {
    throw damaged(`${folder}/${SLOTS_FILE}`, 0, 'the file is missing, though the folder holds a log');
  }
  checkSequence(folder, names);
  const scans = names.map((name) => scan(vfs, folder, name));
  const knownDurable = checkDurable(folder, scans, newestSlot);
  scans.forEach((segment, at) => checkSuccession(scans[at - 1], segment));
  const walk = new Walk(folder);
  for (const segment of scans) walk.add(segment);
  return { ...walk.finish(newestSlot), newestSlot, knownDurable };
}

function checkSequence(folder: string, names: readonly string[]): void {
  const first = sequenceOf(names[0] ?? '') ?? 0;
  names.forEach((name, at) => {
    const expected = segmentName(first + at);
    if (name !== expected) {
      throw damaged(`${folder}/${expected}`, 0, `the file is missing, though ${name} is there`);
    }
  });
}

function scan(vfs: Vfs, folder: string, name: string): ScannedSegment {
  const path = `${folder}/${name}`;
  const bytes = vfs.readFile(path);
  const header = decodeSegmentHeader(bytes);
  if (typeof header === 'string') throw damaged(path, 0, header);
  if (header.sequence !== sequenceOf(name)) {
    throw damaged(path, 0, `the file was made as ${segmentName(header.sequence)} and got another name`);
  }
  if (bytes.length !== header.size) {
    const offset = Math.min(bytes.length, header.size);
    throw damaged(path, offset, `the file has ${bytes.length} bytes and was made with ${header.size}`);
  }
  return { ...scanSegment(bytes, header.id), header, path };
}

/** Every place that something knew to be durable must lie within the intact records. Returns the furthest. */
function checkDurable(folder: string, scans: readonly ScannedSegment[], newestSlot: Slot | null): Place {
  const claims = scans.flatMap((segment) =>
    durableClaims(segment).map((place) => ({ place, by: `a later record in ${segment.path}` })),
  );
  if (newestSlot !== null) claims.push({ place: newestSlot.durable, by: `${folder}/${SLOTS_FILE}` });
  claims.sort((a, b) => comparePlaces(a.place, b.place));
  for (const { place, by } of claims) {
    if (place.segment === 0) continue;
    const segment = scans.find(({ header }) => header.sequence === place.segment);
    const newest = scans.at(-1)?.header.sequence ?? 0;
    if (segment === undefined && place.segment > newest) {
      const path = `${folder}/${segmentName(place.segment)}`;
      throw damaged(
        path,
        0,
        `the file is missing: ${by} says that it was durable up to byte ${place.offset}`,
      );
    }
    if (segment !== undefined && segment.end < place.offset) {
      const why = segment.problem ?? 'nothing is written here';
      throw damaged(
        segment.path,
        segment.end,
        `${why}, and ${by} says that the log was durable up to byte ${place.offset}`,
      );
    }
  }
  return claims.at(-1)?.place ?? NOWHERE;
}

/** A segment begins with a base that links it to the end of the one before. */
function checkSuccession(previous: ScannedSegment | undefined, segment: ScannedSegment): void {
  if (previous !== undefined && previous.records.length === 0) {
    const why = `no records, though ${segment.path} was made, which happens when there are some`;
    throw damaged(previous.path, SEGMENT_HEADER_BYTES, why);
  }
  const opening = segment.records[0];
  if (opening === undefined) return;
  if (opening.record.type !== 'base') {
    throw damaged(
      segment.path,
      opening.offset,
      `a segment that begins with a record of type ${opening.record.type}`,
    );
  }
  if (previous === undefined) return;
  const { durable, previousCrc } = opening;
  const linked =
    durable.segment === previous.header.sequence &&
    durable.offset === previous.end &&
    previousCrc === previous.records.at(-1)?.crc;
  if (!linked) {
    throw damaged(
      segment.path,
      opening.offset,
      `the segment does not continue ${previous.path}, which ends otherwise`,
    );
  }
}

/** Puts the records of all segments together. */
class Walk {
  readonly #folder: string;
  readonly #state = new LogState();
  readonly #segments: FoundSegment[] = [];
  #entries: Entry[] = [];
  /** The first of `#entries` follows on this index: those up to it stood in segments that are gone. */
  #goneIndex = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  add({ header, path, records, end, lastUsed }: ScannedSegment): void {
    const segment: FoundSegment = {
      header,
      path,
      started: records.length > 0,
      end,
      lastCrc: records.at(-1)?.crc ?? this.#segments.at(-1)?.lastCrc ?? 0,
      lastUsed,
      lastIndex: 0,
    };
    const opening = records[0]?.record;
    if (this.#segments.length === 0 && opening !== undefined) {
      this.#state.apply(opening);
      this.#goneIndex = this.#state.lastIndex;
    }
    this.#segments.push(segment);
    // Views would keep the whole file in memory, the blank part too.
    const copy = end < header.size / 2;
    for (const record of records) this.#record(segment, record, copy);
  }

  finish(newestSlot: Slot | null): Omit<FoundLog, 'newestSlot' | 'knownDurable'> {
    const state = this.#state;
    const { baseIndex, baseTerm, lastIndex } = state;
    if (this.#goneIndex > baseIndex) {
      const missing = segmentName((this.#segments[0]?.header.sequence ?? 0) - 1);
      const range = `${baseIndex + 1} to ${this.#goneIndex}`;
      throw damaged(
        `${this.#folder}/${missing}`,
        0,
        `the file is missing: entries ${range} stood there or before`,
      );
    }
    const entries = this.#entries.slice(baseIndex - this.#goneIndex);
    assert(baseIndex + entries.length === lastIndex, 'entries reach from the base to the last index');
    this.#checkSlot(newestSlot?.hardState ?? NO_HARD_STATE);
    const commitIndex = Math.max(baseIndex, Math.min(lastIndex, state.hardState.commitIndex));
    state.hardState = { ...state.hardState, commitIndex };
    const recovered = { hardState: state.hardState, baseIndex, baseTerm, entries };
    return { recovered, state, segments: this.#segments };
  }

  #record(segment: FoundSegment, { record, offset }: ScannedRecord, copy: boolean): void {
    const contradiction = this.#state.contradiction(record);
    if (contradiction !== null) throw damaged(segment.path, offset, `records contradict: ${contradiction}`);
    this.#state.apply(record);
    if (record.type === 'reset') {
      dropEntriesFrom(this.#segments, 1);
      this.#entries = [];
      this.#goneIndex = record.index;
    }
    if (record.type !== 'entry') return;
    const { index, data } = record.entry;
    dropEntriesFrom(this.#segments, index);
    segment.lastIndex = index;
    this.#goneIndex = Math.min(this.#goneIndex, index - 1);
    this.#entries.length = index - this.#goneIndex - 1;
    this.#entries.push(copy ? { ...record.entry, data: Uint8Array.from(data) } : record.entry);
  }

  /** A slot is written after the log was synced, so the log knows all that a slot knows. */
  #checkSlot(slot: HardState): void {
    const { term, votedFor } = this.#state.hardState;
    const path = `${this.#folder}/${SLOTS_FILE}`;
    if (slot.term > term) {
      throw damaged(
        path,
        0,
        `it speaks of term ${slot.term}, but the log of term ${term}: they do not belong together`,
      );
    }
    if (slot.term === term && slot.votedFor !== NO_MEMBER && slot.votedFor !== votedFor) {
      const votes = `${slot.votedFor} here and ${votedFor} in the log`;
      throw damaged(path, 0, `two votes in term ${term}: ${votes}: they do not belong together`);
    }
  }
}

/** Where the log ends, and the next record is written unless it needs a new segment. */
export function endOfLog(segments: readonly FoundSegment[]): Place {
  const last = segments.findLast(({ started }) => started);
  return last === undefined ? NOWHERE : { segment: last.header.sequence, offset: last.end };
}
