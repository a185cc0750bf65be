import { describeMember } from './describe.ts';
import {
  check,
  checkConfStep,
  checkDurable,
  checkEntry,
  checkLog,
  checkNode,
  checkStep,
  describeState,
  holdsQuorum,
  summaryOf,
} from './invariants.ts';
import type { DurableState, NodeSummary, ObservedNode } from './invariants.ts';
import { LogMirror } from './log-mirror.ts';
import type { AppendEntriesResponse, Entry, MemberId, Message } from './types.ts';

/** What was seen of a member when it was observed last. A crashed one keeps its last sight. */
interface Sight {
  summary: NodeSummary | null;
  readonly log: LogMirror;
  persistedIndex: number;
  appliedIndex: number;
}

/** An entry as the first member that held it showed it. Index and term name it (paper §5.3, log matching). */
interface SeenEntry {
  readonly term: number;
  readonly previousTerm: number;
  readonly checksum: number;
}

interface AppliedEntry {
  readonly term: number;
  readonly checksum: number;
}

/** FNV-1a over everything of an entry that must be the same everywhere. */
export function checksumOf(entry: Entry): number {
  let hash = Math.imul(0x811c9dc5 ^ (entry.type === 'normal' ? 1 : 2), 0x01000193) ^ entry.stampMs;
  const { data } = entry;
  for (let i = 0; i < data.length; i++) hash = Math.imul(hash ^ (data[i] as number), 0x01000193);
  return hash >>> 0;
}

/**
 * Raft's promises over a whole cluster and all its history (paper, figure 3): election safety, leader
 * append-only, log matching, leader completeness, state machine safety; and besides, that a leader commits
 * only what is durable on a quorum, that configurations change one at a time, and that reads are not stale.
 *
 * To be fed after every step: `observe` after each call of a core, `sent` when a message leaves, `applied` for
 * what goes to a state machine. The cost is that of what the step changed.
 */
export class ClusterInvariants {
  #sights = new Map<MemberId, Sight>();
  /** The last sight of members that lost all they held, and vote no more: who elects a leader is a majority without them. */
  #emptied = new Map<MemberId, Sight>();
  #leaders = new Map<number, MemberId>();
  /** Votes that left their voter, by term. */
  #votes = new Map<number, Map<MemberId, MemberId>>();
  /** The highest index that each member acknowledged in its last term. */
  #acknowledged = new Map<MemberId, { readonly term: number; readonly index: number }>();
  #seen = new Map<number, SeenEntry[]>();
  /** Term of every committed entry, and the term in which it was first seen committed; [0] stands for index 0. */
  #committedTerms: (number | undefined)[] = [0];
  #committedIn: number[] = [0];
  #applied = new Map<number, AppliedEntry>();
  #readFloors = new Map<number, number>();

  /** The highest index that any member ever knew as committed. */
  get commitIndex(): number {
    return this.#committedTerms.length - 1;
  }

  /** The member that led a term, if one was seen. */
  leaderOf(term: number): MemberId | undefined {
    return this.#leaders.get(term);
  }

  /** Checks a member after a call of its core. */
  observe(node: ObservedNode): void {
    checkNode(node);
    const sight = this.#sights.get(node.id) ?? this.#firstSight(node);
    const before = sight.summary;
    if (before !== null) checkStep(before, node);
    this.#followLog(sight, node);
    sight.persistedIndex = node.persistedIndex;
    const promised = this.#acknowledged.get(node.id);
    check(
      promised === undefined || promised.term !== node.term || promised.index <= node.lastIndex,
      () => `${describeState(node)}: lost entry ${promised?.index}, which it acknowledged in this term`,
    );
    this.#followCommit(sight, node);
    if (node.role === 'leader' && (before?.role !== 'leader' || before.term !== node.term))
      this.#elected(node);
    sight.summary = summaryOf(node);
  }

