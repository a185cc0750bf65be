import type { PageDocument, PageElement, PageWindow } from './dom.ts';
import { formatTime, type Bar, type Layout } from './page-layout.ts';
import { labelOf } from './page-draw.ts';
import type { ReportData, ReportKey, ReportOperation } from './report-data.ts';

declare const document: PageDocument;
declare const window: PageWindow;

/** An element with a class and a text; texts never become markup. */
export function element(tag: string, className: string, text = ''): PageElement {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Shows the keys whose name contains what was typed; the list is cut where nobody would read on. */
export function fillKeyList(
  data: ReportData,
  chosen: number,
  filter: string,
  choose: (key: number) => void,
): void {
  const shownMax = 400;
  const list = document.getElementById('keys');
  const matching = [...data.keys.keys()].filter((key) => data.keys[key]?.name.includes(filter));
  const rows = matching.slice(0, shownMax).map((key) => {
    const { name, verdict, operations } = data.keys[key] as ReportKey;
    const row = element('button', `key ${verdict}${key === chosen ? ' chosen' : ''}`);
    row.append(element('span', 'dot'), element('span', 'name', name));
    row.append(element('span', 'count', operations.length.toLocaleString('en')));
    row.title = `${name}: ${verdictWord(verdict)}`;
    row.addEventListener('click', () => choose(key));
    return row;
  });
  const all = element('button', `key all${chosen === -1 ? ' chosen' : ''}`);
  all.append(element('span', 'name', 'All keys'));
  all.append(element('span', 'count', data.operations.length.toLocaleString('en')));
  all.addEventListener('click', () => choose(-1));
  const more = matching.length - shownMax;
  const note =
    more > 0 ? [element('div', 'note', `${more.toLocaleString('en')} more: type to find them`)] : [];
  list.replaceChildren(all, ...rows, ...note);
}

export function verdictWord(verdict: ReportData['verdict']): string {
  if (verdict === 'ok') return 'linearizable';
  return verdict === 'illegal' ? 'not linearizable' : 'not decided';
}

/** What there is to say about the chosen key. */
export function fillExplanation(data: ReportData, key: number, show: (operation: number) => void): void {
  const box = document.getElementById('explanation');
  const shown = data.keys[key];
  const count = (n: number): string => `${n.toLocaleString('en')} operation${n === 1 ? '' : 's'}`;
  if (shown === undefined) {
    const illegal = data.keys.filter(({ verdict }) => verdict === 'illegal').length;
    const text =
      illegal === 0
        ? 'All operations, by client. Choose a key to see the order in which its operations took effect.'
        : `All operations, by client. ${illegal.toLocaleString('en')} of ${data.keys.length.toLocaleString('en')} keys have no legal order; choose one to see where it ends.`;
    box.replaceChildren(element('p', '', text));
    return;
  }
  const title = element('p', 'lead');
  title.append(
    element('strong', '', shown.name),
    element('span', `word ${shown.verdict}`, verdictWord(shown.verdict)),
  );
  const texts = {
    ok: `A legal order of ${count(shown.order.length)}: the line through the timeline, and the list on the right.`,
    illegal: shown.blocked?.text ?? '',
    unknown: `The budget ran out; ${count(shown.order.length)} stood in an order when it did.`,
  };
  const text = element('p', '', `${texts[shown.verdict]} `);
  const writers = shown.blocked?.writers ?? [];
  for (const operation of writers.slice(0, 3)) {
    const { asked, client, callMs } = data.operations[operation] as ReportOperation;
    const link = element('button', 'link', `${asked} by ${data.clients[client]} at ${formatTime(callMs, 1)}`);
    link.addEventListener('click', () => show(operation));
    text.append(element('span', '', operation === writers[0] ? 'That value is from ' : 'or '), link);
  }
  box.replaceChildren(title, text);
}

/** The rows of the order that can be seen, in a list as high as all of them. */
export function fillOrderList(
  data: ReportData,
  layout: Layout,
  key: number,
  chosen: Bar | undefined,
  choose: (bar: Bar) => void,
): void {
  const rowHeight = 40;
  const list = document.getElementById('order');
  const inner = document.getElementById('order-rows');
  const blocked = data.keys[key]?.blocked?.operation;
  const indexes = blocked === undefined ? layout.order : [...layout.order, blocked];
  const first = Math.max(0, Math.floor(list.scrollTop / rowHeight) - 4);
  const last = Math.min(indexes.length, Math.ceil((list.scrollTop + list.clientHeight) / rowHeight) + 4);
  const rows: PageElement[] = [];
  for (let place = first; place < last; place++) {
    const index = indexes[place] as number;
    const bar = layout.barOf.get(index);
    const operation = data.operations[index] as ReportOperation;
    const isBlocked = place === layout.order.length;
    const row = element(
      'button',
      `step${isBlocked ? ' blocked' : ''}${index === chosen?.index ? ' chosen' : ''}`,
    );
    row.style['top'] = `${place * rowHeight}px`;
    const what = element('span', 'what');
    what.append(element('span', 'label', labelOf(operation)));
    what.append(element('span', 'who', data.clients[operation.client]));
    const state = isBlocked ? 'no place for it' : (data.keys[key]?.states[place] ?? '');
    row.append(
      element('span', 'place', isBlocked ? '✗' : String(place + 1)),
      what,
      element('span', 'state', state),
    );
    if (bar !== undefined) row.addEventListener('click', () => choose(bar));
    rows.push(row);
  }
  inner.style['height'] = `${indexes.length * rowHeight}px`;
  inner.replaceChildren(...rows);
}

/** Scrolls the list of the order so that an operation can be seen. */
export function revealInOrder(data: ReportData, layout: Layout, key: number, bar: Bar): void {
  const rowHeight = 40;
  const list = document.getElementById('order');
  const isBlocked = data.keys[key]?.blocked?.operation === bar.index;
  const place = isBlocked ? layout.order.length : layout.order.indexOf(bar.index);
  if (place < 0) return;
  const top = place * rowHeight;
  if (top >= list.scrollTop && top + rowHeight <= list.scrollTop + list.clientHeight) return;
  list.scrollTop = top - list.clientHeight / 2;
}

/** Everything that is known of one operation, in lines of a label and a text. */
export function detailsOf(data: ReportData, bar: Bar): [label: string, text: string][] {
  const operation = data.operations[bar.index] as ReportOperation;
  const key = data.keys[operation.key] as ReportKey;
  const { callMs, returnMs, outcome } = operation;
  const took = returnMs === null ? '' : `, took ${formatTime(returnMs - callMs, returnMs - callMs)}`;
  const ended = returnMs === null ? 'no answer' : formatTime(returnMs, 1);
  const lines: [string, string][] = [
    ['asked', operation.asked],
    ['answered', outcome === 'unknown' ? 'unknown: may have taken effect, or may still' : operation.answered],
    ['key', key.name],
    ['client', data.clients[operation.client] ?? ''],
    ['time', `${formatTime(callMs, 1)} – ${ended}${took}`],
    ['order', placeText(bar, key)],
  ];
  if (bar.place > 0) {
    const before = bar.place === 1 ? 'the start' : (key.states[bar.place - 2] ?? '');
    const after = key.states[bar.place - 1] ?? '';
    if (before === after) lines.push(['state', after]);
    else lines.push(['before', before], ['after', after]);
  }
  if (bar.index === key.blocked?.operation) {
    lines.push(['state', key.states.at(-1) ?? 'the start'], ['why', key.blocked.text]);
  }
  for (const { message, operations } of data.faults)
    if (operations.includes(bar.index)) lines.push(['why', message]);
  return lines;
}

export function placeText(bar: Bar, key: ReportKey): string {
  switch (bar.status) {
    case 'blocked':
      return bar.place > 0 ? `${bar.place} of ${key.order.length}` : 'it has no place';
    case 'placed':
      return `${bar.place} of ${key.order.length}`;
    case 'left-out':
      return 'left out: nothing shows that it took effect';
    case 'failed':
      return 'left out: it failed';
    case 'later':
      return key.verdict === 'illegal'
        ? 'it returned after the place where the order ends'
        : 'not placed yet';
  }
}

/** Shows the details of a bar beside the mouse, or hides them. */
export function showTip(data: ReportData, bar: Bar | undefined, x: number, y: number): void {
  const tip = document.getElementById('tip');
  tip.hidden = bar === undefined;
  if (bar === undefined) return;
  tip.className = `tip ${bar.status}`;
  const rows = detailsOf(data, bar).map(([label, text]) => {
    const row = element('div', 'row');
    row.append(element('span', 'label', label), element('span', 'text', text));
    return row;
  });
  tip.replaceChildren(...rows);
  const left = x + 16 + tip.offsetWidth > window.innerWidth ? x - tip.offsetWidth - 12 : x + 16;
  const top = Math.min(y + 16, window.innerHeight - tip.offsetHeight - 8);
  tip.style['left'] = `${Math.max(4, left)}px`;
  tip.style['top'] = `${Math.max(4, top)}px`;
}

/** Versions that contradict each other, each with its operations to go to. */
export function fillFaults(data: ReportData, show: (operation: number) => void): void {
  const shownMax = 20;
  const box = document.getElementById('faults');
  box.hidden = data.faults.length === 0;
  const rows = data.faults.slice(0, shownMax).map(({ message, operations }) => {
    const row = element('p', 'fault', `${message} `);
    for (const [i, operation] of operations.entries()) {
      const link = element('button', 'link', i === 0 ? 'show the one' : 'show the other');
      link.addEventListener('click', () => show(operation));
      row.append(link);
    }
    return row;
  });
  const more = data.faults.length - shownMax;
  box.replaceChildren(
    ...rows,
    ...(more > 0 ? [element('p', '', `and ${more.toLocaleString('en')} more`)] : []),
  );
}
