import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { checkHistory } from './checker.ts';
import { generateHistory } from './generator.test-support.ts';
import { get, history, operation, put } from './handmade.test-support.ts';
import type { History } from './history.ts';
import { pageScript, reportHtml } from './report-html.ts';
import type { ReportData } from './report/report-data.ts';

const pageOf = (of: History, title = 'history.jsonl'): string => reportHtml(title, of, checkHistory(of));
const stale = history([
  put('a', [0, 1], '1'),
  put('a', [2, 3], '2'),
  get('b', [4, 5], '1'),
  get('b', [6, 7], '2'),
]);

/** As much of a browser as the page needs: elements that remember, and a canvas that remembers its texts. */
class FakeElement {
  textContent: string;
  className = '';
  hidden = false;
  value = '';
  title = '';
  scrollTop = 0;
  width = 0;
  height = 0;
  readonly clientWidth = 1_000;
  readonly clientHeight = 500;
  readonly offsetWidth = 200;
  readonly offsetHeight = 100;
  readonly style: Record<string, string> = {};
  readonly drawn: string[] = [];
  children: FakeElement[] = [];
  readonly #listeners = new Map<string, (event: object) => void>();

  constructor(textContent = '') {
    this.textContent = textContent;
  }

  append(...children: FakeElement[]): void {
    this.children.push(...children);
  }

  replaceChildren(...children: FakeElement[]): void {
    this.children = children;
  }

  addEventListener(type: string, listener: (event: object) => void): void {
    this.#listeners.set(type, listener);
  }

  setPointerCapture(): void {}

  send(type: string, event: object = {}): void {
    const fields = {
      deltaX: 0,
      deltaY: 0,
      offsetX: 500,
      offsetY: 100,
      clientX: 500,
      clientY: 100,
      buttons: 1,
      pointerId: 1,
    };
    this.#listeners.get(type)?.({ ...fields, target: this, preventDefault: () => undefined, ...event });
  }

  get text(): string {
    return this.textContent + this.children.map(({ text }) => text).join(' ');
  }

  getContext(): object {
    const { drawn } = this;
    const context = {
      clearRect: () => drawn.splice(0),
      fillText: (text: string) => drawn.push(text),
    };
    return new Proxy(context, {
      get: (target, name) => Reflect.get(target, name) ?? ((): void => undefined),
      set: () => true,
    });
  }
}

/** Runs a page; returns its elements by id, and its document. */
function open(html: string): {
  at: (id: string) => FakeElement;
  document: FakeElement;
  texts: () => string[];
} {
  const [, data, script] = /id="data">(.*?)<\/script>\n<script>(.*?)<\/script>/s.exec(html) ?? [];
  const elements = new Map<string, FakeElement>([['data', new FakeElement(data)]]);
  const at = (id: string): FakeElement => {
    assert.ok(html.includes(`id="${id}"`), `the page has an element ${id}`);
    const found = elements.get(id) ?? new FakeElement();
    elements.set(id, found);
    return found;
  };
  const frames: (() => void)[] = [];
  const document = Object.assign(new FakeElement(), {
    getElementById: at,
    createElement: () => new FakeElement(),
  });
  const window = Object.assign(new FakeElement(), {
    devicePixelRatio: 2,
    innerWidth: 1_400,
    innerHeight: 900,
    requestAnimationFrame: (frame: () => void) => frames.push(frame),
    matchMedia: () => Object.assign(new FakeElement(), { matches: false }),
  });
  runInContext(script as string, createContext({ document, window }));
  const texts = (): string[] => {
    for (const frame of frames.splice(0)) frame();
    return at('timeline').drawn;
  };
  return { at, document, texts };
}

test('the page shows the operation without a place, its reason and the state', () => {
  const { at, texts } = open(pageOf(stale));
  assert.equal(at('verdict').textContent, 'not linearizable');
  assert.match(at('summary').textContent, /4 operations of 2 clients on 1 key · model register/);
  assert.match(
    at('explanation').text,
    /After the 2 operations .* the get by b has no place: it read "1", but the value is "2"/,
  );
  assert.match(at('explanation').text, /That value is from {2}put "1" by a/);
  for (const text of ['get → "1"', 'put "2"', '"2"', 'a', 'b']) assert.ok(texts().includes(text), text);
  assert.match(at('order-rows').text, /1 put "1" a "1" 2 put "2" a "2" ✗ get → "1" b no place for it/);
});

