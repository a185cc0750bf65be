/** Records longer than this are rare, and get bytes of their own. */
const ROOM_BYTES = 64 * 1024;

/** Gives so many bytes, of any content, for a record. */
export type RecordAllocator = (length: number) => Uint8Array;

/** Bytes that stay as they are. */
export const lastingRecord: RecordAllocator = (length) => Buffer.allocUnsafe(length);

/**
 * Gives the same bytes again and again: for a record that is copied where it is to be kept, before the next one is made.
 * So tens of thousands of them a second are no work for the garbage collector.
 */
export function passingRecords(): RecordAllocator {
  const room = new Uint8Array(ROOM_BYTES);
  let record = room;
  return (length) => {
    if (length > ROOM_BYTES) return Buffer.allocUnsafe(length);
    if (record.length !== length) record = room.subarray(0, length);
    return record;
  };
}
