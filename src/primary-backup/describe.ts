import type { Life, Ping, ServerMessage, View, ViewNotice } from './types.ts';

const describeLife = (life: Life | null): string => (life === null ? '-' : `${life.server}#${life.boot}`);

/** A view in one line, for people. */
export const describeView = ({ number, primary, backup }: View): string =>
  `v${number} primary ${describeLife(primary)} backup ${describeLife(backup)}`;

/** A message in one line, for people. */
export function describeServerMessage(message: ServerMessage): string {
  const { from, to, view, type } = message;
  return `${from}->${to} v${view} ${type} ${describeFields(message)}`.trimEnd();
}

function describeFields(message: ServerMessage): string {
  switch (message.type) {
    case 'Prepare': {
      const { prevIndex, prevView, entries, committed } = message;
      const last = entries.at(-1);
      const operations = last === undefined ? 'none' : `${prevIndex + 1}..${last.index}/${last.term}`;
      return `behind ${prevIndex}/${prevView}: ${operations}, committed ${committed}`;
    }
    case 'PrepareOk': {
      const { boot, accepted, index, hintIndex, hintView } = message;
      return `#${boot} ${accepted ? `has ${index}` : `lacks ${index}, perhaps from ${hintIndex}/${hintView}`}`;
    }
    case 'Commit':
      return `committed ${message.committed}, round ${message.round}`;
    case 'CommitOk':
      return `#${message.boot} round ${message.round}`;
    case 'Deposed':
      return '';
    case 'AskRead':
      return `${message.context}`;
    case 'ReadConfirmed':
      return `${message.context} at ${message.index}`;
  }
}

export function describeMonitorMessage(message: Ping | ViewNotice): string {
  if (message.type === 'ViewNotice')
    return `ViewNotice ${describeView(message.view)} ${message.waiting}`.trimEnd();
  const { boot, acknowledged, inSync, unreachable, leaving, lastIndex, lastView } = message;
  const notes = [inSync ? 'in sync' : '', unreachable ? 'backup unreachable' : '', leaving ? 'leaving' : ''];
  return `Ping #${boot} acknowledges ${acknowledged}, holds ${lastIndex}/${lastView} ${notes.filter((n) => n !== '').join(', ')}`.trimEnd();
}
