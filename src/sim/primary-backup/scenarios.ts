import { playOn, type ScenarioResult } from '../scenarios/scenario.ts';
import { SMALL_LOG, UNRELIABLE_NETWORK } from '../scenarios/stage.ts';
import { deathScenarios } from './scenarios-deaths.ts';
import type { PrimaryBackupScenario } from './scenario.ts';
import { putHashChain } from './put-hash-chain.ts';
import { PrimaryBackupStage } from './stage.ts';

const get = { kind: 'get', key: 'k' } as const;
const append = (value: string): { kind: 'append'; key: string; value: string } => ({
  kind: 'append',
  key: 'k',
  value,
});

function cutFromMonitors(stage: PrimaryBackupStage): void {
  const { clients } = stage;
  const { primary, backup } = stage.pair();
  clients.mustCall('c', primary, append('old;'));
  stage.cut(primary, ...stage.monitors);
  // It still reaches its backup: until that hears of its promotion, the two go on together.
  clients.mustCall('c', primary, append('both;'));
  stage.until('the backup is promoted', () => stage.views.view.primary?.server === backup.id);
  stage.until('it knows', () => backup.leads);
  const refused: string[] = [];
  clients.send('d', primary, get, (answer) =>
    refused.push(answer.ok ? (answer.result.value ?? '') : answer.code),
  );
  clients.mustCall('c', backup, append('new;'));
  stage.until('the old one has answered', () => refused.length > 0);
  stage.expect(refused[0] !== 'old;both;', 'the old primary does not answer from what it has');
  stage.heal();
  stage.expect(clients.mustCall('c', primary, get).value === 'old;both;new;', 'all three are there');
}

function cutFromBackup(stage: PrimaryBackupStage): void {
  const { clients } = stage;
  const { primary, backup, spare } = stage.pair();
  stage.cut(primary, backup);
  clients.mustCall('c', primary, append('a;'));
  stage.expect(stage.views.view.primary?.server === primary.id, 'the primary stays');
  stage.until('the spare is the backup', () => stage.views.view.backup?.server === spare.id);
  stage.until('it is in sync', () => stage.views.inSync);
  clients.mustCall('c', primary, append('b;'));
}

/** It is cut off from everybody but its clients, and does not hear that it was replaced. */
function deposedStillAsked(stage: PrimaryBackupStage): void {
  const { clients } = stage;
  const { primary: old, backup } = stage.pair();
  clients.mustCall('c', old, append('a;'));
  stage.partition([old], [...stage.others(old), ...stage.monitors]);
  stage.until('the backup leads', () => backup.leads);
  clients.mustCall('c', backup, append('b;'));
  const answers: boolean[] = [];
  for (let i = 0; i < 5; i++) {
    clients.send(`r${i}`, old, get, ({ ok }) => answers.push(ok));
    clients.send(`w${i}`, old, append(`w${i};`), ({ ok }) => answers.push(ok));
  }
  stage.until('all have been told', () => answers.length === 10);
  stage.expect(!answers.includes(true), 'a replaced primary answers nothing');
}

function transferIncomplete(stage: PrimaryBackupStage): void {
  const { clients } = stage;
  const { primary, backup, spare } = stage.pair();
  // The spare follows, too: it is not to have anything.
  spare.crash();
  backup.crash();
  stage.until('the primary is alone', () => stage.views.view.backup === null);
  clients.mustCall('c', primary, append('alone;'));
  const release = stage.hold(({ type }, from) => type === 'Prepare' && from === primary.id);
  spare.start();
  stage.until('the spare is the backup', () => stage.views.view.backup?.server === spare.id);
  stage.until('the view is acknowledged', () => stage.leader() === primary);
  clients.mustCall('c', primary, append('still alone;'));
  primary.crash();
  stage.run(1_000);
  stage.expect(stage.views.view.primary?.server === primary.id, 'nobody takes its place');
  stage.expect(/alone holds what was answered/.test(stage.waiting), 'the service says what it waits for');
  release('deliver');
  primary.start();
  const value = clients.mustCall('c', stage.leader(), get).value;
  stage.expect(value === 'alone;still alone;', 'nothing is lost');
}

