import { Sessions } from '../../kv/sessions.ts';
import { OverlayStore } from '../../store/overlay-store.ts';
import { RecordEncoder } from '../../wal/format.ts';
import { HardStateSlots } from '../../wal/hard-state-slots.ts';
import type { HardState } from '../../raft/types.ts';
import { NO_MEMBER } from '../../raft/types.ts';
import { SimDisk } from '../disk.ts';
import { all, onStart, patch, patchGetter } from './patch.test-support.ts';
import type { Sabotage } from './sabotage.test-support.ts';
import { roughWorld } from './world.test-support.ts';

const withoutVote = (hardState: HardState): HardState => ({ ...hardState, votedFor: NO_MEMBER });

/** Faults in what is kept, and when it is kept. */
export const diskSabotages: readonly Sabotage[] = [
  {
    name: 'acknowledge before the sync',
    seedsMax: 2,
    world: roughWorld,
    apply: () =>
      onStart(({ open, process }) => {
        const append = open.wal.append.bind(open.wal);
        open.wal.append = (batch, done) => {
          append(batch, () => undefined);
          process.after(0, done);
        };
      }),
  },
  {
    name: 'forget the vote on restart',
    seedsMax: 5,
    world: roughWorld,
    apply: () =>
      all(
        patch(RecordEncoder.prototype, 'add', (add) => {
          return function (this: RecordEncoder, record) {
            const forgets = record.type === 'hard-state';
            add.call(this, forgets ? { ...record, hardState: withoutVote(record.hardState) } : record);
          };
        }),
        patch(HardStateSlots.prototype, 'save', (save) => {
          return function (this: HardStateSlots, hardState, durable, done) {
            save.call(this, withoutVote(hardState), durable, done);
          };
        }),
      ),
  },
  {
    name: 'ignore a failed sync',
    seedsMax: 10,
    world: { ...roughWorld, rates: { ...roughWorld.rates, 'failing-disk': 4, 'power-loss': 4 } },
    apply: () =>
      patch(SimDisk.prototype, 'mount', (mount) => {
        return function (this: SimDisk) {
          const vfs = mount.call(this);
          const open = vfs.open.bind(vfs);
          const createPreallocated = vfs.createPreallocated.bind(vfs);
          const deaf = (file: ReturnType<typeof open>): ReturnType<typeof open> => ({
            ...file,
            sync: (done) => file.sync(() => done(null)),
          });
          return {
            ...vfs,
            open: (path, create) => deaf(open(path, create)),
            createPreallocated: (path, size, done) =>
              createPreallocated(path, size, (error, file) => done(error, file === null ? null : deaf(file))),
          };
        };
      }),
  },
  {
    name: 'skip the sync of the folder after a segment is created',
    seedsMax: 10,
    world: { ...roughWorld, rates: { ...roughWorld.rates, 'power-loss': 4 } },
    apply: () =>
      patch(SimDisk.prototype, 'mount', (mount) => {
        return function (this: SimDisk) {
          const vfs = mount.call(this);
          const later = vfs.syncFolderLater.bind(vfs);
          return { ...vfs, syncFolderLater: (_path, done) => later('nowhere', done) };
        };
      }),
  },
  {
    name: 'drop the sessions from what is saved and sent as a snapshot',
    seedsMax: 5,
    world: roughWorld,
    apply: () => patch(Sessions.prototype, 'save', () => () => undefined),
  },
  {
    name: 'apply the first commands after a restart twice',
    seedsMax: 10,
    world: roughWorld,
    apply: () =>
      onStart(({ open: { machine } }) => {
        const apply = machine.apply.bind(machine);
        let left = 5;
        machine.apply = (bytes, stampMs) => {
          const reply = apply(bytes, stampMs);
          if (left-- > 0) apply(bytes, stampMs);
          return reply;
        };
      }),
  },
  {
    name: 'cut the log before the state is flushed',
    seedsMax: 10,
    world: { ...roughWorld, rates: { ...roughWorld.rates, crash: 5 }, flushBytes: 4_000 },
    apply: () =>
      patchGetter(OverlayStore.prototype, 'durablePosition', () => {
        return function (this: OverlayStore) {
          return this.position;
        };
      }),
  },
  {
    name: 'expire keys by the local clock',
    seedsMax: 5,
    world: { ...roughWorld, rates: { ...roughWorld.rates, 'wall-jump': 1 } },
    apply: () =>
      onStart(({ open: { machine }, process }) => {
        const get = machine.get.bind(machine);
        machine.get = (key) => {
          const record = get(key);
          const expires = record !== undefined && record.expiresAtMs > 0;
          return expires && record.expiresAtMs <= process.clock.wallMs() ? undefined : record;
        };
      }),
  },
];
