import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfHistory } from './conf-history.ts';
import { conf } from './test-messages.ts';

const [first, second, third] = [conf([1]), conf([1, 2]), conf([1, 2, 3])];

function history(): ConfHistory {
  const confs = new ConfHistory(5, first);
  confs.append(8, second);
  confs.append(12, third);
  return confs;
}

test('§6 the last configuration is active, and each was in force from its entry on', () => {
  const confs = history();
  assert.equal(confs.active, third);
  assert.equal(confs.activeIndex, 12);
  assert.deepEqual(
    [5, 7, 8, 11, 12, 99].map((index) => confs.at(index)),
    [first, first, second, second, third, third],
  );
  assert.throws(() => confs.at(4), /at 4 is known/);
});

test('§6 a truncated log goes back to the configuration before', () => {
  const confs = history();
  assert.equal(confs.truncateFrom(13), false);
  assert.equal(confs.active, third);
  assert.equal(confs.truncateFrom(12), true);
  assert.equal(confs.active, second);
  assert.equal(confs.truncateFrom(6), true);
  assert.equal(confs.active, first);
  assert.equal(confs.truncateFrom(1), false, 'the base stays');
  confs.append(6, third);
  assert.equal(confs.active, third);
});

test('a compacted history still knows what is in force from there on', () => {
  const confs = history();
  confs.compact(11);
  assert.equal(confs.at(11), second);
  assert.equal(confs.at(12), third);
  confs.compact(20);
  assert.equal(confs.at(20), third);
  assert.equal(confs.active, third);
});

test('§7 a snapshot takes the place of all that was known', () => {
  const confs = history();
  confs.reset(40, second);
  assert.equal(confs.active, second);
  assert.equal(confs.activeIndex, 40);
  assert.throws(() => confs.append(40, first), /order of the log/);
});
