import { limits } from '../../base/limits.ts';
import type { SimServer } from '../sim-server.ts';
import type { Scenario } from './scenario.ts';
import { commitsInItsTerm, type Stage } from './stage.ts';

/** With what the command adds, more than is gathered into one message: the entry travels alone. */
const LARGE_BYTES = limits.appendBytesMax;

/** Waits until one of the servers has just won an election: what it sends as the leader has not left yet. */
function winner(stage: Stage, among: readonly SimServer[], termAbove: number): SimServer {
  const won = (server: SimServer): boolean =>
    server.leads && (server.open?.replica.node.term ?? 0) > termAbove;
  stage.until('somebody wins an election', () => among.some(won));
  return among.find(won) as SimServer;
}

const termOf = (server: SimServer): number => server.open?.replica.node.term ?? 0;
const lastOf = (server: SimServer): number => server.open?.replica.node.lastIndex ?? 0;

/**
 * Figure 8 of the paper: an old entry stands on a majority and is replaced all the same, so its leader must not
 * take it for committed. Roles 1 and 5 fall to whoever wins the elections of states (a) and (b).
 */
function figure8(stage: Stage): void {
  const s1 = stage.leader();
  const [s2, ...rest] = stage.others(s1) as [SimServer, ...SimServer[]];
  stage.clients.mustCall('c', s1, { kind: 'append', key: 'k', value: 'x' });
  stage.run(100);
  stage.say('(a) an entry of the first leader reaches one other server');
  stage.partition([s1, s2], rest);
  const index = lastOf(s1) + 1;
  const value = 'x'.repeat(LARGE_BYTES);
  const answer = { ok: false };
  stage.clients.send('c', s1, { kind: 'append', key: 'k', value }, ({ ok }) => (answer.ok = ok));
  stage.until('the entry stands on two servers', () => s2.open?.wal.durableIndex === index);
  const term = termOf(s1);
  s1.crash();
  stage.say('(b) another leader, without the entry, has one of its own');
  s2.crash();
  const s5 = winner(stage, rest, term);
  stage.partition();
  stage.until('its entry is on its disk', () => s5.open?.wal.durableIndex === index);
  const later = termOf(s5);
  s5.crash();
  stage.say('(c) the first two are back, and the entry is copied to a majority');
  const [s3, s4] = stage.others(s1, s2, s5) as [SimServer, SimServer];
  stage.heal();
  s1.start();
  s2.start();
  const again = winner(stage, [s1, s2], later);
  const copied = (): boolean =>
    s3.open?.wal.durableIndex === index && s3.open.replica.node.termAt(index) === term;
  const release = stage.hold(
    (message, _from, to) =>
      message.type === 'AppendEntries' &&
      message.entries.some((entry) => entry.term > later) &&
      lastOf(stage.server(to)) >= index,
  );
  stage.until('the entry stands on a majority', copied);
  stage.run(50);
  stage.expect(
    (again.open?.replica.node.commitIndex ?? 0) < index,
    'an entry of an old term is not committed',
  );
  stage.say('(d) they crash, and the later leader replaces the entry');
  for (const server of [s1, s2]) server.crash();
  release('drop');
  s5.start();
  const replacing = winner(stage, [s5], termOf(s4));
  stage.until('the entry is replaced', () => s3.open?.replica.node.termAt(index) !== term);
  stage.expect(replacing === s5 && !answer.ok, 'nobody was told of the entry');
  stage.say('(e) with an entry of its own term it would have been safe, as the others are now');
}

/** A read that comes to a new leader before it knows how far the log is committed must wait for that. */
function readBeforeNoOp(stage: Stage): void {
  const { clients } = stage;
  const old = stage.leader();
  clients.mustCall('c', old, { kind: 'append', key: 'k', value: 'old;' });
  for (const server of stage.servers) clients.mustCall('c', server, { kind: 'get', key: 'k' });
  stage.run(50);
  const followers = stage.others(old);
  const releaseCommit = stage.hold(
    (message) =>
      message.type === 'Heartbeat' || (message.type === 'AppendEntries' && message.entries.length === 0),
  );
  clients.mustCall('c', old, { kind: 'append', key: 'k', value: 'new;' });
  old.crash();
  releaseCommit('drop');
  const releaseAnswers = stage.hold((message) => message.type === 'AppendEntriesResponse');
  const next = winner(stage, followers, 0);
  let value: string | undefined;
  clients.send('r', next, { kind: 'get', key: 'k' }, (answer) => {
    value = answer.ok ? answer.result.value : 'an error';
  });
  stage.run(80);
  stage.expect(value === undefined || value.includes('new;'), 'a read sees what was confirmed before it');
  stage.expect(value === undefined || !next.leads, 'a leader that does not know the commit index waits');
  releaseAnswers('deliver');
  stage.until('the read is answered', () => value !== undefined);
  stage.expect(value === 'old;new;', 'a read sees what was confirmed before it');
}

