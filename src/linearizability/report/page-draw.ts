import type { Canvas2d } from './dom.ts';
import { axisAtX, axisOf, metrics, visibleBars, xOf, xOfRank, yOfRow, type Camera } from './page-camera.ts';
import { countBefore, formatTime, timeAt, type Bar, type Layout } from './page-layout.ts';
import { paintOf, type Theme } from './page-theme.ts';
import type { ReportData, ReportOperation } from './report-data.ts';

export interface Scene {
  readonly data: ReportData;
  readonly layout: Layout;
  readonly camera: Camera;
  readonly theme: Theme;
  /** The operation under the mouse, and the one that was chosen. */
  readonly hovered: Bar | undefined;
  readonly chosen: Bar | undefined;
}

/** Draws the part of the layout that is in view. */
export function drawTimeline(ctx: Canvas2d, scene: Scene): void {
  const { camera, theme, layout } = scene;
  const { gutter, axis, states } = metrics();
  ctx.clearRect(0, 0, camera.width, camera.height);
  ctx.fillStyle = theme.paper;
  ctx.fillRect(0, 0, camera.width, camera.height);
  ctx.textBaseline = 'middle';
  drawBands(ctx, scene);
  ctx.save();
  ctx.beginPath();
  ctx.rect(gutter, axis + states, camera.width - gutter, camera.height - axis - states);
  ctx.clip();
  drawGrid(ctx, scene);
  const path = pathOf(scene);
  drawPath(ctx, scene, path);
  for (const row of layout.rows.keys()) drawRow(ctx, scene, row);
  drawPoints(ctx, scene, path);
  ctx.restore();
  drawGutter(ctx, scene);
  drawStates(ctx, scene);
  drawAxis(ctx, scene);
}

export function drawBands(ctx: Canvas2d, { layout, camera, theme }: Scene): void {
  const { row, laneGap } = metrics();
  for (const [i, lane] of layout.lanes.entries()) {
    if (i % 2 === 1) continue;
    ctx.fillStyle = theme.band;
    ctx.fillRect(
      0,
      yOfRow(camera, layout, lane.firstRow) - laneGap / 2 - 1,
      camera.width,
      lane.rows * row + laneGap,
    );
  }
}

/** Places on the axis for its labels, some 120 pixels apart. */
export function ticksOf(camera: Camera): number[] {
  const { gutter } = metrics();
  const count = Math.max(1, (camera.width - gutter) / 120);
  const raw = (camera.to - camera.from) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(
    ([1, 2, 5, 10].find((each) => each * power >= raw) ?? 10) * power,
    camera.isEven ? 1 : 0,
  );
  const ticks: number[] = [];
  for (let tick = Math.ceil(camera.from / step) * step; tick <= camera.to; tick += step) ticks.push(tick);
  return ticks;
}

export function drawGrid(ctx: Canvas2d, { camera, theme }: Scene): void {
  ctx.strokeStyle = theme.line;
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (const tick of ticksOf(camera)) {
    const x = Math.round(xOf(camera, tick)) + 0.5;
    ctx.moveTo(x, 0);
    ctx.lineTo(x, camera.height);
  }
  ctx.stroke();
}

export function drawAxis(ctx: Canvas2d, { camera, layout, theme }: Scene): void {
  const { gutter, axis } = metrics();
  ctx.fillStyle = theme.paper;
  ctx.fillRect(0, 0, camera.width, axis);
  ctx.strokeStyle = theme.line;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(0, axis + 0.5);
  ctx.lineTo(camera.width, axis + 0.5);
  ctx.stroke();
  ctx.font = '12px system-ui, sans-serif';
  ctx.fillStyle = theme.dim;
  ctx.textAlign = 'center';
  const timeOf = (tick: number): number => (camera.isEven ? timeAt(layout.timesMs, tick) : tick);
  const spanMs = timeOf(camera.to) - timeOf(camera.from);
  for (const tick of ticksOf(camera)) {
    const x = xOf(camera, tick);
    if (x < gutter + 30 || x > camera.width - 30) continue;
    if (camera.isEven && (tick < 0 || tick > layout.timesMs.length - 1)) continue;
    ctx.fillText(formatTime(timeOf(tick), spanMs), x, axis / 2);
  }
  ctx.textAlign = 'left';
  ctx.fillText(camera.isEven ? 'time, by event' : 'time', 12, axis / 2);
}

