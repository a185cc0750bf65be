/** How a leader feeds its followers (paper §5.3), and how they answer. */
import type { Raft } from './raft.ts';
import type { Progress } from './tracker/progress.ts';
import type { AppendEntries, AppendEntriesResponse, InstallSnapshot } from './types.ts';

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
    raft.send({
      type: 'AppendEntries',
      to: progress.member,
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
  raft.send({
    type: 'AppendEntries',
    to: progress.member,
    prevLogIndex: progress.matchIndex,
    prevLogTerm,
    entries: [],
    leaderCommit,
  });
}

/** A follower takes what fits its log behind `prevLogIndex`. Its answer promises that the entries are durable. */
export function handleAppendEntries(raft: Raft, message: AppendEntries): void {
  const { prevLogIndex, prevLogTerm, entries } = message;
  if (prevLogIndex < raft.commitIndex) return accept(raft, message, raft.commitIndex);
  if (raft.log.termAt(prevLogIndex) !== prevLogTerm) return refuse(raft, message);
  for (const entry of entries) {
    const known = raft.log.termAt(entry.index);
    if (known === entry.term) continue;
    if (known !== undefined) raft.truncateFrom(entry.index);
    raft.appendReceived(entry);
  }
  const verified = prevLogIndex + entries.length;
  raft.commitTo(Math.min(message.leaderCommit, verified));
  accept(raft, message, verified);
}

function accept(raft: Raft, { from }: AppendEntries | InstallSnapshot, index: number): void {
  raft.sendAfterAppend({
    type: 'AppendEntriesResponse',
    to: from,
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
  // By a snapshot or in another way: the log reaches back to what it needs next.
  const { state, nextIndex } = progress;
  const arrived = state === 'snapshot' && nextIndex >= raft.log.firstIndex;
  if (state === 'probe' || arrived) progress.becomeReplicate();
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
