import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Life } from './types.ts';
import {
  applyViewCommand,
  isAcknowledged,
  mayFollow,
  NO_VIEW_STATE,
  type ViewCommand,
  type ViewState,
} from './view-state.ts';

const life = (server: number, boot = 1, folder = 'a'): Life => ({ server, boot, folder: folder.repeat(16) });
const run = (...commands: readonly ViewCommand[]): ViewState =>
  commands.reduce((state, command) => applyViewCommand(state, command), NO_VIEW_STATE);
const change = (after: number, primary: Life, backup: Life | null = null): ViewCommand => ({
  command: 'change',
  after,
  primary,
  backup,
});
const acknowledge = (number: number, primary: Life): ViewCommand => ({
  command: 'acknowledge',
  number,
  primary,
});
const inSync = (number: number, primary: Life): ViewCommand => ({ command: 'in-sync', number, primary });

/** Primary 1 and backup 2 in view 2, acknowledged. */
const pair = [
  change(0, life(1)),
  acknowledge(1, life(1)),
  change(1, life(1), life(2)),
  acknowledge(2, life(1)),
] as const;

test('the first view may have any primary', () => {
  assert.deepEqual(run(change(0, life(3))).view, { number: 1, primary: life(3), backup: null });
});

test('no view follows one that its primary has not acknowledged', () => {
  const state = run(change(0, life(1), life(2)));
  assert.equal(applyViewCommand(state, change(1, life(1), life(3))), state);
  assert.equal(applyViewCommand(state, change(1, life(2))), state);
  assert.ok(isAcknowledged(run(change(0, life(1)), acknowledge(1, life(1)))));
});

test('only the primary of the view acknowledges it, and only under its number', () => {
  const state = run(change(0, life(1), life(2)));
  for (const wrong of [acknowledge(1, life(2)), acknowledge(1, life(1, 2)), acknowledge(2, life(1))])
    assert.equal(applyViewCommand(state, wrong), state);
});

test('only a backup that is in sync is promoted', () => {
  const promote = change(2, life(2), life(3));
  assert.equal(run(...pair, promote).view.number, 2);
  assert.deepEqual(run(...pair, inSync(2, life(1)), promote).view, {
    number: 3,
    primary: life(2),
    backup: life(3),
  });
});

test('a report of another view or of another life puts nobody in sync', () => {
  const state = run(...pair);
  for (const wrong of [inSync(1, life(1)), inSync(2, life(1, 2)), inSync(2, life(2))])
    assert.equal(applyViewCommand(state, wrong), state);
});

test('whether a backup is in sync is a matter of its view', () => {
  const state = run(...pair, inSync(2, life(1)), change(2, life(1), life(3)));
  assert.equal(state.inSync, false);
});

test('an idle server never becomes primary', () => {
  assert.equal(mayFollow(run(...pair, inSync(2, life(1))), life(3)), false);
});

test('a restart of the primary, or of the backup that was in sync, may resume; of one that was not may not', () => {
  assert.equal(mayFollow(run(...pair), life(1, 2)), true);
  assert.equal(mayFollow(run(...pair), life(2, 2)), false);
  assert.equal(mayFollow(run(...pair, inSync(2, life(1))), life(2, 2)), true);
});

test('a server that comes with another folder is another one', () => {
  const state = run(...pair, inSync(2, life(1)));
  assert.equal(mayFollow(state, life(1, 2, 'b')), false);
  assert.equal(mayFollow(state, life(2, 2, 'b')), false);
});

test('of a view that was not acknowledged, only a restart of its primary may resume', () => {
  const state = run(...pair, inSync(2, life(1)), change(2, life(2), life(3)));
  assert.equal(mayFollow(state, life(2)), false);
  assert.equal(mayFollow(state, life(1, 2)), false);
  assert.equal(mayFollow(state, life(3)), false);
  assert.equal(mayFollow(state, life(2, 2)), true);
});

test('a command made from an older state changes nothing', () => {
  const state = run(...pair);
  assert.equal(applyViewCommand(state, change(1, life(1), life(3))), state);
});

test('a server is never its own backup', () => {
  const state = run(...pair);
  assert.equal(applyViewCommand(state, change(2, life(1), life(1, 2))), state);
});
