import type { Canvas2d, PageCanvas, PageDocument, PageEvent, PageWindow } from './dom.ts';
import {
  axisAtX,
  barAt,
  confine,
  contentHeight,
  extentOf,
  readableSpan,
  showBar,
  showRanks,
  zoom,
  type Camera,
} from './page-camera.ts';
import { drawOverview, drawTimeline, overviewAxisAt, rankAtX, type Scene } from './page-draw.ts';
import { layOut, timeAt, type Bar, type Layout } from './page-layout.ts';
import { fillExplanation, fillFaults, fillKeyList, fillOrderList } from './page-panels.ts';
import { revealInOrder, showTip, verdictWord } from './page-panels.ts';
import { themeOf } from './page-theme.ts';
import type { ReportData, ReportOperation } from './report-data.ts';

declare const document: PageDocument;
declare const window: PageWindow;

/** The state of the page, and how it changes. */
export class Page {
  readonly #data: ReportData;
  readonly #canvas = document.getElementById('timeline') as PageCanvas;
  readonly #overview = document.getElementById('overview') as PageCanvas;
  readonly #camera: Camera = { isEven: true, from: 0, to: 1, top: 0, width: 1, height: 1 };
  #key: number;
  #layout: Layout;
  #hovered: Bar | undefined;
  #chosen: Bar | undefined;
  #isDrawing = false;

  constructor(data: ReportData) {
    this.#data = data;
    this.#key = data.keys.length === 0 ? -1 : 0;
    this.#layout = layOut(data, this.#key);
  }

  /** Shows the first key, and from then on what the reader asks for. */
  start(): void {
    const verdict = document.getElementById('verdict');
    verdict.textContent = verdictWord(this.#data.verdict);
    verdict.className = `verdict ${this.#data.verdict}`;
    document.getElementById('summary').textContent = this.#data.summary;
    fillFaults(this.#data, (operation) => this.#showOperation(operation));
    this.#listen();
    this.#chooseKey(this.#key);
  }

  #chooseKey(key: number): void {
    this.#key = key;
    this.#layout = layOut(this.#data, key);
    this.#chosen = undefined;
    this.#hovered = undefined;
    fillExplanation(this.#data, key, (operation) => this.#showOperation(operation));
    this.#fillKeys();
    document.getElementById('order').scrollTop = 0;
    document.getElementById('go').hidden = this.#blocked() === undefined;
    document.getElementById('order-panel').hidden = key === -1;
    this.#resize();
    this.#camera.top = 0;
    showRanks(this.#camera, this.#layout, -1, readableSpan(this.#camera, this.#layout));
    const blocked = this.#blocked();
    if (blocked === undefined) this.#change();
    else this.#choose(blocked);
  }

  /** The bar that the order ends at. */
  #blocked(): Bar | undefined {
    const blocked = this.#data.keys[this.#key]?.blocked;
    if (blocked) return this.#layout.barOf.get(blocked.operation);
    return this.#layout.bars.find(({ status }) => status === 'blocked');
  }

  #showOperation(operation: number): void {
    const { key } = this.#data.operations[operation] as ReportOperation;
    if (key !== this.#key) this.#chooseKey(key);
    const bar = this.#layout.barOf.get(operation);
    if (bar !== undefined) this.#choose(bar);
  }

  /** Marks a bar and brings it into view. */
  #choose(bar: Bar): void {
    this.#chosen = bar;
    showBar(this.#camera, this.#layout, bar, bar.status === 'blocked' ? 120 : 12);
    this.#fillOrder();
    revealInOrder(this.#data, this.#layout, this.#key, bar);
    this.#change();
  }

  /** To the operation before or after the chosen one in the order. */
  #step(by: number): void {
    const { order } = this.#layout;
    const blocked = this.#blocked();
    const all = blocked === undefined || order.includes(blocked.index) ? order : [...order, blocked.index];
    const place = this.#chosen === undefined ? -1 : all.indexOf(this.#chosen.index);
    const bar = this.#layout.barOf.get(all[Math.min(Math.max(0, place + by), all.length - 1)] ?? -1);
    if (bar !== undefined) this.#choose(bar);
  }

  #fillKeys(): void {
    const filter = document.getElementById('filter').value;
    fillKeyList(this.#data, this.#key, filter, (key) => this.#chooseKey(key));
  }

  #fillOrder(): void {
    fillOrderList(this.#data, this.#layout, this.#key, this.#chosen, (bar) => this.#choose(bar));
  }

  #change(): void {
    confine(this.#camera, this.#layout);
    this.#fillOrder();
    this.#draw();
  }

  #draw(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    window.requestAnimationFrame(() => {
      this.#isDrawing = false;
      const scene: Scene = {
        data: this.#data,
        layout: this.#layout,
        camera: this.#camera,
        theme: themeOf(window.matchMedia('(prefers-color-scheme: dark)').matches),
        hovered: this.#hovered,
        chosen: this.#chosen,
      };
      drawTimeline(this.#context(this.#canvas), scene);
      const extent = extentOf(this.#camera, this.#layout);
      drawOverview(this.#context(this.#overview), scene, extent, this.#overview.clientHeight);
    });
  }

  /** The canvas' context, with its pixels those of the screen. */
  #context(canvas: PageCanvas): Canvas2d {
    const ratio = window.devicePixelRatio;
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return context;
  }

  #resize(): void {
    this.#camera.width = Math.max(200, this.#canvas.clientWidth);
    this.#camera.height = Math.max(80, this.#canvas.clientHeight);
  }