function serviceDown(stage: PrimaryBackupStage): void {
  const { clients } = stage;
  const { primary, backup, spare } = stage.pair();
  for (const monitor of stage.monitors) monitor.crash();
  stage.run(2_000);
  clients.mustCall('c', primary, append('a;'));
  stage.expect(clients.mustCall('c', spare, get).value === 'a;', 'clients are served by all');
  primary.crash();
  const answer = clients.call('c', backup, append('b;'));
  stage.expect(!answer.ok, 'without the primary nothing is answered');
  stage.expect(!clients.call('c', backup, get).ok, 'nor read');
  for (const monitor of stage.monitors) monitor.start();
  const value = clients.mustCall('c', stage.leader([backup]), get).value ?? '';
  stage.expect(value.startsWith('a;'), 'what was answered is there');
}

function serviceDownBackupDies(stage: PrimaryBackupStage): void {
  const { clients } = stage;
  const { primary, backup, spare } = stage.pair();
  clients.mustCall('c', primary, append('a;'));
  for (const monitor of stage.monitors) monitor.crash();
  backup.crash();
  for (const server of [primary, spare]) {
    stage.expect(!clients.call('c', server, get).ok, 'the primary confirms no read alone');
    stage.expect(!clients.call('c', server, append('b;')).ok, 'nor answers a write');
  }
  for (const monitor of stage.monitors) monitor.start();
  stage.until('the spare stepped in', () => stage.views.view.backup?.server === spare.id);
  const value = clients.mustCall('c', primary, get).value ?? '';
  stage.expect(value.startsWith('a;'), 'what was answered is there');
}

/** The old primary's operations reach its backup late, and twice, when that leads already. */
function delayedForwards(stage: PrimaryBackupStage): void {
  const { clients } = stage;
  const { primary: old, backup } = stage.pair();
  clients.mustCall('c', old, append('a;'));
  const late: (() => void)[] = [];
  const send = stage.network.send.bind(stage.network);
  const release = stage.hold(({ type }, from) => type === 'Prepare' && from === old.id);
  const held = stage.network.send.bind(stage.network);
  stage.network.send = (from, to, message) => {
    if (message.type === 'Prepare' && from.serverId === old.id) late.push(() => send(from, to, message));
    held(from, to, message);
  };
  clients.send('c', old, append('late;'), () => undefined);
  stage.run(20);
  stage.cut(old, ...stage.monitors);
  stage.until('the backup leads', () => backup.leads);
  clients.mustCall('d', backup, append('b;'));
  release('deliver');
  for (const again of late) again();
  stage.run(200);
  stage.expect(clients.mustCall('d', backup, get).value?.startsWith('a;b;') === true, 'it was refused');
}

/** A server forwards; the backup accepts; the primary dies before it tells; the server sends again, to the next one. */
function retryReachesNext(stage: PrimaryBackupStage): void {
  const { clients } = stage;
  const { primary, backup, spare } = stage.pair();
  clients.mustCall('c', spare, append('a;'));
  const before = backup.open?.replica.node.lastIndex ?? 0;
  const release = stage.hold(
    ({ type }, from, to) => type === 'PrepareOk' && from === backup.id && to === primary.id,
  );
  const spareIsDeaf = stage.hold(
    ({ type }, from, to) => type === 'Prepare' && from === primary.id && to === spare.id,
  );
  let isAnswered = false;
  clients.send('c', spare, append('b;'), ({ ok }) => (isAnswered = ok));
  stage.until('the backup has it', () => (backup.open?.wal.durableIndex ?? 0) > before);
  primary.crash();
  spareIsDeaf('drop');
  release('drop');
  stage.until('the client is answered', () => isAnswered);
  stage.expect(clients.mustCall('c', spare, get).value === 'a;b;', 'it was executed once');
}