  /**
   * A member started again from its disk: what it had only in memory may be gone. `node` is its new core. What a member
   * acknowledged that lost its disk since counts all the same.
   */
  restarted(node: ObservedNode, isEmptied = false): void {
    const before = this.#sights.get(node.id);
    if (isEmptied && before !== undefined && !this.#emptied.has(node.id)) this.#emptied.set(node.id, before);
    this.#sights.delete(node.id);
    this.#firstSight(node);
    this.observe(node);
  }

  /**
   * Reads a member's whole log, for the ends of runs: `observe` takes a tail that looks the same for unchanged,
   * and all before it with it.
   */
  checkWhole(node: ObservedNode): void {
    checkLog(node);
    const log = this.#sights.get(node.id)?.log;
    for (let index = node.firstIndex; index <= node.lastIndex; index++) {
      check(
        log?.termAt(index) === node.termAt(index),
        () => `${describeState(node)}: entry ${index} was replaced unnoticed`,
      );
    }
  }

  #firstSight(node: ObservedNode): Sight {
    const sight: Sight = {
      summary: null,
      log: new LogMirror(node.id, node.firstIndex - 1),
      persistedIndex: 0,
      appliedIndex: node.appliedIndex,
    };
    this.#sights.set(node.id, sight);
    return sight;
  }