export function drawGutter(ctx: Canvas2d, { camera, layout, theme, data }: Scene): void {
  const { gutter, row, bar, laneGap } = metrics();
  for (const [i, { client, firstRow, rows }] of layout.lanes.entries()) {
    const top = yOfRow(camera, layout, firstRow);
    ctx.fillStyle = i % 2 === 0 ? theme.band : theme.paper;
    ctx.fillRect(0, top - laneGap / 2 - 1, gutter, rows * row + laneGap);
    ctx.fillStyle = theme.text;
    ctx.font = '13px system-ui, sans-serif';
    ctx.textAlign = 'left';
    fillTextWithin(ctx, data.clients[client] ?? '', 12, top + bar / 2, gutter - 20);
  }
  ctx.strokeStyle = theme.line;
  ctx.beginPath();
  ctx.moveTo(gutter - 0.5, 0);
  ctx.lineTo(gutter - 0.5, camera.height);
  ctx.stroke();
}

export function drawStates(ctx: Canvas2d, { camera, layout, theme }: Scene): void {
  const { gutter, axis, states } = metrics();
  ctx.fillStyle = theme.paper;
  ctx.fillRect(0, axis + 1, camera.width, states);
  ctx.font = '13px system-ui, sans-serif';
  ctx.textAlign = 'left';
  ctx.fillStyle = theme.text;
  ctx.fillText('state', 12, axis + states / 2);
  ctx.save();
  ctx.beginPath();
  ctx.rect(gutter, axis, camera.width - gutter, states + 1);
  ctx.clip();
  const spans = layout.states;
  const first = Math.max(0, countBefore(spans, ({ from }) => axisOf(camera, layout, from) < camera.from) - 1);
  const end = layout.order.length === 0 ? 0 : endOfStates(layout);
  for (let i = first; i < spans.length; i++) {
    const span = spans[i] as { from: number; text: string };
    const left = xOfRank(camera, layout, span.from);
    if (left > camera.width) break;
    const right = xOfRank(camera, layout, spans[i + 1]?.from ?? end);
    ctx.fillStyle = i % 2 === 0 ? theme.stateA : theme.stateB;
    ctx.fillRect(left, axis + 5, Math.max(1, right - left - 1), states - 9);
    ctx.fillStyle = theme.text;
    const visibleLeft = Math.max(left, gutter);
    const room = Math.min(right, camera.width) - visibleLeft - 10;
    if (room > 14) fillTextWithin(ctx, span.text, visibleLeft + 5, axis + states / 2 + 1, room);
  }
  ctx.restore();
  ctx.strokeStyle = theme.line;
  ctx.beginPath();
  ctx.moveTo(0, axis + states + 0.5);
  ctx.lineTo(camera.width, axis + states + 0.5);
  ctx.stroke();
}

/** The last state is drawn for a while. */
export function endOfStates({ order, barOf }: Layout): number {
  const last = order.at(-1);
  return (last === undefined ? 0 : (barOf.get(last)?.point ?? 0)) + 3;
}

export function drawRow(ctx: Canvas2d, scene: Scene, row: number): void {
  const { camera, layout, data } = scene;
  const { bar: height } = metrics();
  const top = yOfRow(camera, layout, row);
  if (top > camera.height || top + height < 0) return;
  let drawnTo = -1;
  for (const bar of visibleBars(camera, layout, layout.rows[row] ?? [])) {
    const left = xOfRank(camera, layout, bar.from);
    const widthMin = bar.status === 'blocked' ? 5 : 2;
    const right = Math.max(xOfRank(camera, layout, bar.to), left + widthMin);
    // Where many bars share a pixel, one of them is enough, unless it is the one that matters.
    if (right <= drawnTo + 0.5 && bar.status !== 'blocked') continue;
    drawnTo = right;
    drawBar(ctx, scene, bar, data.operations[bar.index] as ReportOperation, left, right, top);
  }
}

