/** How a leader feeds its followers (paper §5.3), and how they answer. */
import { decodeConfEntry } from './confchange/encoding.ts';
import type { Raft } from './raft.ts';
import type { Progress } from './tracker/progress.ts';
import type { AppendEntries, AppendEntriesResponse, Entry, InstallSnapshot } from './types.ts';

/** Sends every follower what it has no more than the flow control allows. */
export function sendAppends(raft: Raft): void {
  raft.appendsDue = false;
  for (const progress of raft.tracker.peers) sendAppendsTo(raft, progress);
}

function sendAppendsTo(raft: Raft, progress: Progress): void {
  const { appendEntriesMax, appendBytesMax } = raft.config;
  while (!progress.paused && progress.nextIndex <= raft.log.lastIndex) {
    const prevLogIndex = progress.nextIndex - 1;
    const prevLogTerm = raft.log.termAt(prevLogIndex);
    if (prevLogTerm === undefined) {
      // The log was compacted past it. A follower that does not answer would not take a snapshot either.
      if (!progress.recentActive) return;
      progress.becomeSnapshot();
      raft.snapshotsWanted.push(progress.member);
      return;
    }
    const entries = raft.log.sliceWithin(progress.nextIndex, appendEntriesMax, appendBytesMax);
    let bytes = 0;
    for (const entry of entries) bytes += entry.data.length;
    // At once, in parallel with the own disk: the entries count here only when they are durable here (thesis §10.2.1).
    raft.messages.push({
      type: 'AppendEntries',
      from: raft.id,
      to: progress.member,
      term: raft.term,
      prevLogIndex,
      prevLogTerm,
      entries,
      leaderCommit: raft.commitIndex,
    });
    progress.toldCommit = Math.min(raft.commitIndex, prevLogIndex + entries.length);
    progress.sent(prevLogIndex + entries.length, bytes);
  }
}

/** Tells a follower how far the log is committed, as far as it is known to hold it. */
export function sendCommitTo(raft: Raft, progress: Progress): void {
  const leaderCommit = Math.min(progress.matchIndex, raft.commitIndex);
  const prevLogTerm = raft.log.termAt(progress.matchIndex);
  if (progress.state !== 'replicate' || leaderCommit <= progress.toldCommit || prevLogTerm === undefined)
    return;
  progress.toldCommit = leaderCommit;
  sendEmptyAppend(raft, progress, { prevLogIndex: progress.matchIndex, prevLogTerm, leaderCommit });
}

type Position = Pick<AppendEntries, 'prevLogIndex' | 'prevLogTerm' | 'leaderCommit'>;

function sendEmptyAppend(raft: Raft, { member }: Progress, position: Position): void {
  raft.send({ type: 'AppendEntries', to: member, entries: [], ...position });
}

/**
 * A follower that is being sent a snapshot was heard. Its acknowledgement of the snapshot may have been lost, so it
 * is asked whether its log reaches there by now; until it does it refuses, and nothing comes of it.
 */
export function checkSnapshotArrived(raft: Raft, progress: Progress): void {
  const { snapshotIndex } = progress;
  if (snapshotIndex === 0) return;
  const prevLogTerm = raft.log.termAt(snapshotIndex);
  if (prevLogTerm !== undefined) {
    return sendEmptyAppend(raft, progress, { prevLogIndex: snapshotIndex, prevLogTerm, leaderCommit: 0 });
  }
  // The log was cut behind it: it would not help any more.
  progress.becomeProbe();
}

/** A follower takes what fits its log behind `prevLogIndex`. Its answer promises that the entries are durable. */
export function handleAppendEntries(raft: Raft, message: AppendEntries): void {
  const { prevLogIndex, prevLogTerm, entries } = message;
  if (!isWellFormed(message)) return;
  const verified = prevLogIndex + entries.length;
  // Committed entries are the same everywhere: a late message has nothing new to say of them, only behind them.
  const committed = Math.max(0, raft.commitIndex - prevLogIndex);
  if (committed > entries.length) return accept(raft, message, raft.commitIndex);
  const term = committed === 0 ? prevLogTerm : entries[committed - 1]?.term;
  if (raft.log.termAt(prevLogIndex + committed) !== term) return refuse(raft, message);
  takeEntries(raft, entries, committed);
  raft.commitTo(Math.min(message.leaderCommit, verified));
  accept(raft, message, verified);
}

