import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrng } from '../base/prng.ts';
import type { Life, Ping, View } from './types.ts';
import { ViewService } from './view-service.ts';
import { applyViewCommand, NO_VIEW_STATE, type ViewState } from './view-state.ts';

const DEAD_PINGS = 5;
const FOLDER = 'f'.repeat(16);

const newService = (): ViewService => new ViewService({ deadPings: DEAD_PINGS, prng: createPrng(1) });

/** A view service and servers that ping it: those of `up`, once an interval, with what they know. */
class Scene {
  state: ViewState = NO_VIEW_STATE;
  service = newService();
  readonly boots = new Map<number, number>();
  readonly up = new Set<number>();
  /** What the pings of a server say otherwise. */
  readonly says = new Map<number, Partial<Ping>>();

  constructor(...servers: readonly number[]) {
    for (const server of servers) this.start(server);
  }

  start(server: number): void {
    this.up.add(server);
    this.boots.set(server, (this.boots.get(server) ?? 0) + 1);
  }

  stop(server: number): void {
    this.up.delete(server);
  }

  life(server: number): Life {
    return { server, folder: FOLDER, boot: this.boots.get(server) ?? 1 };
  }

  ping(server: number, more: Partial<Ping> = {}): void {
    const { view } = this.state;
    const isMember = [view.primary, view.backup].some(
      (life) => life?.server === server && life.boot === this.boots.get(server),
    );
    const command = this.service.ping(this.state, server, {
      type: 'Ping',
      folder: FOLDER,
      boot: this.boots.get(server) ?? 1,
      acknowledged: isMember ? view.number : 0,
      inSync: false,
      unreachable: false,
      leaving: false,
      answer: this.service.question?.number ?? 0,
      durableView: view.number,
      lastView: 0,
      lastIndex: 0,
      ...this.says.get(server),
      ...more,
    });
    if (command !== null) this.state = applyViewCommand(this.state, command);
    this.follow();
  }

  follow(): void {
    for (let command = this.service.next(this.state); command !== null;) {
      const next = applyViewCommand(this.state, command);
      assert.notEqual(next, this.state, 'what is proposed is allowed');
      this.state = next;
      command = this.service.next(this.state);
    }
    const { question } = this.service;
    if (question !== null && this.up.has(question.to)) this.ping(question.to);
  }

  intervals(count: number): void {
    for (let i = 0; i < count; i++) {
      for (const server of this.up) this.ping(server);
      this.service.tick();
      this.follow();
    }
  }

  /** Until the backup is in sync. */
  sync(): void {
    this.intervals(3);
    const { primary } = this.state.view;
    assert.ok(primary !== null);
    this.ping(primary.server, { inSync: true });
    assert.ok(this.state.inSync);
    this.intervals(1);
  }

  get view(): View {
    return this.state.view;
  }

  get pair(): (number | undefined)[] {
    return [this.view.primary?.server, this.view.backup?.server];
  }
}

test('the first server that pings is the primary, the next one its backup', () => {
  const scene = new Scene(1, 2);
  scene.ping(1);
  assert.deepEqual(scene.pair, [1, undefined]);
  scene.intervals(2);
  assert.deepEqual(scene.pair, [1, 2]);
});

test('a primary that is silent for deadPings intervals is followed by its backup, and a spare steps in', () => {
  const scene = new Scene(1, 2, 3);
  scene.sync();
  scene.stop(1);
  scene.intervals(DEAD_PINGS - 2);
  assert.deepEqual(scene.pair, [1, 2]);
  scene.intervals(1);
  assert.deepEqual(scene.pair, [2, 3]);
});

test('a primary that restarts at once has lost its place', () => {
  const scene = new Scene(1, 2);
  scene.sync();
  scene.start(1);
  scene.ping(1);
  assert.deepEqual(scene.view.primary, scene.life(2));
  assert.deepEqual(scene.view.backup, scene.life(1));
});

test('a backup that died is replaced, the primary stays', () => {
  const scene = new Scene(1, 2, 3);
  scene.sync();
  scene.stop(2);
  scene.intervals(DEAD_PINGS + 1);
  assert.deepEqual(scene.pair, [1, 3]);
});

test('a backup that is not in sync is not promoted: the service waits for the primary, and says so', () => {
  const scene = new Scene(1, 2);
  scene.intervals(3);
  scene.stop(1);
  scene.intervals(DEAD_PINGS * 3);
  assert.deepEqual(scene.pair, [1, 2]);
  assert.match(scene.service.waiting(scene.state), /server 1 alone holds what was answered in view 2/);
  scene.start(1);
  scene.intervals(1);
  assert.deepEqual(scene.view.primary, scene.life(1));
  assert.equal(scene.service.waiting(scene.state), '');
});

test('no view follows one whose primary died before it acknowledged it', () => {
  const scene = new Scene(1, 2, 3);
  scene.sync();
  scene.says.set(2, { acknowledged: 0 });
  scene.stop(1);
  scene.intervals(DEAD_PINGS + 1);
  assert.equal(scene.view.primary?.server, 2);
  scene.stop(2);
  scene.start(1);
  scene.intervals(DEAD_PINGS * 3);
  assert.equal(scene.view.primary?.server, 2);
  assert.match(scene.service.waiting(scene.state), /died before it acknowledged the view/);
});