/** The leader's answer to a follower's read arrives after an election, and after a write that it does not know of. */
function lateReadIndex(stage: Stage): void {
  const { clients } = stage;
  const old = stage.leader();
  const reader = stage.others(old)[0] as SimServer;
  clients.mustCall('c', old, { kind: 'append', key: 'k', value: 'old;' });
  const release = stage.hold((message) => message.type === 'ReadIndexResponse');
  let value: string | undefined;
  clients.send('r', reader, { kind: 'get', key: 'k' }, (answer) => {
    value = answer.ok ? answer.result.value : 'an error';
  });
  stage.run(10);
  stage.partition([old], stage.others(old));
  const next = stage.leader(stage.others(old));
  clients.mustCall('c', next, { kind: 'append', key: 'k', value: 'new;' });
  let later: string | undefined;
  const askedBefore = stage.hold(
    (message) => message.type === 'ReadIndexResponse' || message.type === 'ReadIndex',
  );
  clients.send('later', reader, { kind: 'get', key: 'k' }, (answer) => {
    later = answer.ok ? answer.result.value : 'an error';
  });
  stage.run(5);
  stage.say('the answer to the first read arrives, the second read was asked after the write');
  stage.heal();
  askedBefore('deliver');
  release('deliver');
  stage.until('the reads are answered', () => value !== undefined && later !== undefined);
  stage.expect(later === 'old;new;', 'a read after the write sees it');
}

/** Two leaders of different terms each remove one member of four: without care both could have a majority. */
function twoChanges(stage: Stage): void {
  const s1 = stage.leader();
  stage.run(100);
  const base = lastOf(s1);
  const remove = (at: SimServer, removed: SimServer): number | string => {
    const node = at.open?.replica.node;
    let result: number | string = 'down';
    const steps = [{ type: 'remove' as const, member: removed.id }];
    at.run(() => {
      result = node?.proposeConfChange({ steps, context: new Uint8Array(0) }, node.lastStampMs) ?? 'down';
    });
    return result;
  };
  const term = termOf(s1);
  const [a, b, c] = stage.others(s1) as [SimServer, SimServer, SimServer];
  stage.partition([s1], [a, b, c]);
  stage.expect(remove(s1, c) === base + 1, 'the first leader removes a member, on its own disk');
  stage.until('the change is on its disk', () => s1.open?.wal.durableIndex === base + 1);
  s1.crash();
  const next = winner(stage, [a, b, c], term);
  const [friend, third] = stage.others(s1, next) as [SimServer, SimServer];
  stage.partition([next, friend], [third]);
  const early = remove(next, s1);
  if (typeof early === 'number') {
    // So the second change is in force: both servers of the new majority get it, and the first leader must not win.
    stage.until(
      'the second change is committed',
      () => (next.open?.replica.node.commitIndex ?? 0) >= early,
      1_000,
    );
    for (const server of [next, friend]) server.crash();
    stage.heal();
    s1.start();
    winner(stage, [s1, third], term);
  }
  stage.expect(
    early === 'conf-change-pending',
    'nothing is changed before an entry of the term is committed',
  );
  stage.heal();
  stage.leader();
}

/** With pre-vote and check-quorum, the only server that may win sits in an old term. */
function longestLogLowTerm(stage: Stage): void {
  const { clients } = stage;
  const leader = stage.leader();
  const [longest, short] = stage.others(leader) as [SimServer, SimServer];
  clients.mustCall('c', leader, { kind: 'append', key: 'k', value: 'a;' });
  stage.partition([leader, longest], [short]);
  clients.mustCall('c', leader, { kind: 'append', key: 'k', value: 'b;' });
  leader.crash();
  stage.partition([leader], [longest], [short]);
  // The one with the short log asks for votes again and again, and comes into later terms on its own.
  for (let i = 0; i < 5; i++) {
    short.run(() => short.open?.replica.node.campaign());
    stage.run(100);
  }
  stage.heal();
  const startMs = stage.scheduler.nowMs;
  stage.expect(stage.leader([longest, short]) === longest, 'the longest log wins');
  const { electionTimeoutMs } = stage.world.replica;
  stage.expect(stage.scheduler.nowMs - startMs < 8 * electionTimeoutMs, 'and soon');
  stage.expect(
    clients.mustCall('c', longest, { kind: 'get', key: 'k' }).value === 'a;b;',
    'nothing confirmed is lost',
  );
}

