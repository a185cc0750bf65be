import { assert } from '../../base/assert.ts';
import { Link } from '../../client/link.ts';
import { decodeCommand, encodeCommand } from '../../kv/commands.ts';
import { RawNode } from '../../raft/raw-node.ts';
import { Raft } from '../../raft/raft.ts';
import { AskedReads, ReadOnly } from '../../raft/read-only.ts';
import type { MemberId } from '../../raft/types.ts';
import { Proposals } from '../../replica/proposals.ts';
import { Reads } from '../../replica/reads.ts';
import { scenarios, type Scenario } from '../scenarios/index.ts';
import { all, onStart, patch, patchGetter } from './patch.test-support.ts';
import type { Sabotage } from './sabotage.test-support.ts';
import { roughWorld } from './world.test-support.ts';

/** Counts an answer that comes again as one of somebody who has not answered. */
class RepeatedVotes extends Map<MemberId, boolean> {
  readonly #voters: readonly MemberId[];

  constructor(voters: readonly MemberId[]) {
    super();
    this.#voters = voters;
  }

  override has(from: MemberId): boolean {
    const silent = this.#voters.find((voter) => !super.has(voter));
    if (super.get(from) === true && silent !== undefined) this.set(silent, true);
    return super.has(from);
  }
}

const scenarioOf = (name: string): Scenario => {
  const scenario = scenarios.find((each) => each.name === name);
  assert(scenario !== undefined, `there is a scenario ${name}`);
  return scenario;
};

const fiveServers = { ...roughWorld, servers: 5 };

/** Faults in what Raft and the replica decide. */
export const raftSabotages: readonly Sabotage[] = [
  {
    name: 'commit entries of an earlier term by counting replicas (figure 8)',
    seedsMax: 1,
    scenario: scenarioOf('Figure8'),
    apply: () =>
      patch(Raft.prototype, 'maybeCommit', (maybeCommit) => {
        return function (this: Raft) {
          const index = this.tracker.committedIndex(this.conf, this.persistedIndex);
          if (this.log.termAt(index) === this.term) maybeCommit.call(this);
          else this.commitTo(index);
        };
      }),
  },
  {
    name: 'answer reads without asking a quorum',
    seedsMax: 1,
    scenario: scenarioOf('IsolatedLeader'),
    apply: () => patch(ReadOnly.prototype, 'acknowledgedBy', () => () => true),
  },
  {
    name: 'begin a term without an entry of it',
    seedsMax: 1,
    scenario: scenarioOf('ReadBeforeNoOp'),
    apply: () =>
      all(
        patch(Raft.prototype, 'appendOwn', (appendOwn) => {
          return function (this: Raft, type, data, stampMs) {
            const isNoOp = type === 'normal' && data.length === 0;
            return isNoOp ? this.log.lastIndex : appendOwn.call(this, type, data, stampMs);
          };
        }),
        patchGetter(Raft.prototype, 'commitIsKnown', () => () => true),
      ),
  },
  {
    name: 'reuse a read index after a change of the leader',
    seedsMax: 1,
    scenario: scenarioOf('ReadBeforeNoOp'),
    apply: () =>
      patch(ReadOnly.prototype, 'add', (add) => {
        return function (this: ReadOnly, read, commitIsKnown, commitIndex) {
          // The commit index that it knew before it was elected stands for one that it gave out as an earlier leader.
          return add.call(this, read, true, commitIsKnown ? commitIndex : read.minIndex);
        };
      }),
  },
  {
    name: 'take the read index of an earlier leader for a read that was asked later',
    // In every other seed the reader itself is elected, and asks nobody.
    seedsMax: 5,
    scenario: scenarioOf('LateReadIndexAnswer'),
    apply: () =>
      all(
        patch(RawNode.prototype, 'step', (step) => {
          return function (this: RawNode, message) {
            const isAnswer = message.type === 'ReadIndexResponse';
            step.call(this, isAnswer ? { ...message, term: this.term } : message);
          };
        }),
        patch(AskedReads.prototype, 'take', () => () => true),
        patch(Reads.prototype, 'confirm', (confirm) => {
          return function (this: Reads, state) {
            // The newest question, whatever was answered.
            this.takeBackAll();
            if (this.hasUnasked) confirm.call(this, { ...state, context: this.ask(0) });
          };
        }),
      ),
  },
  {
    name: 'stamp entries by the wall clock',
    seedsMax: 1,
    scenario: scenarioOf('LeadersAnHourApart'),
    apply: () =>
      onStart(({ open: { replica }, process }) => {
        const { node } = replica;
        const propose = node.propose.bind(node);
        node.propose = (data) =>
          propose(data, Math.max(node.lastStampMs, Math.floor(process.clock.wallMs())));
      }),
  },
  {
    name: 'change the membership before an entry of the term is committed',
    seedsMax: 1,
    scenario: scenarioOf('TwoLeadersChangeMembership'),
    apply: () =>
      patch(RawNode.prototype, 'proposeConfChange', (propose) => {
        return function (this: RawNode, change, stampMs) {
          const undo = patchGetter(Raft.prototype, 'commitIsKnown', () => () => true);
          try {
            return propose.call(this, change, stampMs);
          } finally {
            undo();
          }
        };
      }),
  },
  {
    name: 'count a vote that is repeated as another one',
    seedsMax: 20,
    world: fiveServers,
    apply: () =>
      patch(Raft.prototype, 'becomeCandidate', (becomeCandidate) => {
        return function (this: Raft) {
          becomeCandidate.call(this);
          this.votes = new RepeatedVotes(this.conf.voters);
        };
      }),
  },
  {
    name: 'give a request that is sent again a new number',
    seedsMax: 20,
    world: roughWorld,
    apply: () => {
      const sent = new WeakSet<Uint8Array>();
      return patch(Proposals.prototype, 'takeUnsent', (takeUnsent) => {
        return function (this: Proposals<unknown>, nowMs) {
          return takeUnsent.call(this, nowMs).map(({ id, command }) => {
            const again = sent.has(command);
            sent.add(command);
            return { id, command: again ? renumbered(command) : command };
          });
        };
      });
    },
  },
  {
    name: 'give a request that the typed client sends again a new number',
    seedsMax: 10,
    world: { ...roughWorld, clients: 1, typedClients: 3 },
    apply: () => {
      const sent = new WeakSet<object>();
      return patch(Link.prototype, 'send', (send) => {
        return function (this: Link, request, ...rest) {
          const again = request.type === 'batch' && sent.has(request.ops);
          if (request.type === 'batch') sent.add(request.ops);
          const changed = again ? { ...request, number: request.number + 500 } : request;
          return Reflect.apply(send, this, [changed, ...rest]);
        };
      });
    },
  },
  {
    name: 'do what can be done of an atomic batch whose rest cannot',
    seedsMax: 2,
    world: { ...roughWorld, clients: 1, typedClients: 2 },
    apply: () =>
      onStart(({ open: { machine } }) => {
        const apply = machine.apply.bind(machine);
        machine.apply = (bytes, stampMs) => {
          const command = decodeCommand(bytes);
          const isBatch = command?.command === 'batch';
          return apply(isBatch ? encodeCommand({ ...command, atomic: false }) : bytes, stampMs);
        };
      }),
  },
];

function renumbered(command: Uint8Array): Uint8Array {
  const decoded = decodeCommand(command);
  if (decoded?.command !== 'batch') return command;
  return encodeCommand({ ...decoded, number: decoded.number + 1_000 });
}