  /** Brings the mirror up to date, and checks what is new in the log and that only a tail was replaced. */
  #followLog(sight: Sight, node: ObservedNode): void {
    const { log } = sight;
    if (node.firstIndex > log.firstIndex) log.compact(node.firstIndex - 1);
    let kept = node.lastIndex;
    while (kept >= node.firstIndex && (kept > log.lastIndex || log.termAt(kept) !== node.termAt(kept)))
      kept--;
    if (kept < log.lastIndex) this.#truncated(sight, node, kept);
    if (kept < node.lastIndex) this.#appended(log, node, kept);
  }

  #truncated(sight: Sight, node: ObservedNode, kept: number): void {
    const before = sight.summary;
    check(
      before === null || kept >= before.commitIndex,
      () => `${describeState(node)}: committed entry ${kept + 1} was removed or replaced`,
    );
    check(
      before === null || before.role !== 'leader' || node.role !== 'leader',
      () => `${describeState(node)}: §5.3 a leader replaced its entry ${kept + 1}`,
    );
    sight.log.truncate(kept);
  }

  #appended(log: LogMirror, node: ObservedNode, kept: number): void {
    const entries = node.entries(kept + 1, node.lastIndex + 1);
    check(
      entries.length === node.lastIndex - kept,
      () => `${describeState(node)}: gives ${entries.length} entries`,
    );
    let previous: Entry | null = kept >= node.firstIndex ? (node.entries(kept, kept + 1)[0] ?? null) : null;
    for (const entry of entries) {
      checkEntry(node, entry, log.lastIndex + 1, previous);
      this.#checkLogMatching(node, entry);
      log.append(entry.term, entry.type === 'conf-change');
      if (entry.type === 'conf-change' && node.role === 'leader' && entry.term === node.term) {
        checkConfAppended(log, node, entry.index);
      }
      previous = entry;
    }
  }

  /** §5.3: index and term name one entry, and the one before it; so by induction all before are the same. */
  #checkLogMatching(node: ObservedNode, entry: Entry): void {
    const previousTerm = entry.index === 1 ? 0 : node.termAt(entry.index - 1);
    if (previousTerm === undefined) return;
    const checksum = checksumOf(entry);
    const others = this.#seen.get(entry.index) ?? [];
    const twin = others.find((other) => other.term === entry.term);
    if (twin === undefined) {
      others.push({ term: entry.term, previousTerm, checksum });
      this.#seen.set(entry.index, others);
      return;
    }
    check(
      twin.checksum === checksum && twin.previousTerm === previousTerm,
      () =>
        `${describeState(node)}: log matching: entry ${entry.index}/${entry.term} differs from another member's`,
    );
  }

  #followCommit(sight: Sight, node: ObservedNode): void {
    const before = sight.summary;
    const from = Math.max(before?.commitIndex ?? 0, node.firstIndex - 1);
    for (let index = from + 1; index <= node.commitIndex; index++) {
      this.#committed(node, index, sight.log.termAt(index));
    }
    // A member may be seen first when its log is cut already, by nobody's commit that was seen.
    while (before === null && this.commitIndex < node.commitIndex) this.#push(undefined, node.term);
    check(
      node.commitIndex <= this.commitIndex,
      () => `${describeState(node)}: took a commit index that nobody had reached (${this.commitIndex})`,
    );
    if (node.role === 'leader' && before !== null && node.commitIndex > before.commitIndex) {
      this.#leaderCommitted(node);
    }
  }

  #committed(node: ObservedNode, index: number, term: number | undefined): void {
    while (this.commitIndex < index - 1) this.#push(undefined, node.term);
    if (index > this.commitIndex) this.#push(term, node.term);
    const known = this.#committedTerms[index];
    if (known === undefined) this.#committedTerms[index] = term;
    check(
      known === undefined || known === term,
      () =>
        `${describeState(node)}: committed ${index}/${term}, but ${index}/${known} was committed there before`,
    );
  }

  #push(term: number | undefined, inTerm: number): void {
    this.#committedTerms.push(term);
    this.#committedIn.push(Math.max(inTerm, this.#committedIn.at(-1) ?? 0));
  }

  /** §5.4.2 and thesis §10.2.1: an entry of its own term, durable on a quorum of its configuration. */
  #leaderCommitted(node: ObservedNode): void {
    const index = node.commitIndex;
    check(
      node.termAt(index) === node.term,
      () => `${describeState(node)}: §5.4.2 committed by counting an entry of term ${node.termAt(index)}`,
    );
    const holds = (member: MemberId): boolean =>
      [this.#sights.get(member), this.#emptied.get(member)].some((sight) => {
        if (sight === undefined || sight.persistedIndex < index) return false;
        return sight.log.firstIndex > index || sight.log.termAt(index) === node.term;
      });
    check(
      holdsQuorum(node.confState(), holds),
      () => `${describeState(node)}: committed ${index} without a quorum that holds it durably`,
    );
  }

  /** Election safety and leader completeness (§5.2, §5.4). */
  #elected(node: ObservedNode): void {
    const other = this.#leaders.get(node.term);
    check(
      other === undefined || other === node.id,
      () =>
        `election safety: ${describeMember(node.id)} and ${describeMember(other ?? node.id)} lead t${node.term}`,
    );
    this.#leaders.set(node.term, node.id);
    let index = this.commitIndex;
    // Entries that a later term committed may be missing from a leader whom its votes reached late.
    while (index > 0 && (this.#committedIn[index] as number) >= node.term) index--;
    const term = this.#committedTerms[index];
    if (index < node.firstIndex || term === undefined) return;
    check(
      node.termAt(index) === term,
      () => `${describeState(node)}: leader completeness: lacks the committed entry ${index}/${term}`,
    );
  }

  /** Checks a message as it leaves its sender, whose disk holds `disk`. */
  sent(message: Message, disk: DurableState): void {
    checkDurable(message, disk);
    switch (message.type) {
      case 'RequestVote':
        if (!message.preVote) this.#voted(message.from, message.from, message.term);
        return;
      case 'RequestVoteResponse':
        if (!message.preVote && message.granted) this.#voted(message.from, message.to, message.term);
        return;
      case 'AppendEntriesResponse':
        if (message.success) this.#acknowledge(message);
        return;
      case 'AppendEntries':
      case 'Heartbeat':
      case 'InstallSnapshot':
      case 'TimeoutNow':
      case 'ReadIndexResponse':
        check(
          this.#leaders.get(message.term) === message.from,
          () =>
            `${describeMember(message.from)} sends ${message.type} for t${message.term}, which it does not lead`,
        );
    }
  }

  #acknowledge({ from, term, index }: AppendEntriesResponse): void {
    const before = this.#acknowledged.get(from);
    const isNews =
      before === undefined || term > before.term || (term === before.term && index > before.index);
    if (isNews) this.#acknowledged.set(from, { term, index });
    // It may die before it is looked at again; what it acknowledged was durable, see `checkDurable`.
    const sight = this.#sights.get(from);
    if (sight !== undefined && sight.log.termAt(index) === term) {
      sight.persistedIndex = Math.max(sight.persistedIndex, index);
    }
  }

  #voted(voter: MemberId, candidate: MemberId, term: number): void {
    let votes = this.#votes.get(term);
    if (votes === undefined) this.#votes.set(term, (votes = new Map()));
    const earlier = votes.get(voter);
    check(
      earlier === undefined || earlier === candidate,
      () =>
        `§5.2 ${describeMember(voter)} votes for ${describeMember(earlier ?? candidate)} and` +
        ` ${describeMember(candidate)} in t${term}`,
    );
    votes.set(voter, candidate);
  }

  /** State machine safety (§5.4.3): every member applies the same entry at an index, one after the other. */
  applied(member: MemberId, entry: Entry): void {
    const sight = this.#sights.get(member);
    check(
      sight !== undefined && entry.index === sight.appliedIndex + 1,
      () => `member ${describeMember(member)} applies ${entry.index} after ${sight?.appliedIndex}`,
    );
    sight.appliedIndex = entry.index;
    const known = this.#committedTerms[entry.index];
    check(
      entry.index <= this.commitIndex && (known === undefined || known === entry.term),
      () => `member ${describeMember(member)} applies ${entry.index}/${entry.term}, which is not committed`,
    );
    const checksum = checksumOf(entry);
    const twin = this.#applied.get(entry.index);
    check(
      twin === undefined || (twin.term === entry.term && twin.checksum === checksum),
      () => `state machine safety: ${describeMember(member)} applies another entry at ${entry.index}`,
    );
    if (twin === undefined) this.#applied.set(entry.index, { term: entry.term, checksum });
  }

  /** A member's state was replaced by a snapshot of `index`. */
  installed(member: MemberId, index: number): void {
    const sight = this.#sights.get(member);
    check(
      sight !== undefined && index > sight.appliedIndex && index <= this.commitIndex,
      () => `member ${describeMember(member)} installs ${index} over ${sight?.appliedIndex}`,
    );
    sight.appliedIndex = index;
  }

  /** A client asks for a read; `context` is never used twice. */
  readAsked(context: number): void {
    check(!this.#readFloors.has(context), () => `read ${context} is asked twice`);
    this.#readFloors.set(context, this.commitIndex);
  }

  /**
   * Thesis §6.4: a confirmed read sees everything that was committed anywhere before it was asked. A follower may
   * see the answer twice, when the network repeats a message.
   */
  readConfirmed(context: number, index: number): void {
    const floor = this.#readFloors.get(context);
    check(floor !== undefined, () => `read ${context} was never asked`);
    check(
      index >= floor,
      () => `stale read ${context}: index ${index}, but ${floor} was committed before it`,
    );
  }
}

/** One change at a time (thesis §4.1), and none before the leader committed an entry of its own term. */
function checkConfAppended(log: LogMirror, node: ObservedNode, index: number): void {
  check(
    log.confIndexBefore(index) <= node.commitIndex,
    () => `${describeState(node)}: configuration ${index} is appended while an earlier one is not committed`,
  );
  check(
    node.termAt(node.commitIndex) === node.term,
    () =>
      `${describeState(node)}: configuration ${index} is appended before an entry of the term is committed`,
  );
  checkConfStep(node.confStateAt(index - 1), node.confStateAt(index));
}