export function drawBar(
  ctx: Canvas2d,
  { camera, theme, hovered, chosen }: Scene,
  bar: Bar,
  operation: ReportOperation,
  left: number,
  right: number,
  top: number,
): void {
  const { bar: height, gutter } = metrics();
  const paint = paintOf(bar, operation.isWrite, theme);
  const width = right - left;
  ctx.fillStyle = paint.fill;
  if (width < 6) {
    ctx.fillStyle = paint.isDashed ? paint.edge : paint.fill;
    ctx.fillRect(left, top, width, height);
  } else {
    ctx.beginPath();
    ctx.roundRect(left + 0.5, top + 0.5, width - 1, height - 1, 4);
    ctx.fill();
    ctx.strokeStyle = paint.edge;
    ctx.lineWidth = 1;
    ctx.setLineDash(paint.isDashed || operation.outcome === 'unknown' ? [3, 3] : []);
    ctx.stroke();
    ctx.setLineDash([]);
  }
  if (bar.index === hovered?.index || bar.index === chosen?.index) {
    ctx.strokeStyle = bar.index === chosen?.index ? theme.focus : theme.text;
    ctx.lineWidth = 2;
    ctx.beginPath();
    ctx.roundRect(left - 1, top - 1, width + 2, height + 2, 5);
    ctx.stroke();
  }
  const visibleLeft = Math.max(left, gutter);
  const room = Math.min(right, camera.width) - visibleLeft - 12;
  if (room < 18) return;
  ctx.fillStyle = paint.text;
  ctx.font = '12px system-ui, sans-serif';
  ctx.textAlign = 'left';
  fillTextWithin(ctx, labelOf(operation), visibleLeft + 6, top + height / 2 + 0.5, room);
}

/** A write says what it wrote, a read what it read. */
export function labelOf({ asked, answered }: ReportOperation): string {
  return answered === 'ok' ? asked : `${asked} → ${answered}`;
}

/** The bars of the order that are in view, and one more on each side; none if they are too many to tell apart. */
export function pathOf({ camera, layout }: Scene): Bar[] {
  const points = layout.orderPoints;
  const first = Math.max(0, countBefore(points, (point) => axisOf(camera, layout, point) < camera.from) - 1);
  const end = countBefore(points, (point) => axisOf(camera, layout, point) <= camera.to) + 1;
  const inView = layout.order.slice(first, end).map((index) => layout.barOf.get(index) as Bar);
  return inView.length * 5 > camera.width ? [] : inView;
}

