/** What a backup and a spare do with what the primary of their view sends. */
import type { InstallSnapshot } from '../raft/types.ts';
import type { Engine } from './engine.ts';
import type { Commit, Operation, Prepare } from './types.ts';

/** Takes what fits the log behind the message's position. The answer promises that the operations are durable. */
export function handlePrepare(engine: Engine, message: Prepare): void {
  const { prevIndex, prevView, entries } = message;
  if (!isWellFormed(message)) return;
  const verified = prevIndex + entries.length;
  // Committed operations are the same everywhere: a late message has news only of those behind them.
  const known = Math.max(0, engine.committed - prevIndex);
  if (known > entries.length) return accept(engine, message, engine.committed);
  const view = known === 0 ? prevView : entries[known - 1]?.term;
  if (engine.log.termAt(prevIndex + known) !== view) return refuse(engine, message);
  takeOperations(engine, entries, known);
  engine.commitTo(Math.min(message.committed, verified));
  accept(engine, message, verified);
}

/** Operations follow one another and the message's position, and none is of a view to come. */
function isWellFormed({ view, prevIndex, prevView, entries }: Prepare): boolean {
  let index = prevIndex;
  let last = prevView;
  for (const entry of entries) {
    if (entry.index !== ++index || entry.term < last || entry.term > view) return false;
    last = entry.term;
  }
  return true;
}

/** Operations that are there already stay: a message that was delayed must not take away what came after it. */
function takeOperations(engine: Engine, entries: readonly Operation[], from: number): void {
  for (let i = from; i < entries.length; i++) {
    const entry = entries[i] as Operation;
    if (entry.index <= engine.log.lastIndex) {
      if (engine.log.termAt(entry.index) === entry.term) continue;
      engine.truncateFrom(entry.index);
    }
    engine.append(entry);
  }
}

export function handleCommit(engine: Engine, { from, committed, round }: Commit): void {
  // Only as far as this log is known to be the primary's: its last operation is of that view.
  if (engine.log.lastTerm === engine.view.number) engine.commitTo(Math.min(committed, engine.log.lastIndex));
  const { id, view, config } = engine;
  engine.messages.push({
    type: 'CommitOk',
    from: id,
    to: from,
    view: view.number,
    folder: config.life.folder,
    boot: config.life.boot,
    round,
  });
}

/** The whole state is at hand. It is not needed when the log holds what it speaks of. */
export function handleInstall(engine: Engine, { from, snapshot }: InstallSnapshot): void {
  if (snapshot.term > engine.view.number) return;
  if (snapshot.index > engine.committed) {
    if (engine.log.termAt(snapshot.index) === snapshot.term) engine.commitTo(snapshot.index);
    else engine.restore(snapshot);
  }
  accept(engine, { from }, engine.committed);
}

function accept(engine: Engine, { from }: { readonly from: number }, index: number): void {
  answer(engine, from, { accepted: true, index, hintIndex: 0, hintView: 0 });
}

function refuse(engine: Engine, { from, prevIndex, prevView }: Prepare): void {
  const hint = engine.log.lastWithTermAtMost(prevIndex, prevView);
  answer(engine, from, { accepted: false, index: prevIndex, hintIndex: hint.index, hintView: hint.term });
}

/** Leaves once everything that is in the log now is durable, and the view, too. */
function answer(
  engine: Engine,
  to: number,
  fields: { accepted: boolean; index: number; hintIndex: number; hintView: number },
): void {
  const { id, view, config } = engine;
  engine.messagesAfterPersist.push({
    type: 'PrepareOk',
    from: id,
    to,
    view: view.number,
    folder: config.life.folder,
    boot: config.life.boot,
    ...fields,
  });
}
