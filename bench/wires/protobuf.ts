/** Just enough of protobuf for two requests and one reply of etcd's. */
const LENGTH_DELIMITED = 2;

/** A length-delimited field: its number is below 16, its payload of any length. */
export function field(number: number, payload: Buffer): Buffer {
  const length: number[] = [];
  let rest = payload.length;
  for (; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128);
  length.push(rest);
  return Buffer.concat([Buffer.from([(number << 3) | LENGTH_DELIMITED, ...length]), payload]);
}

/** Walks the fields of a message in place: after `advance`, `number`, `start` and `end` are those of the next one. */
export class FieldReader {
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #next = 0;
  number = 0;
  /** Where a length-delimited field's payload lies; both 0 for other fields. */
  start = 0;
  end = 0;

  reset(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#next = start;
    this.#end = end;
  }

  /** Goes to the next field; false at the end. */
  advance(): boolean {
    if (this.#next >= this.#end) return false;
    const tag = this.#varint();
    this.number = tag >>> 3;
    this.start = 0;
    this.end = 0;
    if ((tag & 7) === LENGTH_DELIMITED) {
      const length = this.#varint();
      this.start = this.#next;
      this.end = this.#next + length;
      if (this.end > this.#end) throw new Error('a field is longer than its message');
      this.#next = this.end;
    } else if ((tag & 7) === 0) {
      this.#varint();
    } else {
      throw new Error(`a field of wire type ${tag & 7}`);
    }
    return true;
  }

  /** Goes to the next field of this number; false when there is none. */
  find(number: number): boolean {
    while (this.advance()) if (this.number === number) return true;
    return false;
  }

  /** Of a number past 32 bits only the length counts. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[this.#next++] ?? 0;
      if (shift < 28) value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
}
