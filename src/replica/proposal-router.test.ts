import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawNode } from '../raft/raw-node.ts';
import type { Forward, PeerMessage, Transport } from '../net/transport.ts';
import { encodeProposals } from './envelope.ts';
import { ProposalRouter } from './proposal-router.ts';

/** A leader that takes everything, or nothing. */
function leader(): {
  router: ProposalRouter<string>;
  sent: PeerMessage[];
  state: { role: string; proposed: number; nowMs: number };
} {
  const sent: PeerMessage[] = [];
  const state = { role: 'leader', proposed: 0, nowMs: 0 };
  const node = {
    id: 1,
    get role() {
      return state.role;
    },
    propose: () => ++state.proposed,
  } as unknown as RawNode;
  const transport = {
    send: (_to: number, message: PeerMessage) => sent.push(message),
  } as unknown as Transport;
  const clock = { monotonicMs: () => state.nowMs } as never;
  const router = new ProposalRouter<string>({
    node,
    transport,
    clock,
    boot: 1,
    entryBytes: 1_000,
    logTimeMs: () => 0,
  });
  return { router, sent, state };
}

const forward = (proposal: number, boot = 7): Forward => ({
  type: 'Forward',
  proposal,
  data: encodeProposals([{ origin: 2, boot, id: 1, command: Uint8Array.of(1) }]),
});

test('a forward that arrives again after it was appended is not refused, though the leader is full by then', () => {
  const { router, sent, state } = leader();
  router.onForward(2, forward(1), true);
  router.onForward(2, forward(1), false);
  assert.equal(state.proposed, 1);
  assert.deepEqual(sent, []);
});

test('nor is it after the server lost its leadership: the entry may be committed all the same', () => {
  const { router, sent, state } = leader();
  router.onForward(2, forward(1), true);
  state.role = 'follower';
  router.onForward(2, forward(1), false);
  assert.deepEqual(sent, []);
});

test('a forward of the same number by a later start of its sender is another one', () => {
  const { router, sent, state } = leader();
  router.onForward(2, forward(1), true);
  router.onForward(2, forward(1, 8), true);
  assert.equal(state.proposed, 2);
  router.onForward(2, forward(2, 8), false);
  assert.deepEqual(sent, [{ type: 'ForwardRefused', proposal: 2, reason: 'overloaded' }]);
});

test('while proposals are under way, others gather for the next entry, for a millisecond at most', () => {
  const { router, state } = leader();
  const add = (): void => router.add(Uint8Array.of(1), 1_000, () => undefined);
  assert.equal(router.sendInMs(0), Infinity);
  add();
  assert.equal(router.sendInMs(0), 0);
  router.send(true);
  add();
  add();
  assert.equal(router.sendInMs(0), 1);
  router.applied(1, 1, 'done');
  assert.equal(router.sendInMs(0), 0, 'nothing is under way any more');
  router.send(true);
  assert.equal(state.proposed, 2, 'both in one entry');
  add();
  assert.equal(router.sendInMs(1), 0, 'the round under way has had its time');
});
