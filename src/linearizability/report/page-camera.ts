import { timeAt, type Bar, type Layout } from './page-layout.ts';

/** What part of a layout is in view, and where on the canvas it is. */
export interface Camera {
  /** Whether the axis counts events, each as wide as the others, or milliseconds. */
  isEven: boolean;
  /** The left and right end of the view, in ranks or in milliseconds. */
  from: number;
  to: number;
  /** How many pixels are scrolled away above. */
  top: number;
  /** The size of the canvas in CSS pixels. */
  width: number;
  height: number;
}

/** Sizes in CSS pixels. */
export interface Metrics {
  readonly gutter: number;
  readonly axis: number;
  readonly states: number;
  readonly row: number;
  readonly bar: number;
  readonly laneGap: number;
}

export function metrics(): Metrics {
  return { gutter: 120, axis: 26, states: 28, row: 25, bar: 20, laneGap: 4 };
}

/** The place of a rank on the axis, in ranks or in milliseconds. */
export function axisOf(camera: Camera, layout: Layout, rank: number): number {
  return camera.isEven ? rank : timeAt(layout.timesMs, rank);
}

/** Both ends of the axis, with a margin. */
export function extentOf(camera: Camera, layout: Layout): readonly [from: number, to: number] {
  const last = Math.max(1, layout.timesMs.length - 1);
  const from = axisOf(camera, layout, 0);
  const to = axisOf(camera, layout, last);
  const margin = Math.max((to - from) * 0.01, camera.isEven ? 1 : 1e-3);
  return [from - margin, to + margin];
}

export function xOf(camera: Camera, axis: number): number {
  const { gutter } = metrics();
  return gutter + ((axis - camera.from) / (camera.to - camera.from)) * (camera.width - gutter);
}

export function axisAtX(camera: Camera, x: number): number {
  const { gutter } = metrics();
  return camera.from + ((x - gutter) / (camera.width - gutter)) * (camera.to - camera.from);
}

/** The left edge of the rank on the canvas. */
export function xOfRank(camera: Camera, layout: Layout, rank: number): number {
  return xOf(camera, axisOf(camera, layout, rank));
}

/** The upper edge of a row on the canvas. */
export function yOfRow(camera: Camera, layout: Layout, row: number): number {
  const { axis, states, row: rowHeight, laneGap } = metrics();
  const lane = layout.lanes.findLastIndex(({ firstRow }) => firstRow <= row);
  return axis + states + laneGap + row * rowHeight + Math.max(0, lane) * laneGap - camera.top;
}

export function contentHeight(layout: Layout): number {
  const { axis, states, row, laneGap } = metrics();
  return axis + states + laneGap + layout.rows.length * row + layout.lanes.length * laneGap;
}

/** Keeps the view within the layout, and its span neither wider than everything nor narrower than an event or two. */
export function confine(camera: Camera, layout: Layout): void {
  const [first, last] = extentOf(camera, layout);
  const least = camera.isEven ? 4 : Math.max((last - first) / 1e6, 1e-6);
  const span = Math.min(Math.max(camera.to - camera.from, least), last - first);
  const middle = (camera.from + camera.to) / 2;
  camera.from = Math.min(Math.max(middle - span / 2, first), last - span);
  camera.to = camera.from + span;
  camera.top = Math.max(0, Math.min(camera.top, contentHeight(layout) - camera.height));
}

/** Makes the view wider or narrower by a factor; the place `at` on the axis stays where it is. */
export function zoom(camera: Camera, layout: Layout, factor: number, at: number): void {
  const [first, last] = extentOf(camera, layout);
  const least = camera.isEven ? 4 : Math.max((last - first) / 1e6, 1e-6);
  const span = Math.min(Math.max((camera.to - camera.from) * factor, least), last - first);
  const share = (at - camera.from) / (camera.to - camera.from);
  camera.from = at - share * span;
  camera.to = camera.from + span;
  confine(camera, layout);
}

/** How many events are in view when most labels can be read: a bar of middle width has room for one. */
export function readableSpan(camera: Camera, layout: Layout): number {
  const widths = layout.bars.map(({ from, to }) => to - from).sort((a, b) => a - b);
  const pixelsPerEvent = Math.min(80, Math.max(5, 120 / (widths[widths.length >>> 1] ?? 1)));
  return (camera.width - metrics().gutter) / pixelsPerEvent;
}

/** Shows `span` events from rank `from` on. */
export function showRanks(camera: Camera, layout: Layout, from: number, span: number): void {
  camera.from = camera.isEven ? from : timeAt(layout.timesMs, from);
  camera.to = camera.isEven ? from + span : Math.max(timeAt(layout.timesMs, from + span), camera.from + 1e-6);
  confine(camera, layout);
}

/** Brings a bar into the middle of the view, at least `widthMin` pixels wide, unless it can be seen like that already. */
export function showBar(camera: Camera, layout: Layout, bar: Bar, widthMin: number): void {
  const { gutter, axis, states, row } = metrics();
  const [left, right] = [xOfRank(camera, layout, bar.from), xOfRank(camera, layout, bar.to)];
  if (left < gutter || right > camera.width || right - left < widthMin) {
    const events = bar.to - bar.from;
    const widest = (events * (camera.width - gutter)) / widthMin;
    const span = Math.max(Math.min(readableSpan(camera, layout), widest), events * 1.5);
    showRanks(camera, layout, (bar.from + bar.to - span) / 2, span);
  }
  const top = yOfRow(camera, layout, bar.row);
  if (top < axis + states || top + row > camera.height) {
    camera.top += top - (axis + states + (camera.height - axis - states) / 2 - row / 2);
  }
  confine(camera, layout);
}

/** The bar under a point of the canvas. */
export function barAt(camera: Camera, layout: Layout, x: number, y: number): Bar | undefined {
  const { gutter, axis, states, bar: barHeight } = metrics();
  if (x < gutter || y < axis + states) return undefined;
  for (const [row, bars] of layout.rows.entries()) {
    const top = yOfRow(camera, layout, row);
    if (y < top || y > top + barHeight) continue;
    let nearest: Bar | undefined;
    for (const bar of visibleBars(camera, layout, bars)) {
      const [left, right] = [xOfRank(camera, layout, bar.from), xOfRank(camera, layout, bar.to)];
      if (x >= left - 2 && x <= Math.max(right, left + 2) + 2) nearest = bar;
    }
    return nearest;
  }
  return undefined;
}

/** The bars of a row that are in view. */
export function visibleBars(camera: Camera, layout: Layout, bars: readonly Bar[]): readonly Bar[] {
  let [low, high] = [0, bars.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (axisOf(camera, layout, (bars[middle] as Bar).to) < camera.from) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < bars.length && axisOf(camera, layout, (bars[end] as Bar).from) <= camera.to) end++;
  return bars.slice(low, end);
}