test('the mouse over an operation tells all about it', () => {
  const { at, texts } = open(pageOf(stale));
  texts();
  for (let x = 121; x < 1_000; x += 5) {
    at('timeline').send('pointermove', { offsetX: x, offsetY: 95 });
    if (at('tip').text.includes('it has no place')) break;
  }
  assert.equal(at('tip').hidden, false);
  assert.match(
    at('tip').text,
    /asked get answered "1" key "x" client b time 4.000 ms – 5.000 ms, took 1.000 ms/,
  );
  at('timeline').send('pointerleave');
  assert.equal(at('tip').hidden, true);
});

test('keys, axis, zoom and keyboard work on a large history', () => {
  const large = generateHistory({
    seed: 2,
    model: 'versioned',
    clients: 20,
    keys: 500,
    operations: 10_000,
    unknownRate: 0.02,
  });
  const { at, document, texts } = open(pageOf(large));
  assert.equal(at('verdict').textContent, 'linearizable');
  assert.match(at('keys').text, /All keys 10,000 .*100 more/);
  at('filter').value = 'key 77"';
  at('filter').send('input');
  assert.equal(at('keys').children.length, 2);
  at('keys').children[1]?.send('click');
  assert.match(at('explanation').text, /"key 77" linearizable/);
  const chosen = (): string =>
    at('order-rows').children.find(({ className }) => className.includes('chosen'))?.text ?? '';
  const steps = ['n', 'n', 'n', 'p'].map((key) => {
    document.send('keydown', { key });
    return chosen().split(' ')[0];
  });
  assert.deepEqual(steps, ['1', '2', '3', '2']);
  at('keys').children[0]?.send('click');
  for (const key of ['+', '-', 'ArrowRight', 'ArrowLeft', 'f']) {
    const before = texts().join();
    document.send('keydown', { key });
    assert.notEqual(texts().join(), before, key);
  }
  for (const id of ['clock', 'all', 'in', 'out', 'even']) at(id).send('click');
  at('timeline').send('wheel', { deltaY: -200 });
  at('timeline').send('pointerdown');
  at('timeline').send('pointermove', { clientX: 300 });
  at('timeline').send('pointerup');
  at('overview').send('pointerdown', { offsetX: 700 });
  assert.ok(at('order-panel').hidden);
  assert.ok(texts().includes('client 0'));
});

test('an empty history and one without an order to show are pages, too', () => {
  const unknownRead = { ...get('a', [0, 1], null), outcome: 'unknown' } as const;
  const { result: _, ...lostRead } = unknownRead;
  for (const each of [history([]), history([lostRead])]) {
    assert.equal(open(pageOf(each)).at('verdict').textContent, 'linearizable');
  }
});

test('versions that contradict each other are told, with a way to their operations', () => {
  const set = (key: string, callMs: number, version: number) =>
    operation('a', [callMs, callMs + 1], { kind: 'set', key, value: 'v' }, { version });
  const { at, texts } = open(pageOf(history([set('x', 0, 4), set('y', 5, 3)])));
  assert.match(at('faults').text, /\(version 3\) was called after .* \(version 4\) had returned/);
  at('faults').children[0]?.children[1]?.send('click');
  assert.match(at('explanation').text, /"y"/);
  assert.ok(texts().includes('set "v" → version 3'));
});

test('hostile keys, values, clients and titles stay text', () => {
  const evil = `</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>"'&\u2028`;
  const title = `<b>&"${evil}`;
  const html = pageOf(history([{ ...put(evil, [0, 1], evil), key: evil }]), title);
  assert.equal(html.split('</script').length - 1, 2);
  assert.ok(!html.includes('<img') && !html.includes('<b>') && !html.includes('alert(1)</'));
  const [, json] = /id="data">(.*?)<\/script>/s.exec(html) ?? [];
  const data = JSON.parse(json as string) as ReportData;
  assert.equal(data.clients[0], evil);
  assert.equal(data.title, title);
  assert.ok(
    open(html)
      .texts()
      .some((text) => text.startsWith('</script><script>')),
  );
});

test('the page loads nothing from anywhere', () => {
  const html = pageOf(stale);
  assert.doesNotMatch(html, /https?:|\bsrc=|\bhref=|@import|url\(/);
  assert.match(html, /default-src 'none'/);
});

test('the script of the page holds every function of its modules', () => {
  const script = pageScript();
  const folder = join(import.meta.dirname, 'report');
  const files = readdirSync(folder).filter((name) => /^page-(?!style)[a-z]+\.js$/.test(name));
  assert.ok(files.length >= 6);
  for (const file of files) {
    const source = readFileSync(join(folder, file), 'utf8');
    for (const [line, name] of source.matchAll(/^(?:export )?(?:function|class) (\w+)/gm)) {
      assert.match(script, new RegExp(`^(?:function|class) ${name}\\b`, 'm'), `${file}: ${line}`);
    }
  }
});