test('when both have restarted, either of them resumes; another server never does', () => {
  for (const first of [1, 2]) {
    const scene = new Scene(1, 2, 3);
    scene.sync();
    scene.stop(1);
    scene.stop(2);
    scene.intervals(DEAD_PINGS + 3);
    assert.deepEqual(scene.pair, [1, 2]);
    assert.match(scene.service.waiting(scene.state), /neither is there/);
    scene.start(first);
    scene.intervals(1);
    assert.deepEqual(scene.view.primary, scene.life(first));
  }
});

test('a backup that died with its primary, and is not missed yet, is not promoted: a restart of either resumes', () => {
  for (const first of [1, 2]) {
    const scene = new Scene(1, 2);
    scene.sync();
    scene.stop(1);
    scene.intervals(2);
    scene.stop(2);
    scene.intervals(DEAD_PINGS * 2);
    assert.deepEqual(scene.pair, [1, 2]);
    scene.start(first);
    scene.intervals(1);
    assert.deepEqual(scene.view.primary, scene.life(first));
  }
});

test('an answer to an earlier question says nothing', () => {
  const scene = new Scene(1, 2);
  scene.sync();
  scene.stop(2);
  scene.service.gone(1);
  scene.follow();
  const late = scene.service.question?.number ?? 0;
  scene.ping(1);
  assert.equal(scene.service.question, null, 'the primary is there again');
  scene.service.gone(1);
  scene.follow();
  scene.ping(2, { answer: late });
  assert.deepEqual(scene.pair, [1, 2]);
  scene.ping(2);
  assert.equal(scene.view.primary?.server, 2);
});

test('while both are about to stop no view follows: a restart of either resumes', () => {
  for (const first of [1, 2]) {
    const scene = new Scene(1, 2);
    scene.sync();
    for (const server of [2, 1]) scene.says.set(server, { leaving: true });
    scene.intervals(2);
    scene.stop(1);
    scene.intervals(DEAD_PINGS - 1);
    scene.stop(2);
    scene.intervals(DEAD_PINGS + 1);
    assert.deepEqual(scene.pair, [1, 2]);
    scene.says.clear();
    scene.start(first);
    scene.intervals(1);
    assert.deepEqual(scene.view.primary, scene.life(first));
  }
});

test('a restarted server that lacks what it held does not resume', () => {
  const scene = new Scene(1, 2);
  scene.sync();
  scene.stop(1);
  scene.stop(2);
  scene.intervals(DEAD_PINGS + 1);
  scene.says.set(1, { durableView: 1 });
  scene.start(1);
  scene.intervals(3);
  assert.equal(scene.view.number, 2);
});

test('a new leading monitor waits before it declares anybody dead', () => {
  const scene = new Scene(1, 2, 3);
  scene.sync();
  scene.service = newService();
  scene.up.delete(1);
  scene.intervals(DEAD_PINGS - 1);
  assert.deepEqual(scene.pair, [1, 2]);
  scene.intervals(1);
  assert.equal(scene.view.primary?.server, 2);
});

test('a backup that its primary cannot reach is replaced, though the service hears it', () => {
  const scene = new Scene(1, 2, 3);
  scene.sync();
  scene.ping(1, { unreachable: true });
  assert.deepEqual(scene.pair, [1, 3]);
});

test('without a spare the primary goes on alone, and gets the backup back later', () => {
  const scene = new Scene(1, 2);
  scene.sync();
  scene.ping(1, { unreachable: true });
  assert.deepEqual(scene.pair, [1, undefined]);
  scene.intervals(10);
  assert.deepEqual(scene.pair, [1, undefined]);
  scene.intervals(20);
  assert.deepEqual(scene.pair, [1, 2]);
});

test('a late ping of a life that has ended is passed over', () => {
  const scene = new Scene(1, 2);
  scene.sync();
  scene.start(1);
  scene.ping(1);
  const before = scene.view;
  scene.ping(1, { boot: 1, acknowledged: 2, inSync: true });
  assert.deepEqual(scene.view, before);
  assert.deepEqual(scene.view.backup, scene.life(1));
});

test('a primary that is about to stop is followed at once by a backup in sync, and stays without one', () => {
  const scene = new Scene(1, 2, 3);
  scene.intervals(3);
  scene.ping(1, { leaving: true });
  assert.equal(scene.view.primary?.server, 1);
  scene.ping(1, { inSync: true });
  scene.ping(1, { leaving: true });
  assert.deepEqual(scene.pair, [2, 3]);
});

test('a view service that lost its own data makes no first view for servers that know later ones', () => {
  const scene = new Scene(1, 2);
  scene.says.set(1, { durableView: 7 });
  scene.says.set(2, { durableView: 7 });
  scene.intervals(10);
  assert.equal(scene.view.number, 0);
  assert.match(scene.service.waiting(scene.state), /knows view 7/);
});

test('a server whose process is surely gone is replaced at once, and is back with its next ping', () => {
  const scene = new Scene(1, 2, 3);
  scene.sync();
  scene.service.gone(1);
  scene.follow();
  assert.deepEqual(scene.pair, [2, 3]);
  scene.service.gone(3);
  scene.ping(3);
  scene.follow();
  assert.deepEqual(scene.pair, [2, 3]);
});
