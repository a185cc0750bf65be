import { decodeConfEntry } from './confchange/encoding.ts';
import type { Refusal } from './config.ts';
import type { Ready } from './ready.ts';
import type {
  ConfChange,
  ConfChangeStep,
  ConfState,
  Entry,
  HardState,
  MemberId,
  Message,
  ReadState,
  SnapshotMeta,
  SoftState,
} from './types.ts';
import { NO_MEMBER, generationOf, serverOf } from './types.ts';

/** Longest piece of an entry's data that is printed; the rest is told as a number of bytes. */
const DATA_BYTES_SHOWN = 40;
/** Entries of one list that are printed one by one; a longer list is told by its ends. */
const ENTRIES_SHOWN = 6;

/** `3`, or `3.1` in the first life after a rebuild; `none` for no member. */
export function describeMember(member: MemberId): string {
  if (member === NO_MEMBER) return 'none';
  const generation = generationOf(member);
  return generation === 0 ? String(serverOf(member)) : `${serverOf(member)}.${generation}`;
}

const members = (list: readonly MemberId[]): string => `(${list.map(describeMember).join(' ')})`;

/** `(1 2 3)`, `(1 2 3)&(1 4) learners(5) next(6)`. */
export function describeConfState(conf: ConfState): string {
  let line = members(conf.voters);
  if (conf.votersOutgoing.length > 0) line += `&${members(conf.votersOutgoing)}`;
  if (conf.learners.length > 0) line += ` learners${members(conf.learners)}`;
  if (conf.learnersNext.length > 0) line += ` next${members(conf.learnersNext)}`;
  return line;
}

const stepSigns: Record<ConfChangeStep['type'], string> = {
  'add-voter': '+',
  'add-learner': '~',
  remove: '-',
};

/** `+4 ~5 -2` (voter, learner, removed), or `leave-joint`. */
export function describeConfChange(change: ConfChange): string {
  if (change.steps.length === 0) return 'leave-joint';
  return change.steps.map((step) => stepSigns[step.type] + describeMember(step.member)).join(' ');
}

/** Printable ASCII in quotes, anything else in hexadecimal; cut after some bytes. */
export function describeData(data: Uint8Array): string {
  const shown = data.subarray(0, DATA_BYTES_SHOWN);
  const rest = data.length > shown.length ? `…${data.length}B` : '';
  const printable = shown.every((byte) => byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c);
  return printable
    ? `"${Buffer.from(shown).toString('latin1')}"${rest}`
    : `x${Buffer.from(shown).toString('hex')}${rest}`;
}

/** `7/2 "set x"`: index, term, data. A stamp other than 0 stands after `@`. */
export function describeEntry(entry: Entry): string {
  const stamp = entry.stampMs === 0 ? '' : `@${entry.stampMs}`;
  const place = `${entry.index}/${entry.term}${stamp}`;
  if (entry.type === 'conf-change') {
    const content = decodeConfEntry(entry.data);
    return `${place} conf ${content === null ? describeData(entry.data) : describeConfChange(content.change)}`;
  }
  return entry.data.length === 0 ? `${place} no-op` : `${place} ${describeData(entry.data)}`;
}

/** Entries in brackets; of a long list only the first, the last and how many. */
export function describeEntries(entries: readonly Entry[]): string {
  if (entries.length <= ENTRIES_SHOWN) return `[${entries.map(describeEntry).join(', ')}]`;
  const first = entries[0] as Entry;
  const last = entries.at(-1) as Entry;
  return `[${describeEntry(first)} … ${describeEntry(last)}, ${entries.length} entries]`;
}

export function describeHardState(state: HardState): string {
  return `term ${state.term} vote ${describeMember(state.votedFor)} commit ${state.commitIndex}`;
}

/** `leader`, `candidate`, `follower of 2`, or `follower` alone when it knows no leader. */
export function describeSoftState({ role, leaderId }: SoftState): string {
  return role === 'leader' || leaderId === NO_MEMBER ? role : `${role} of ${describeMember(leaderId)}`;
}

export function describeSnapshot(snapshot: SnapshotMeta): string {
  const stamp = snapshot.stampMs === 0 ? '' : `@${snapshot.stampMs}`;
  return `${snapshot.index}/${snapshot.term}${stamp} ${describeConfState(snapshot.confState)}`;
}