/** A leader is stopped for minutes (a suspended machine) and goes on as if no time had passed. */
function resumedLeader(stage: Stage): void {
  const { clients } = stage;
  const old = stage.leader();
  clients.mustCall('c', old, { kind: 'append', key: 'k', value: 'old;' });
  const leased = { kind: 'set', key: 'lease', value: 'mine', ttlMs: 60_000 } as const;
  clients.mustCall('c', old, leased, 'versioned');
  old.process?.pause(300_000);
  const next = stage.leader(stage.others(old));
  clients.mustCall('c', next, { kind: 'append', key: 'k', value: 'new;' });
  stage.run(300_000 - stage.scheduler.nowMs);
  stage.until('the old leader goes on', () => stage.scheduler.nowMs > 300_400);
  const stale: (string | undefined)[] = [];
  for (let i = 0; i < 3; i++) {
    clients.send(`r${i}`, old, { kind: 'get', key: 'k' }, ({ ok, ...rest }) => {
      if (ok && 'result' in rest) stale.push(rest.result.value);
    });
  }
  stage.run(5_000);
  stage.expect(
    stale.every((value) => value === 'old;new;'),
    'a resumed leader answers nothing old',
  );
  stage.expect(
    clients.mustCall('c', next, { kind: 'getm', key: 'lease' }, 'versioned').status === 'not-found',
    'a lease of a minute is over after five',
  );
  stage.expect(commitsInItsTerm(stage.leader()), 'one of them leads');
}

/** Power fails after a server has decided for whom to vote, and before that is on its disk. */
function crashBetweenVoteAndSync(stage: Stage): void {
  for (let round = 0; round < 4; round++) {
    const old = stage.leader();
    for (const { disk } of stage.others(old)) Object.assign(disk.faults, { syncMsMin: 20, syncMsMax: 30 });
    const before = termOf(old);
    old.crash();
    const undecided = (server: SimServer): boolean => {
      const node = server.open?.replica.node;
      return node !== undefined && node.term > before && node.votedFor > 0 && server.durable.term < node.term;
    };
    stage.until('a vote is not durable yet', () => stage.others(old).some(undecided));
    const voter = stage.others(old).find(undecided) as SimServer;
    voter.losePower();
    for (const { disk } of stage.servers) Object.assign(disk.faults, { syncMsMin: 0.1, syncMsMax: 0.5 });
    voter.start();
    old.start();
    const server = stage.leader();
    stage.clients.mustCall('c', server, { kind: 'append', key: 'k', value: `${round};` });
  }
}

const COARSE_TICKS = {
  tickMs: 200,
  heartbeatIntervalMs: 400,
  electionTimeoutMs: 2_000,
  diskStallMsMax: 8_000,
  logBytesMax: 64_000,
  unflushedBytesMax: 1_000_000,
  uncommittedBytesMax: 1_000_000,
  foundingWaitMs: 0,
};

/** Traps of elections, reads and membership that other systems fell into. */
export const electionTraps: readonly Scenario[] = [
  {
    name: 'Figure8',
    about:
      'an entry of an old term on a majority is not committed by that (§5.4.2), in the five states of the figure',
    options: { segmentBytes: 2 ** 22 },
    play: figure8,
  },
  {
    name: 'ReadBeforeNoOp',
    about: 'a read asked of a new leader waits until an entry of its term is committed',
    options: { servers: 3 },
    play: readBeforeNoOp,
  },
  {
    name: 'LateReadIndexAnswer',
    about: 'an answer to a read that arrives after another election is not used',
    options: { servers: 3 },
    play: lateReadIndex,
  },
  {
    name: 'TwoLeadersChangeMembership',
    about: 'two leaders that each remove a member never both get a majority',
    options: { servers: 4 },
    play: twoChanges,
  },
  {
    name: 'LongestLogInLowTerm',
    about: 'with pre-vote and check-quorum, who alone can win is elected within a few timeouts',
    options: { servers: 3 },
    play: longestLogLowTerm,
  },
  {
    name: 'LeaderResumedAfterMinutes',
    about: 'a leader that was stopped for five minutes answers nothing old',
    options: { servers: 3, replica: COARSE_TICKS, requestTimeoutMs: 15_000, clientTimeoutMs: 20_000 },
    play: resumedLeader,
  },
  {
    name: 'CrashBetweenVoteAndSync',
    about: 'a vote that was not durable when the power failed was never given',
    options: { servers: 3 },
    play: crashBetweenVoteAndSync,
  },
];
