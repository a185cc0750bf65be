/**
 * A value, as its last piece and the value before it: long values that grow by small pieces share what they have
 * in common, and nobody copies them. Values that were built in different ways are different nodes, even if they
 * read the same; a search then knows a configuration twice, which costs time only.
 */
export interface ValueNode {
  /** 0 for the absent value, from which all others descend. */
  readonly id: number;
  /** What the piece was added to; undefined for a value that was put. */
  readonly parent: ValueNode | undefined;
  readonly piece: string;
  readonly length: number;
  /** By piece. */
  readonly children: Map<string, ValueNode>;
  /** The whole value, once it is known to be equal to one that was read. */
  whole?: string;
  /** A text that is known to begin with this value. */
  beginningOf?: string;
}

/** Whether `text` begins with the value; looks only at pieces of which that is not known. */
export function isBeginning(value: ValueNode, text: string): boolean {
  if (value.length > text.length) return false;
  for (let node: ValueNode | undefined = value; node !== undefined; node = node.parent) {
    if (node.beginningOf === text) break;
    if (node.whole !== undefined) {
      if (!text.startsWith(node.whole)) return false;
      break;
    }
    if (!text.startsWith(node.piece, node.length - node.piece.length)) return false;
  }
  value.beginningOf = text;
  return true;
}