export function describeReadState(read: ReadState): string {
  const stamp = read.stampMs === 0 ? '' : ` @${read.stampMs}`;
  return `#${read.context} at ${read.index}${stamp}`;
}

export function describeRefusal(result: number | Refusal): string {
  return typeof result === 'number' ? `index ${result}` : `refused: ${result}`;
}

/** `1->2 t3 Append prev 4/2 commit 4 [5/3 "x"]`: who to whom, term, and what the message carries. */
export function describeMessage(message: Message): string {
  return `${describeMember(message.from)}->${describeMember(message.to)} t${message.term} ${body(message)}`;
}

function body(message: Message): string {
  switch (message.type) {
    case 'RequestVote': {
      const kind = message.preVote ? 'PreVote' : 'RequestVote';
      return `${kind} last ${message.lastLogIndex}/${message.lastLogTerm}${message.transfer ? ' transfer' : ''}`;
    }
    case 'RequestVoteResponse':
      return `${message.preVote ? 'PreVote' : 'Vote'} ${message.granted ? 'granted' : 'refused'}`;
    case 'AppendEntries': {
      const prev = `prev ${message.prevLogIndex}/${message.prevLogTerm}`;
      return `Append ${prev} commit ${message.leaderCommit} ${describeEntries(message.entries)}`;
    }
    case 'AppendEntriesResponse':
      return message.success
        ? `Appended ${message.index}`
        : `Rejected ${message.index} hint ${message.hintIndex}/${message.hintTerm}`;
    case 'Heartbeat':
      return `Heartbeat commit ${message.leaderCommit}${round(message.readRound)}`;
    case 'HeartbeatResponse':
      return `HeartbeatAck${round(message.readRound)}`;
    case 'InstallSnapshot':
      return `Snapshot ${describeSnapshot(message.snapshot)}`;
    case 'TimeoutNow':
      return 'TimeoutNow';
    case 'ReadIndex':
      return `ReadIndex #${message.context}`;
    case 'ReadIndexResponse':
      return `ReadIndexAck ${describeReadState(message)}`;
  }
}

const round = (readRound: number): string => (readRound === 0 ? '' : ` round ${readRound}`);

/** Everything of a Ready that is not empty, in the order in which it is to be done. */
export function describeReady(ready: Ready): string {
  const parts = [`ready ${ready.seq}`];
  if (ready.softState !== null) parts.push(describeSoftState(ready.softState));
  if (ready.hardState !== null) parts.push(describeHardState(ready.hardState));
  if (ready.snapshot !== null) parts.push(`snapshot ${describeSnapshot(ready.snapshot)}`);
  if (ready.entries.length > 0) parts.push(`entries ${describeEntries(ready.entries)}`);
  if (ready.mustSync) parts.push('sync');
  if (ready.messages.length > 0) parts.push(`send ${messages(ready.messages)}`);
  if (ready.messagesAfterAppend.length > 0) parts.push(`send after ${messages(ready.messagesAfterAppend)}`);
  if (ready.committedEntries.length > 0) parts.push(`apply ${describeEntries(ready.committedEntries)}`);
  if (ready.readStates.length > 0) parts.push(`reads ${ready.readStates.map(describeReadState).join(', ')}`);
  if (ready.snapshotsWanted.length > 0) parts.push(`snapshot wanted by ${members(ready.snapshotsWanted)}`);
  return parts.join('; ');
}

const messages = (list: readonly Message[]): string => `{${list.map(describeMessage).join('; ')}}`;

/** What a line about a node tells; RawNode has it all. */
export interface DescribedNode {
  readonly id: MemberId;
  readonly term: number;
  readonly votedFor: MemberId;
  readonly role: SoftState['role'];
  readonly leaderId: MemberId;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly persistedIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  confState(): ConfState;
}

/** `2 follower of 1 t3 vote none log 1..5/2 persisted 5 commit 4 applied 4 (1 2 3)`. */
export function describeNode(node: DescribedNode): string {
  return [
    `${describeMember(node.id)} ${describeSoftState(node)} t${node.term} vote ${describeMember(node.votedFor)}`,
    `log ${node.firstIndex}..${node.lastIndex}/${node.lastTerm}`,
    `persisted ${node.persistedIndex} commit ${node.commitIndex} applied ${node.appliedIndex}`,
    describeConfState(node.confState()),
  ].join(' ');
}
