/**
 * What a normal log entry holds. The first byte says what: client proposals, each under the name of the server
 * that made it, or one of the replica's own records as JSON (rare, so for people's eyes).
 */
import { KvraftError } from '../base/errors.ts';
import type { MemberId } from '../raft/types.ts';

const KIND_PROPOSALS = 1;
const KIND_RECORD = 2;
const PROPOSAL_HEADER_BYTES = 20;

/** A command and who wants its reply: unique per member, start (`boot`, 32 random bits) and `id`. */
export interface Proposal {
  readonly origin: MemberId;
  readonly boot: number;
  readonly id: number;
  readonly command: Uint8Array;
}

/** The first record of a cluster: makes it one. Later ones are ignored. */
export interface FoundRecord {
  readonly record: 'found';
  readonly clusterId: string;
  /** Server ids that the founding configuration names. */
  readonly servers: readonly number[];
}

/** Ties a member to the data folder that it was first seen with. The first record of a member counts. */
export interface BindRecord {
  readonly record: 'bind';
  readonly member: MemberId;
  readonly incarnation: string;
}

export type ReplicaRecord = FoundRecord | BindRecord;

export type EntryContent =
  | { readonly kind: 'empty' }
  | { readonly kind: 'proposals'; readonly proposals: readonly Proposal[] }
  | { readonly kind: 'record'; readonly record: ReplicaRecord };

/** Bytes that a proposal takes in an entry. */
export const proposalBytes = (command: Uint8Array): number => PROPOSAL_HEADER_BYTES + command.length;

export function encodeProposals(proposals: readonly Proposal[]): Uint8Array {
  let bytes = 1;
  for (const { command } of proposals) bytes += proposalBytes(command);
  const data = Buffer.allocUnsafeSlow(bytes);
  data[0] = KIND_PROPOSALS;
  let at = 1;
  for (const { origin, boot, id, command } of proposals) {
    data.writeUInt32LE(origin, at);
    data.writeUInt32LE(boot, at + 4);
    data.writeDoubleLE(id, at + 8);
    data.writeUInt32LE(command.length, at + 16);
    data.set(command, at + PROPOSAL_HEADER_BYTES);
    at += proposalBytes(command);
  }
  return data;
}

export function encodeRecord(record: ReplicaRecord): Uint8Array {
  return Buffer.concat([Buffer.of(KIND_RECORD), Buffer.from(JSON.stringify(record), 'utf8')]);
}

/** Reads what `encodeProposals` or `encodeRecord` wrote; commands alias `data`. */
export function decodeEntry(data: Uint8Array): EntryContent {
  if (data.length === 0) return { kind: 'empty' };
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  if (bytes[0] === KIND_PROPOSALS) return { kind: 'proposals', proposals: decodeProposals(bytes) };
  if (bytes[0] === KIND_RECORD) {
    return { kind: 'record', record: JSON.parse(bytes.toString('utf8', 1)) as ReplicaRecord };
  }
  throw new KvraftError('INTERNAL', `log entry of an unknown kind ${bytes[0]}: written by a newer version?`);
}

function decodeProposals(bytes: Buffer): Proposal[] {
  const proposals: Proposal[] = [];
  let at = 1;
  while (at < bytes.length) {
    const end = at + PROPOSAL_HEADER_BYTES + bytes.readUInt32LE(at + 16);
    if (end > bytes.length) throw new KvraftError('INTERNAL', 'log entry with a cut proposal');
    proposals.push({
      origin: bytes.readUInt32LE(at),
      boot: bytes.readUInt32LE(at + 4),
      id: bytes.readDoubleLE(at + 8),
      command: bytes.subarray(at + PROPOSAL_HEADER_BYTES, end),
    });
    at = end;
  }
  return proposals;
}
