import { messageOf } from '../base/errors.ts';
import { NO_MEMBER, serverOf, type HardState } from '../raft/types.ts';
import { decodeSegmentHeader, type LogRecord, type Place } from './format.ts';
import { SLOTS_FILE, decodeSlots, type Slot } from './hard-state-slots.ts';
import { readLog } from './recovery.ts';
import { scanSegment, type ScannedRecord } from './scan.ts';
import { sequenceOf } from './segment.ts';
import type { Vfs } from './vfs.ts';

const SOUND = 'sound';
/** Begins the last line when recovery refuses the log. */
export const NOT_USABLE = 'not usable';

/**
 * A log in lines for people: slots, segments, records, and what recovery would say to it. Only reads, so it may
 * look at the log of a running server (whose last record may be half-written then) and at a damaged one.
 */
export function* dumpWal(vfs: Vfs, folder: string): Generator<string> {
  const names = vfs.list(folder);
  if (names.includes(SLOTS_FILE)) {
    yield SLOTS_FILE;
    for (const [number, slot] of decodeSlots(vfs.readFile(`${folder}/${SLOTS_FILE}`)).entries()) {
      yield `  slot ${number}: ${typeof slot === 'string' ? `unreadable: ${slot}` : slotText(slot)}`;
    }
  } else {
    yield `${SLOTS_FILE}: missing`;
  }
  for (const name of names) {
    if (sequenceOf(name) !== null) yield* dumpSegment(vfs, folder, name);
    else if (name !== SLOTS_FILE) yield `${name}: not a part of the log`;
  }
  // A running server may write on while its files are read one after the other; hardly so twice.
  const first = verdict(vfs, folder);
  yield first.startsWith(SOUND) ? first : verdict(vfs, folder);
}

function* dumpSegment(vfs: Vfs, folder: string, name: string): Generator<string> {
  const path = `${folder}/${name}`;
  if (!vfs.exists(path)) {
    yield `${name}: went away while the log was read`;
    return;
  }
  const bytes = vfs.readFile(path);
  const header = decodeSegmentHeader(bytes);
  if (typeof header === 'string') {
    yield `${name}: ${header}`;
    return;
  }
  yield `${name}: segment ${header.sequence}, id ${hex(header.id)}, ${bytes.length} bytes`;
  const { records, end, problem, strays, lastUsed } = scanSegment(bytes, header.id);
  for (const record of records) yield `  ${at(record.offset)}  ${recordText(record)}`;
  if (problem === null) {
    yield records.length === 0 ? '  not used yet' : `  ${at(end)}  end; blank from here`;
    return;
  }
  yield `  ${at(end)}  ${problem}; bytes up to ${lastUsed} are in use`;
  for (const { offset, durable } of strays) {
    yield `  ${at(offset)}  the header of a record is intact here; durable to ${placeText(durable)}`;
  }
}

function verdict(vfs: Vfs, folder: string): string {
  try {
    const { recovered, segments } = readLog(vfs, folder);
    const { hardState, baseIndex, baseTerm, entries } = recovered;
    const last = entries.at(-1)?.index ?? baseIndex;
    const torn = segments.filter(({ end, lastUsed }) => lastUsed > end).map(({ path }) => path);
    const tail = torn.length === 0 ? '' : `; the torn tail in ${torn.join(', ')} will be cut off`;
    return `${SOUND}: base ${baseIndex} of term ${baseTerm}, last entry ${last}, ${hardStateText(hardState)}${tail}`;
  } catch (error) {
    return `${NOT_USABLE}: ${messageOf(error)}`;
  }
}

function recordText({ record, durable }: ScannedRecord): string {
  return `${recordBody(record)}; durable to ${placeText(durable)}`;
}

function recordBody(record: LogRecord): string {
  switch (record.type) {
    case 'entry': {
      const { index, term, type, stampMs, data } = record.entry;
      return `entry ${index}, term ${term}, ${type}, stamp ${stampMs} ms, ${data.length} bytes`;
    }
    case 'hard-state':
      return `hard state: ${hardStateText(record.hardState)}`;
    case 'base': {
      const { index, term, lastIndex, hardState } = record;
      return `base ${index} of term ${term}, last entry ${lastIndex}, ${hardStateText(hardState)}`;
    }
    case 'reset':
      return `reset to ${record.index} of term ${record.term}, ${hardStateText(record.hardState)}`;
  }
}

function slotText({ counter, hardState, durable }: Slot): string {
  return `save ${counter}, ${hardStateText(hardState)}; durable to ${placeText(durable)}`;
}

function hardStateText({ term, votedFor, commitIndex }: HardState): string {
  const vote =
    votedFor === NO_MEMBER ? 'no vote' : `vote for server ${serverOf(votedFor)} (member ${votedFor})`;
  return `term ${term}, ${vote}, commit ${commitIndex}`;
}

const placeText = ({ segment, offset }: Place): string =>
  segment === 0 ? 'nowhere' : `segment ${segment} byte ${offset}`;
const hex = (id: number): string => id.toString(16).padStart(8, '0');
const at = (offset: number): string => String(offset).padStart(10);
