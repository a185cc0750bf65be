import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Prng } from '../base/prng.ts';
import { DiskWal, SEGMENT_OVERHEAD_BYTES } from './disk-wal.ts';
import { SEGMENT_HEADER_BYTES, type Place } from './format.ts';
import { HardStateSlots } from './hard-state-slots.ts';
import { endOfLog, readLog, type FoundLog, type FoundSegment } from './recovery.ts';
import { UNFINISHED_SUFFIX } from './segment-reserver.ts';
import type { OpenSegment } from './segment.ts';
import type { Vfs } from './vfs.ts';
import type { RecoveredLog, Wal, WalEvents } from './wal-types.ts';

export interface WalOptions {
  /** Size of the segments that are made from now on. */
  readonly segmentBytes: number;
  /** For the ids of segments. */
  readonly prng: Prng;
  readonly clock: Clock;
}

const SEGMENT_BYTES_MAX = 2 ** 32 - 1;
const ZEROES = new Uint8Array(64 * 1024);

/**
 * Opens the log in a folder of its own, blocking: reads it, cuts off a torn tail, and makes everything that was
 * found durable before anybody acts on it. Throws `LOG_DAMAGED` when something is missing or changed that was
 * durable once, and then has changed nothing.
 */
export function openWal(
  vfs: Vfs,
  folder: string,
  options: WalOptions,
  events: WalEvents,
): { wal: Wal; recovered: RecoveredLog } {
  const { segmentBytes, prng, clock } = options;
  assert(
    segmentBytes > SEGMENT_OVERHEAD_BYTES && segmentBytes <= SEGMENT_BYTES_MAX,
    `segments of ${segmentBytes} bytes hold records and can be addressed`,
  );
  vfs.makeFolder(folder);
  const found = readLog(vfs, folder);
  removeUnfinished(vfs, folder);
  const { current, reserved } = repair(vfs, found);
  // Names that were found may not be durable either.
  vfs.syncFolder(folder);
  const slots = new HardStateSlots(vfs, folder, clock, found.newestSlot);
  const durable = endOfLog(found.segments);
  slots.saveNow(found.state.hardState, durable);
  const segments = found.segments
    .filter(({ started }) => started)
    .map(({ header, path, lastIndex }) => ({ ...header, path, lastIndex }));
  const { state, recovered } = found;
  while (segments.length > 1 && (segments[0]?.lastIndex ?? 0) <= state.baseIndex) {
    // The process before ended between putting a compaction on record and removing the files.
    vfs.remove(segments.shift()?.path ?? '');
    vfs.syncFolder(folder);
  }
  if (current !== null) segments.splice(-1, 1, current);
  const wal = new DiskWal({
    vfs,
    folder,
    clock,
    prng,
    events,
    slots,
    segmentBytes,
    segments,
    current,
    reserved,
    state,
    durable,
  });
  return { wal, recovered };
}

function removeUnfinished(vfs: Vfs, folder: string): void {
  for (const name of vfs.list(folder)) {
    if (name.endsWith(UNFINISHED_SUFFIX)) vfs.remove(`${folder}/${name}`);
  }
}

/** Readies the files that will be written to for it: the last one with records, and the one that waits. */
function repair(
  vfs: Vfs,
  { segments, knownDurable }: FoundLog,
): { current: OpenSegment | null; reserved: OpenSegment | null } {
  const last = segments.findLast(({ started }) => started);
  const next = segments.at(-1);
  const current = last === undefined ? null : openRepaired(vfs, last, knownDurable);
  const waits = next !== undefined && next !== last;
  return { current, reserved: waits ? openRepaired(vfs, next, knownDurable) : null };
}

/**
 * Blanks what follows the last record, so that nothing of a torn tail can ever be taken for a part of the log.
 * Records that nobody knew to be durable are written again before the sync: when a sync failed in the process
 * before, the system holds their pages for clean, and a sync alone would prove nothing.
 */
function openRepaired(vfs: Vfs, segment: FoundSegment, knownDurable: Place): OpenSegment {
  const { header, path, end, lastCrc, lastUsed, lastIndex } = segment;
  const file = vfs.open(path, false);
  const from = knownDurable.segment === header.sequence ? knownDurable.offset : SEGMENT_HEADER_BYTES;
  if (from < end) file.writeSync([file.read(from, end - from)], from);
  for (let at = end; at < lastUsed; at += ZEROES.length) {
    file.writeSync([ZEROES.subarray(0, Math.min(ZEROES.length, lastUsed - at))], at);
  }
  file.syncSync();
  return { ...header, path, file, end, lastCrc, lastIndex };
}
