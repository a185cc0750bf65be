import { Sessions } from '../../kv/sessions.ts';
import { Primacy } from '../../primary-backup/primary.ts';
import { Reading } from '../../primary-backup/reading.ts';
import type { Life } from '../../primary-backup/types.ts';
import { ViewMachine } from '../../primary-backup/view-machine.ts';
import { ViewService } from '../../primary-backup/view-service.ts';
import { applyViewCommand, type ViewState } from '../../primary-backup/view-state.ts';
import type { MemberId } from '../../raft/types.ts';
import { all, patch, type Undo } from '../sabotage/patch.test-support.ts';
import type { Sabotage } from '../sabotage/sabotage.test-support.ts';
import { roughWorld } from '../sabotage/world.test-support.ts';
import { runPrimaryBackupWorld } from './world.ts';
import type { PrimaryBackupWorldOptions } from './world-options.ts';

const world: Partial<PrimaryBackupWorldOptions> = {
  ...roughWorld,
  monitors: 1,
  pingIntervalMs: 10,
  deadPings: 5,
};

const inWorld =
  (more: Partial<PrimaryBackupWorldOptions> = {}) =>
  (seed: number): string | null =>
    runPrimaryBackupWorld(seed, { world: { ...world, ...more, seed } }).failure;

/** A view service that makes every view that its leading monitor wants, whatever the rules of succession say. */
function lawless(change: (service: ViewService, state: ViewState) => ReturnType<ViewService['next']>): Undo {
  let isAsked = false;
  return all(
    patch(ViewService.prototype, 'next', (next) => {
      return function (this: ViewService, state) {
        const lawful = next.call(this, state);
        // What is waited for is told from what would come next.
        if (lawful !== null || isAsked) return lawful;
        isAsked = true;
        const command = change(this, state);
        isAsked = false;
        return command;
      };
    }),
    patch(ViewMachine.prototype, 'rule', () => {
      return function (this: ViewMachine, state, command) {
        const lawful = applyViewCommand(state, command);
        if (lawful !== state || command.command !== 'change' || command.after !== state.view.number)
          return lawful;
        const { primary, backup } = command;
        return { ...state, view: { number: state.view.number + 1, primary, backup }, inSync: false };
      };
    }),
  );
}

/** The lives that each service has heard, whoever they are. */
function rememberLives(): { undo: Undo; of: (service: ViewService) => Map<MemberId, Life> } {
  const lives = new WeakMap<ViewService, Map<MemberId, Life>>();
  const of = (service: ViewService): Map<MemberId, Life> => {
    const known = lives.get(service) ?? new Map<MemberId, Life>();
    lives.set(service, known);
    return known;
  };
  const undo = patch(ViewService.prototype, 'ping', (ping) => {
    return function (this: ViewService, state, server, message) {
      of(this).set(server, { server, folder: message.folder, boot: message.boot });
      return ping.call(this, state, server, message);
    };
  });
  return { undo, of };
}

/** Faults in the primary/backup engine and its view service. */
export const primaryBackupSabotages: readonly Sabotage[] = [
  {
    name: 'reply before the backup has accepted',
    seedsMax: 5,
    play: inWorld(),
    apply: () =>
      patch(Primacy.prototype, 'maybeCommit', () => {
        return function (this: Primacy) {
          this.engine.commitTo(this.engine.persisted);
        };
      }),
  },
  {
    name: 'serve reads without asking the backup',
    seedsMax: 20,
    play: inWorld({ rates: { 'isolate-leader': 4 } }),
    apply: () =>
      patch(Reading.prototype, 'startRound', (startRound) => {
        return function (this: Reading) {
          return startRound.call(this, false);
        };
      }),
  },
  {
    name: 'drop the duplicate table in the transfer',
    seedsMax: 5,
    play: inWorld(),
    apply: () => patch(Sessions.prototype, 'save', () => () => undefined),
  },
  {
    name: 'let an idle server become the primary',
    seedsMax: 10,
    play: inWorld(),
    apply: () => {
      const lives = rememberLives();
      return all(
        lives.undo,
        lawless((service, state) => {
          if (service.waiting(state) === '' || state.view.primary === null) return null;
          const named = [state.view.primary.server, state.view.backup?.server];
          const idle = service.servers().find((server) => !named.includes(server));
          const primary = idle === undefined ? undefined : lives.of(service).get(idle);
          if (primary === undefined) return null;
          return { command: 'change', after: state.view.number, primary, backup: null };
        }),
      );
    },
  },
  {
    name: 'promote a backup before it has the state',
    seedsMax: 10,
    play: inWorld(),
    apply: () => {
      const lives = rememberLives();
      return all(
        lives.undo,
        lawless((service, state) => {
          const { backup, number } = state.view;
          if (service.waiting(state) === '' || backup === null) return null;
          const isThere = lives.of(service).get(backup.server)?.boot === backup.boot;
          return isThere ? { command: 'change', after: number, primary: backup, backup: null } : null;
        }),
      );
    },
  },
  {
    name: 'advance the view without the acknowledgement',
    seedsMax: 20,
    play: inWorld({ rates: { crash: 3, 'isolate-leader': 3, pause: 1 } }),
    apply: () =>
      lawless((service, state) => {
        const { view } = state;
        if (view.primary === null || service.waiting(state) === '') return null;
        // As if it had come: whoever is next to the primary that never said so takes its place.
        const { backup } = view;
        if (backup === null || !service.servers().includes(backup.server)) return null;
        return { command: 'change', after: view.number, primary: backup, backup: null };
      }),
  },
];
