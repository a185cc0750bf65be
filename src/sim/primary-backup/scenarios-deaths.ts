import type { PrimaryBackupScenario } from './scenario.ts';
import type { PrimaryBackupStage } from './stage.ts';

function primaryDies(stage: PrimaryBackupStage): void {
  const { primary, backup, spare } = stage.pair();
  const load = stage.clients.append({ clients: 3 });
  load.progress(20);
  primary.crash();
  stage.until('the backup leads', () => stage.leader() === backup);
  load.progress(20);
  stage.until(
    'the spare stepped in',
    () => stage.views.view.backup?.server === spare.id && stage.views.inSync,
  );
}

function backupDies(stage: PrimaryBackupStage): void {
  const { primary, backup, spare } = stage.pair();
  const load = stage.clients.append({ clients: 3 });
  load.progress(20);
  backup.crash();
  load.progress(20);
  stage.expect(stage.leader() === primary, 'the primary stays');
  stage.until(
    'the spare stepped in',
    () => stage.views.view.backup?.server === spare.id && stage.views.inSync,
  );
}

function bothInTurn(stage: PrimaryBackupStage): void {
  const load = stage.clients.append({ clients: 3 });
  for (let round = 0; round < 6; round++) {
    const { primary, backup } = stage.pair();
    load.progress(10);
    const victim = round % 2 === 0 ? primary : backup;
    if (round % 3 === 0) victim.losePower();
    else victim.crash();
    load.progress(10);
    victim.start();
  }
}

function restartsAtOnce(stage: PrimaryBackupStage): void {
  const load = stage.clients.append({ clients: 3 });
  load.progress(20);
  const { primary, backup } = stage.pair();
  const number = stage.viewNumber;
  primary.crash();
  primary.start();
  stage.until('the backup leads', () => stage.leader() === backup);
  stage.expect(stage.viewNumber === number + 1, 'the one that restarted has lost its place');
  load.progress(20);
}

function bothRestart(stage: PrimaryBackupStage): void {
  const load = stage.clients.append({ clients: 4 });
  for (let round = 0; round < 4; round++) {
    const { primary, backup, spare } = stage.pair();
    load.progress(20);
    for (const machine of round % 2 === 0 ? [primary, backup] : [primary, backup, spare]) machine.losePower();
    stage.run(500);
    stage.expect(stage.viewNumber > 0 && stage.cluster.leader() === null, 'the spare does not take over');
    const first = stage.prng.chance(0.5) ? primary : backup;
    first.start();
    stage.run(stage.prng.float() * 300);
    for (const machine of stage.servers) machine.start();
  }
}

/** Neither is missed at once, and only one of them comes back: either holds all that was answered. */
function oneOfBothReturns(stage: PrimaryBackupStage): void {
  const load = stage.clients.append({ clients: 3 });
  for (let round = 0; round < 6; round++) {
    const { primary, backup } = stage.pair();
    load.progress(10);
    for (const machine of [primary, backup]) {
      if (round % 2 === 0) machine.losePower();
      else machine.crash();
    }
    const [returns, other] = stage.prng.chance(0.5) ? [primary, backup] : [backup, primary];
    stage.run(stage.prng.float() * 200);
    returns.start();
    stage.leader([returns]);
    load.progress(10);
    other.start();
  }
}

/** The promoted backup dies before it acknowledged its view: it may have answered, and nobody else knows what. */
function diesUnacknowledged(stage: PrimaryBackupStage): void {
  const { clients } = stage;
  const { primary, backup } = stage.pair();
  clients.mustCall('c', primary, { kind: 'append', key: 'k', value: 'a;' });
  const number = stage.viewNumber;
  const release = stage.hold(
    (message, from) => message.type === 'Ping' && from === backup.id && message.acknowledged > number,
  );
  primary.crash();
  stage.until('the backup leads', () => backup.leads && stage.viewNumber === number + 1);
  clients.mustCall('c', backup, { kind: 'append', key: 'k', value: 'b;' });
  backup.crash();
  release('drop');
  primary.start();
  stage.run(1_000);
  stage.expect(stage.viewNumber === number + 1, 'no view follows');
  stage.expect(/died before it acknowledged/.test(stage.waiting), 'the service says so');
  backup.start();
  const value = clients.mustCall('c', stage.leader([backup]), { kind: 'get', key: 'k' }).value;
  stage.expect(value === 'a;b;', 'it comes back with what it answered');
}

/** Servers die, one after the other and together. */
export const deathScenarios: readonly PrimaryBackupScenario[] = [
  { name: 'PrimaryDies', about: 'the backup takes over with all that was answered', play: primaryDies },
  { name: 'BackupDies', about: 'the primary goes on, and a spare steps in', play: backupDies },
  { name: 'BothDieInTurn', about: 'primary and backup die in turn, six times', play: bothInTurn },
  {
    name: 'PrimaryRestartsAtOnce',
    about: 'a primary that restarts before anybody missed it has lost its place',
    play: restartsAtOnce,
  },
  {
    name: 'BothRestart',
    about: 'both copies lose power at once and come back: nothing that was answered is lost',
    play: bothRestart,
  },
  {
    name: 'OneOfBothReturns',
    about: 'both copies die at once and one comes back, whichever: it goes on with all that was answered',
    play: oneOfBothReturns,
  },
  {
    name: 'PrimaryDiesUnacknowledged',
    about: 'no view follows one whose primary died before it acknowledged it, until that comes back',
    play: diesUnacknowledged,
  },
];
