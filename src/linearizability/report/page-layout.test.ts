import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from '../checker.ts';
import { generateHistory } from '../generator.test-support.ts';
import { get, history, put } from '../handmade.test-support.ts';
import type { History, Operation } from '../history.ts';
import {
  barAt,
  extentOf,
  metrics,
  showBar,
  visibleBars,
  xOfRank,
  yOfRow,
  zoom,
  type Camera,
} from './page-camera.ts';
import { countBefore, layOut, timeAt, type Bar, type Layout } from './page-layout.ts';
import { reportData, type ReportData } from './report-data.ts';

const dataOf = (of: History): ReportData => reportData('test', of, checkHistory(of));
const made = dataOf(
  generateHistory({ seed: 9, model: 'register', clients: 6, keys: 2, operations: 400, unknownRate: 0.05 }),
);

function cameraOn(layout: Layout, isEven = true): Camera {
  const camera: Camera = { isEven, from: 0, to: 1, top: 0, width: 1_000, height: 400 };
  [camera.from, camera.to] = extentOf(camera, layout);
  return camera;
}

test('every operation has one bar, and bars of one row do not overlap', () => {
  for (const key of [-1, 0, 1]) {
    const layout = layOut(made, key);
    assert.equal(layout.bars.length, key === -1 ? 400 : made.keys[key]?.operations.length);
    for (const row of layout.rows) {
      for (const [i, bar] of row.entries()) assert.ok(i === 0 || (row[i - 1] as Bar).to < bar.from);
    }
    assert.equal(layout.rows.flat().length, layout.bars.length);
  }
});

test('the points of an order rise, and each lies between call and return', () => {
  const layout = layOut(made, 0);
  assert.ok(layout.order.length > 100);
  for (const [place, index] of layout.order.entries()) {
    const bar = layout.barOf.get(index) as Bar;
    assert.equal(bar.place, place + 1);
    assert.ok(place === 0 || (layout.orderPoints[place - 1] as number) < (bar.point as number));
    assert.ok(bar.from < (bar.point as number));
    if (made.operations[index]?.outcome === 'ok') assert.ok((bar.point as number) < bar.to);
  }
});

test('bars say what became of their operations', () => {
  const failed: Operation = {
    client: 'a',
    kind: 'put',
    key: 'x',
    value: '0',
    callMs: 0,
    returnMs: 1,
    outcome: 'fail',
  };
  const data = dataOf(
    history([
      put('a', [0, 1], '1'),
      put('b', [2], '2'),
      get('c', [3, 4], null),
      get('d', [5, 6], '1'),
      failed,
    ]),
  );
  const statuses = layOut(data, 0)
    .bars.toSorted((a, b) => a.index - b.index)
    .map(({ status }) => status);
  assert.deepEqual(statuses, ['placed', 'left-out', 'blocked', 'later', 'failed']);
});

test('the state changes where an operation changed it, and nowhere else', () => {
  const data = dataOf(
    history([put('a', [0, 1], '1'), get('a', [2, 3], '1'), put('a', [4, 5], '2'), get('a', [6, 7], '2')]),
  );
  assert.deepEqual(
    layOut(data, 0).states.map(({ from, text }) => [Math.floor(from), text]),
    [
      [0, '"1"'],
      [4, '"2"'],
    ],
  );
});

test('a bar that is shown can be hit by the mouse, by event and by time', () => {
  for (const isEven of [true, false]) {
    const layout = layOut(made, 0);
    const camera = cameraOn(layout, isEven);
    for (const bar of layout.bars.filter((_, i) => i % 25 === 0)) {
      showBar(camera, layout, bar, 12);
      const x = (xOfRank(camera, layout, bar.from) + xOfRank(camera, layout, bar.to)) / 2;
      const y = yOfRow(camera, layout, bar.row) + metrics().bar / 2;
      assert.equal(barAt(camera, layout, x, y)?.index, bar.index);
    }
    assert.equal(barAt(camera, layout, 5, 200), undefined);
  }
});

test('zooming keeps the place under the mouse, and stops at everything', () => {
  const layout = layOut(made, 0);
  const camera = cameraOn(layout);
  const [first, last] = extentOf(camera, layout);
  const middle = (first + last) / 2;
  zoom(camera, layout, 0.25, middle);
  assert.ok(Math.abs((camera.from + camera.to) / 2 - middle) < 1e-9);
  assert.ok(Math.abs(camera.to - camera.from - (last - first) / 4) < 1e-9);
  zoom(camera, layout, 1e9, middle);
  assert.ok(Math.abs(camera.from - first) < 1e-9 && Math.abs(camera.to - last) < 1e-9);
  zoom(camera, layout, 1e-9, middle);
  assert.ok(camera.to - camera.from >= 4 - 1e-9);
});

test('only the bars in view are drawn', () => {
  const layout = layOut(made, 0);
  const camera = cameraOn(layout);
  camera.from = 100;
  camera.to = 120;
  for (const row of layout.rows) {
    const expected = row.filter(({ from, to }) => to >= 100 && from <= 120);
    assert.deepEqual(visibleBars(camera, layout, row), expected);
  }
});

test('between two events time passes evenly', () => {
  assert.deepEqual(
    [-1, 0, 0.5, 1, 1.25, 9].map((rank) => timeAt([10, 20, 40], rank)),
    [10, 10, 15, 20, 25, 40],
  );
  assert.equal(
    countBefore([1, 2, 2, 3], (each) => each < 2),
    1,
  );
});