/** Entries of a message follow one another and its position, and none is from a term to come. */
function isWellFormed({ term, prevLogIndex, prevLogTerm, entries }: AppendEntries): boolean {
  let index = prevLogIndex;
  let lastTerm = prevLogTerm;
  for (const entry of entries) {
    if (entry.index !== ++index || entry.term < lastTerm || entry.term > term) return false;
    if (entry.type === 'conf-change' && decodeConfEntry(entry.data) === null) return false;
    lastTerm = entry.term;
  }
  return true;
}

/** Entries that are there already stay: a message that was delayed must not take away what came after it (§5.3). */
function takeEntries(raft: Raft, entries: readonly Entry[], from: number): void {
  for (let i = from; i < entries.length; i++) {
    const entry = entries[i] as Entry;
    if (entry.index <= raft.log.lastIndex) {
      if (raft.log.termAt(entry.index) === entry.term) continue;
      raft.truncateFrom(entry.index);
    }
    raft.appendReceived(entry);
  }
}

/** After the append: the leader counts this as a durable copy (§5.3), so it must survive a crash from here on. */
function accept(raft: Raft, { from }: AppendEntries | InstallSnapshot, index: number): void {
  raft.messagesAfterAppend.push({
    type: 'AppendEntriesResponse',
    from: raft.id,
    to: from,
    term: raft.term,
    success: true,
    index,
    hintIndex: 0,
    hintTerm: 0,
  });
}

function refuse(raft: Raft, { from, prevLogIndex, prevLogTerm }: AppendEntries): void {
  const hint = raft.log.lastWithTermAtMost(prevLogIndex, prevLogTerm);
  raft.sendAfterAppend({
    type: 'AppendEntriesResponse',
    to: from,
    success: false,
    index: prevLogIndex,
    hintIndex: hint.index,
    hintTerm: hint.term,
  });
}

/** The complete snapshot is at hand. It is not needed when the log holds what it speaks of. */
export function handleInstallSnapshot(raft: Raft, message: InstallSnapshot): void {
  const { snapshot } = message;
  // No log has entries of a term that its leader did not reach; a log that starts with one could not go on.
  if (snapshot.term > message.term) return;
  if (snapshot.index <= raft.commitIndex) return accept(raft, message, raft.commitIndex);
  if (raft.log.termAt(snapshot.index) === snapshot.term) raft.commitTo(snapshot.index);
  else raft.restore(snapshot);
  accept(raft, message, snapshot.index);
}

export function handleAppendEntriesResponse(
  raft: Raft,
  progress: Progress,
  message: AppendEntriesResponse,
): void {
  if (message.success) handleAccepted(raft, progress, message.index);
  else handleRefused(raft, progress, message);
}

function handleAccepted(raft: Raft, progress: Progress, index: number): void {
  if (index > raft.log.lastIndex || !progress.update(index)) return;
  const { state, nextIndex, snapshotIndex } = progress;
  // By a snapshot or in another way: the log reaches back to what it needs next.
  const arrived = state === 'snapshot' && nextIndex >= raft.log.firstIndex;
  if (state === 'probe' || arrived) progress.becomeReplicate();
  // It has the snapshot, but the log was cut behind that meanwhile: it needs another one.
  else if (state === 'snapshot' && snapshotIndex > 0 && index >= snapshotIndex) progress.becomeProbe();
  raft.appendsDue = true;
  raft.maybeCommit();
  if (raft.transferee === progress.member && progress.matchIndex === raft.log.lastIndex) {
    raft.send({ type: 'TimeoutNow', to: progress.member });
  }
}

/** Backs up to where the two logs can agree; answers to what was sent earlier are told by their index. */
function handleRefused(
  raft: Raft,
  progress: Progress,
  { index, hintIndex, hintTerm }: AppendEntriesResponse,
): void {
  if (progress.state === 'snapshot' || index <= progress.matchIndex) return;
  if (progress.state === 'replicate') {
    progress.becomeProbe();
  } else {
    if (index !== progress.nextIndex - 1) return;
    const shared = raft.log.lastWithTermAtMost(hintIndex, hintTerm).index;
    progress.nextIndex = Math.max(progress.matchIndex + 1, Math.min(index, shared + 1));
    progress.probeSent = false;
  }
  raft.appendsDue = true;
}