function transferRestarts(stage: PrimaryBackupStage): void {
  const { clients } = stage;
  const { primary, backup, spare } = stage.pair();
  spare.crash();
  backup.crash();
  stage.until('the primary is alone', () => stage.views.view.backup === null);
  const load = clients.append({ clients: 4, servers: [primary], padding: 500 });
  load.progress(40);
  const chunks = (machine: { id: number }): (() => boolean) => {
    let seen = 0;
    const { onDelivery } = stage.network;
    stage.network.onDelivery = (from, to, message, checksum) => {
      if (message.type === 'SnapshotChunk' && to === machine.id) seen++;
      onDelivery(from, to, message, checksum);
    };
    return () => seen > 0;
  };
  const arrives = chunks(backup);
  backup.start();
  stage.until('the transfer has begun', arrives);
  backup.crash();
  load.progress(10);
  const arrivesAgain = chunks(backup);
  backup.start();
  stage.until('another one has begun', arrivesAgain);
  primary.crash();
  primary.start();
  stage.until('primary and backup are in sync', () => stage.views.inSync);
  load.progress(20);
  stage.expect(stage.pair().primary === primary, 'who holds the data is the primary');
}

function monitorDies(stage: PrimaryBackupStage): void {
  const { clients, monitors } = stage;
  stage.pair();
  const number = stage.viewNumber;
  const load = clients.append({ clients: 3 });
  load.progress(20);
  for (let round = 0; round < 2; round++) {
    const leading = monitors.find(({ leads }) => leads);
    leading?.crash();
    load.progress(30);
    stage.until('another monitor leads', () => monitors.some(({ leads }) => leads));
    load.progress(30);
    leading?.start();
    stage.run(500);
  }
  stage.expect(stage.viewNumber === number, 'no view changed for that');
}

/** The faults that the engine is to come through, one by one. */
export const primaryBackupScenarios: readonly PrimaryBackupScenario[] = [
  ...deathScenarios,
  {
    name: 'PrimaryCutOffFromMonitors',
    about: 'a primary that reaches its backup but not the view service is replaced, and answers nothing old',
    play: cutFromMonitors,
  },
  {
    name: 'PrimaryCutOffFromBackup',
    about: 'a backup that its primary cannot reach is replaced, though the view service hears it',
    play: cutFromBackup,
  },
  {
    name: 'DeposedPrimaryIsAsked',
    about: 'a primary that has not heard that it was replaced answers no client',
    play: deposedStillAsked,
  },
  {
    name: 'TransferIncomplete',
    about: 'a backup that does not have the whole state yet is not promoted',
    play: transferIncomplete,
  },
  {
    name: 'ViewServiceDown',
    about: 'without monitors clients are served until a copy dies, then nothing wrong is answered',
    play: serviceDown,
  },
  {
    name: 'ViewServiceDownBackupDies',
    about: 'without monitors a primary whose backup died answers nothing, until another backup is appointed',
    play: serviceDownBackupDies,
  },
  {
    name: 'DelayedForwards',
    about: 'operations of a former primary that come late, and twice, are refused',
    play: delayedForwards,
  },
  {
    name: 'RetryReachesNextPrimary',
    about: 'an operation that is sent again to the next primary is executed once',
    play: retryReachesNext,
  },
  {
    name: 'TransferRestarts',
    about: 'the transfer of the state begins anew when either end dies, with operations going on',
    options: { replica: { ...SMALL_LOG }, segmentBytes: 65_536 },
    play: transferRestarts,
  },
  {
    name: 'LeadingMonitorDies',
    about: 'the death of the leading monitor changes no view and holds nobody up',
    options: { monitors: 3 },
    play: monitorDies,
  },
  {
    name: 'PutHashChain',
    about: 'a chain of put-hash calls shows that each took effect once, over deaths of primaries and backups',
    options: { requestTimeoutMs: 20_000, clientTimeoutMs: 30_000 },
    play: putHashChain,
  },
  {
    name: 'PutHashChainUnreliable',
    about: 'the same while messages are lost, repeated and reordered',
    options: { requestTimeoutMs: 20_000, clientTimeoutMs: 30_000, network: UNRELIABLE_NETWORK },
    play: putHashChain,
  },
];

export function runPrimaryBackupScenario(
  { options = {}, play }: PrimaryBackupScenario,
  seed: number,
  onLine: ((line: string) => void) | null = null,
): ScenarioResult {
  return playOn(new PrimaryBackupStage(seed, options, onLine), play);
}
