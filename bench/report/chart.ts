import { linearScale, logScale, type Scale } from './scale.ts';

export interface Series {
  readonly name: string;
  readonly color: string;
  /** A second series of the same color. */
  readonly dashed?: boolean;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Logarithms suit latencies and numbers of connections; figures that are not above zero are left out. */
  readonly xLog?: boolean;
  readonly yLog?: boolean;
  /** Where to draw a line across, and what it is. */
  readonly mark?: { readonly x: number; readonly text: string };
  readonly series: readonly Series[];
}

const WIDTH = 560;
const HEIGHT = 320;
const box = { left: 64, right: WIDTH - 12, top: 34, bottom: HEIGHT - 62 };

export const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** A chart of lines as SVG that needs nothing else. Empty when there is nothing to draw. */
export function drawChart(chart: Chart): string {
  const series = chart.series.map((one) => ({
    ...one,
    points: one.points.filter(({ x, y }) => (!chart.xLog || x > 0) && (!chart.yLog || y > 0)),
  }));
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) return '';
  const scaleOf = (figures: readonly number[], log: boolean, from: number, to: number): Scale => {
    const max = figures.reduce((a, b) => Math.max(a, b));
    return log
      ? logScale(
          figures.reduce((a, b) => Math.min(a, b)),
          max,
          from,
          to,
        )
      : linearScale(max, from, to);
  };
  const x = scaleOf(
    all.map((point) => point.x),
    chart.xLog ?? false,
    box.left,
    box.right,
  );
  const y = scaleOf(
    all.map((point) => point.y),
    chart.yLog ?? false,
    box.bottom,
    box.top,
  );
  const parts = [
    text(WIDTH / 2, 18, chart.title, 'middle', 'title'),
    ...x.ticks.map((tick) => xTick(x.at(tick), tick)),
    ...y.ticks.map((tick) => yTick(y.at(tick), tick)),
    text((box.left + box.right) / 2, box.bottom + 32, chart.xLabel, 'middle'),
    `<g transform="rotate(-90 14 ${HEIGHT / 2})">${text(14, HEIGHT / 2, chart.yLabel, 'middle')}</g>`,
    ...(chart.mark === undefined ? [] : [mark(x.at(chart.mark.x), chart.mark.text)]),
    ...series.map((one) => line(one, x, y)),
    ...series.map((one, i) => legend(one, box.left + i * 118)),
  ];
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeText(chart.title)}">${parts.join('')}</svg>`;
}

const px = (figure: number): string => figure.toFixed(1);

function text(x: number, y: number, content: string, anchor: string, kind = ''): string {
  return `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}" class="${kind}">${escapeText(content)}</text>`;
}

/** 12000 as 12k. */
function tickText(figure: number): string {
  if (figure >= 1e6) return `${Number((figure / 1e6).toPrecision(3))}M`;
  if (figure >= 1e3) return `${Number((figure / 1e3).toPrecision(3))}k`;
  return String(Number(figure.toPrecision(3)));
}

const xTick = (at: number, figure: number): string =>
  `<path class="grid" d="M${px(at)} ${box.top}V${box.bottom}"/>${text(at, box.bottom + 16, tickText(figure), 'middle')}`;

const yTick = (at: number, figure: number): string =>
  `<path class="grid" d="M${box.left} ${px(at)}H${box.right}"/>${text(box.left - 6, at + 4, tickText(figure), 'end')}`;

const mark = (at: number, content: string): string =>
  `<path class="mark" d="M${px(at)} ${box.top}V${box.bottom}"/>${text(at + 4, box.top + 12, content, 'start')}`;

const strokeOf = ({ color, dashed }: Series): string =>
  `stroke="${color}"${dashed === true ? ' stroke-dasharray="5 4"' : ''}`;

function line(series: Series, x: Scale, y: Scale): string {
  const { points, color } = series;
  const places = points.map((point) => ({ x: px(x.at(point.x)), y: px(y.at(point.y)) }));
  const path = places.map((place, i) => `${i === 0 ? 'M' : 'L'}${place.x} ${place.y}`).join('');
  const dots =
    places.length > 40
      ? []
      : places.map((place) => `<circle cx="${place.x}" cy="${place.y}" r="2.5" fill="${color}"/>`);
  return `<path class="line" d="${path}" ${strokeOf(series)}/>${dots.join('')}`;
}

const legend = (series: Series, x: number): string =>
  `<path class="line" d="M${x} ${HEIGHT - 10}h18" ${strokeOf(series)}/>${text(x + 23, HEIGHT - 6, series.name, 'start')}`;
