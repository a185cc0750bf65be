import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberId, type ConfState } from '../raft/types.ts';
import { decodeConf, encodeConf, refusalOf } from './membership.ts';

const conf: ConfState = {
  voters: [0, 1, memberId(2, 1)],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
};
const self = { clusterId: 'c1', member: 0, incarnation: 'i0' };
const peer = { clusterId: 'c1', member: 1, incarnation: 'i1' };
const refusal = (change: Partial<typeof peer>, incarnation?: string): string | null =>
  refusalOf({ ...peer, ...change }, self, { incarnation, conf });

test('a member with the data folder that it was first seen with is talked with', () => {
  assert.equal(refusal({}, 'i1'), null);
});

test('a member that nobody met yet is talked with, also while it knows no cluster', () => {
  assert.equal(refusal({}), null);
  assert.equal(refusal({ clusterId: '' }), null);
});

test('a server of another cluster is refused', () => {
  assert.match(refusal({ clusterId: 'c2' }) ?? '', /cluster c2.*check/);
});

test('a known member with an emptied data folder is refused', () => {
  assert.match(refusal({ clusterId: '', incarnation: 'new' }, 'i1') ?? '', /data folder/);
});

test('an earlier life of a server that was rebuilt since is refused', () => {
  assert.match(refusal({ member: memberId(2, 0) }) ?? '', /data folder/);
});

test('a second server under the own id is refused', () => {
  assert.match(refusal({ member: 0, incarnation: 'other' }) ?? '', /unique/);
});

test('a configuration survives its encoding, and garbage is not one', () => {
  assert.deepEqual(decodeConf(encodeConf(conf)), conf);
  for (const bytes of [
    '',
    '{}',
    '[]',
    '{"voters":[-1],"votersOutgoing":[],"learners":[],"learnersNext":[]}',
  ]) {
    assert.throws(() => decodeConf(Buffer.from(bytes)), /cannot be read/);
  }
});