/** Joins the points of operations that follow each other in the order; drawn behind the bars. */
export function drawPath(ctx: Canvas2d, { camera, layout, theme }: Scene, path: readonly Bar[]): void {
  const { bar: height } = metrics();
  ctx.strokeStyle = theme.path;
  ctx.lineWidth = 1.25;
  ctx.globalAlpha = path.length * 12 < camera.width ? 0.8 : 0.4;
  ctx.beginPath();
  for (const [i, bar] of path.entries()) {
    const x = xOfRank(camera, layout, bar.point ?? 0);
    const y = yOfRow(camera, layout, bar.row) + height;
    if (i === 0) ctx.moveTo(x, y);
    else ctx.lineTo(x, y);
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
}

/** Marks where each operation takes effect, at the lower edge of its bar, so that the label stays free. */
export function drawPoints(ctx: Canvas2d, { camera, layout, theme }: Scene, path: readonly Bar[]): void {
  const { bar: height } = metrics();
  const radius = path.length * 12 < camera.width ? 3.5 : 2;
  ctx.lineWidth = 1.25;
  for (const bar of path) {
    const x = xOfRank(camera, layout, bar.point ?? 0);
    const y = yOfRow(camera, layout, bar.row) + height;
    ctx.strokeStyle = theme.path;
    drawReach(ctx, camera, layout, bar, x, y - height / 2);
    ctx.fillStyle = theme.path;
    ctx.strokeStyle = theme.paper;
    ctx.beginPath();
    ctx.arc(x, y, radius, 0, 2 * Math.PI);
    ctx.fill();
    ctx.stroke();
  }
}

/** An operation without an answer may take effect long after its bar ends. */
export function drawReach(
  ctx: Canvas2d,
  camera: Camera,
  layout: Layout,
  bar: Bar,
  x: number,
  y: number,
): void {
  const right = xOfRank(camera, layout, bar.to);
  if (right >= x) return;
  ctx.setLineDash([2, 4]);
  ctx.beginPath();
  ctx.moveTo(right, y);
  ctx.lineTo(x, y);
  ctx.lineTo(x, y + metrics().bar / 2);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** Writes a text, cut to what fits: measuring every label would take longer than drawing it, so it is clipped. */
export function fillTextWithin(ctx: Canvas2d, text: string, x: number, y: number, width: number): void {
  const lettersMax = Math.floor(width / 4) + 1;
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y - 12, width, 24);
  ctx.clip();
  ctx.fillText(text.slice(0, lettersMax), x, y);
  ctx.restore();
}

/** Draws all of the layout as a strip: how much happened when, what is in view, and where it went wrong. */
export function drawOverview(
  ctx: Canvas2d,
  { camera, layout, theme }: Scene,
  extent: readonly [number, number],
  height: number,
): void {
  const { gutter } = metrics();
  const width = camera.width - gutter;
  const [first, last] = extent;
  const xAt = (axis: number): number => gutter + ((axis - first) / (last - first)) * width;
  ctx.clearRect(0, 0, camera.width, height);
  const columns = Math.max(1, Math.floor(width / 3));
  const placed = new Array<number>(columns).fill(0);
  const others = new Array<number>(columns).fill(0);
  for (const bar of layout.bars) {
    const share = (axisOf(camera, layout, bar.from) - first) / (last - first);
    const column = Math.min(columns - 1, Math.max(0, Math.floor(share * columns)));
    const counts = bar.status === 'placed' ? placed : others;
    counts[column] = (counts[column] ?? 0) + 1;
  }
  const most = Math.max(1, ...placed.map((count, i) => count + (others[i] ?? 0)));
  for (let i = 0; i < columns; i++) {
    const left = gutter + (i / columns) * width;
    const low = ((placed[i] ?? 0) / most) * (height - 6);
    const high = ((others[i] ?? 0) / most) * (height - 6);
    ctx.fillStyle = theme.edge;
    ctx.fillRect(left, height - low, 2, low);
    ctx.fillStyle = theme.dim;
    ctx.fillRect(left, height - low - high, 2, high);
  }
  ctx.fillStyle = theme.focus;
  ctx.globalAlpha = 0.16;
  const [left, right] = [xAt(camera.from), xAt(camera.to)];
  ctx.fillRect(left, 0, Math.max(4, right - left), height);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = theme.focus;
  ctx.lineWidth = 1;
  ctx.strokeRect(left + 0.5, 0.5, Math.max(4, right - left) - 1, height - 1);
  for (const bar of layout.bars) {
    if (bar.status !== 'blocked') continue;
    ctx.fillStyle = theme.blocked;
    ctx.fillRect(xAt(axisOf(camera, layout, (bar.from + bar.to) / 2)) - 1.5, 0, 3, height);
  }
}

/** Where a strip's pixel is on the axis. */
export function overviewAxisAt(camera: Camera, extent: readonly [number, number], x: number): number {
  const { gutter } = metrics();
  const share = (x - gutter) / (camera.width - gutter);
  return extent[0] + share * (extent[1] - extent[0]);
}

/** The rank under a pixel of the timeline. */
export function rankAtX(camera: Camera, layout: Layout, x: number): number {
  const axis = axisAtX(camera, x);
  return camera.isEven ? axis : countBefore(layout.timesMs, (ms) => ms < axis);
}
