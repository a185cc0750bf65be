import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timings } from './timings.ts';
import { VitalSigns, type UnderWay } from './vital-signs.ts';

const busy: UnderWay = { urgent: 1, count: 1, bytes: 100 };
const idle: UnderWay = { urgent: 0, count: 0, bytes: 0 };

test('a server that fails each request soon, for want of a leader, is found out all the same', () => {
  const signs = new VitalSigns(false);
  for (let attempt = 0; attempt < timings.leaderlessTicksMax; attempt++) {
    signs.tick(busy);
    for (let i = 0; i < 20; i++) signs.tick(idle);
  }
  assert.ok(signs.leaderlessTicks > timings.leaderlessTicksMax);
});

test('while nothing is asked of it, its want of a leader grows no older', () => {
  const signs = new VitalSigns(false);
  for (let i = 0; i < 100; i++) signs.tick(idle);
  assert.equal(signs.leaderlessTicks, 1);
});

test('a leader that it knows again makes good for that', () => {
  const signs = new VitalSigns(false);
  for (let i = 0; i < 3; i++) signs.tick(busy);
  signs.answered(true);
  signs.tick(busy);
  assert.equal(signs.leaderlessTicks, 0);
});

test('a server from which nothing comes after it was asked is dead', () => {
  const signs = new VitalSigns(true);
  const diagnoses = Array.from({ length: 60 }, () => signs.tick({ ...busy, bytes: 0 }));
  const asked = diagnoses.indexOf('ask');
  assert.equal(asked, timings.pingTicks - 1);
  assert.equal(diagnoses.indexOf('dead'), asked + timings.silentTicksMax + 1);
});