  #setAxis(isEven: boolean): void {
    const { timesMs } = this.#layout;
    const [from, to] = [this.#camera.from, this.#camera.to].map((axis) =>
      this.#camera.isEven ? axis : timesMs.findIndex((ms) => ms >= axis),
    ) as [number, number];
    this.#camera.isEven = isEven;
    const end = to < 0 ? timesMs.length : to;
    [this.#camera.from, this.#camera.to] = isEven
      ? [from, end]
      : [timeAt(timesMs, from), timeAt(timesMs, end)];
    document.getElementById('even').className = isEven ? 'on' : '';
    document.getElementById('clock').className = isEven ? '' : 'on';
    this.#change();
  }

  #zoom(factor: number, x: number): void {
    zoom(this.#camera, this.#layout, factor, axisAtX(this.#camera, x));
    this.#change();
  }

  #pan(x: number, y: number): void {
    const { from, to, width } = this.#camera;
    const by = (x / width) * (to - from);
    this.#camera.from += by;
    this.#camera.to += by;
    this.#camera.top += y;
    this.#change();
  }

  #showAll(): void {
    [this.#camera.from, this.#camera.to] = extentOf(this.#camera, this.#layout);
    this.#change();
  }

  #goToBlocked(): void {
    const blocked = this.#blocked();
    if (blocked !== undefined) this.#choose(blocked);
  }

  #listen(): void {
    const click = (id: string, action: () => void): void =>
      document.getElementById(id).addEventListener('click', action);
    click('go', () => this.#goToBlocked());
    click('all', () => this.#showAll());
    click('in', () => this.#zoom(0.5, this.#camera.width / 2));
    click('out', () => this.#zoom(2, this.#camera.width / 2));
    click('even', () => this.#setAxis(true));
    click('clock', () => this.#setAxis(false));
    document.getElementById('filter').addEventListener('input', () => this.#fillKeys());
    document.getElementById('order').addEventListener('scroll', () => this.#fillOrder());
    document.addEventListener('keydown', (event) => this.#onKey(event));
    window.addEventListener('resize', () => {
      this.#resize();
      this.#change();
    });
    window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
    this.#listenToTimeline();
    this.#listenToOverview();
  }

  #listenToTimeline(): void {
    let pressed: PageEvent | undefined;
    let hasMoved = false;
    const canvas = this.#canvas;
    canvas.addEventListener('wheel', (event) => this.#onWheel(event), { passive: false });
    canvas.addEventListener('pointerdown', (event) => {
      pressed = event;
      hasMoved = false;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (pressed === undefined) {
        this.#hover(event);
        return;
      }
      const [x, y] = [pressed.clientX - event.clientX, pressed.clientY - event.clientY];
      if (!hasMoved && Math.abs(x) + Math.abs(y) < 4) return;
      hasMoved = true;
      pressed = event;
      showTip(this.#data, undefined, 0, 0);
      this.#pan(x, y);
    });
    canvas.addEventListener('pointerup', (event) => {
      if (!hasMoved) {
        this.#chosen = barAt(this.#camera, this.#layout, event.offsetX, event.offsetY);
        if (this.#chosen !== undefined) revealInOrder(this.#data, this.#layout, this.#key, this.#chosen);
        this.#change();
      }
      pressed = undefined;
    });
    canvas.addEventListener('pointerleave', () => {
      this.#hovered = undefined;
      showTip(this.#data, undefined, 0, 0);
      this.#draw();
    });
  }

  #hover(event: PageEvent): void {
    const bar = barAt(this.#camera, this.#layout, event.offsetX, event.offsetY);
    showTip(this.#data, bar, event.clientX, event.clientY);
    if (bar === undefined) this.#hoverState(event);
    if (bar?.index === this.#hovered?.index) return;
    this.#hovered = bar;
    this.#canvas.style['cursor'] = bar === undefined ? 'grab' : 'pointer';
    this.#draw();
  }

  /** Says in full what the state is under the mouse. */
  #hoverState(event: PageEvent): void {
    const rank = rankAtX(this.#camera, this.#layout, event.offsetX);
    const span = this.#layout.states.findLast(({ from }) => from <= rank);
    this.#canvas.title = event.offsetY < 60 && span !== undefined ? span.text : '';
  }

  #listenToOverview(): void {
    const go = (event: PageEvent): void => {
      if (event.buttons === 0) return;
      const middle = overviewAxisAt(this.#camera, extentOf(this.#camera, this.#layout), event.offsetX);
      const half = (this.#camera.to - this.#camera.from) / 2;
      [this.#camera.from, this.#camera.to] = [middle - half, middle + half];
      this.#change();
    };
    this.#overview.addEventListener('pointerdown', (event) => {
      this.#overview.setPointerCapture(event.pointerId);
      go(event);
    });
    this.#overview.addEventListener('pointermove', go);
  }

  #onWheel(event: PageEvent): void {
    event.preventDefault();
    const isTall = contentHeight(this.#layout) > this.#camera.height;
    if (event.shiftKey) this.#pan(event.deltaX + event.deltaY, 0);
    else if (event.ctrlKey || event.metaKey) this.#zoom(2 ** (event.deltaY / 100), event.offsetX);
    else if (event.altKey && isTall) this.#pan(0, event.deltaY);
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.#pan(event.deltaX, 0);
    else this.#zoom(2 ** (event.deltaY / 300), event.offsetX);
  }

  #onKey(event: PageEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === document.getElementById('filter')) return;
    const far = this.#camera.width / 4;
    const actions: Record<string, () => void> = {
      ArrowLeft: () => this.#pan(-far, 0),
      ArrowRight: () => this.#pan(far, 0),
      ArrowUp: () => this.#pan(0, -60),
      ArrowDown: () => this.#pan(0, 60),
      '+': () => this.#zoom(0.5, this.#camera.width / 2),
      '-': () => this.#zoom(2, this.#camera.width / 2),
      f: () => this.#showAll(),
      e: () => this.#goToBlocked(),
      n: () => this.#step(1),
      p: () => this.#step(-1),
    };
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  }
}
