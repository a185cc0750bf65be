import { assert } from '../base/assert.ts';
import { Cluster } from './cluster-harness.ts';
import type { ClusterOptions } from './cluster-harness.ts';
import {
  describeConfState,
  describeEntry,
  describeMember,
  describeMessage,
  describeNode,
  describeReadState,
  describeRefusal,
  describeSnapshot,
  describeSoftState,
} from './describe.ts';
import type { RawNode } from './raw-node.ts';
import type { Ready } from './ready.ts';
import { bytes, change } from './test-messages.ts';
import type { LogSketch } from './test-messages.ts';
import type { TestNode, Tuning } from './test-node.ts';
import type { MemberId, Message } from './types.ts';

/**
 * Runs scenario files: text in which a line that starts with `> ` is a command and the indented lines below it
 * are what it made happen. Everything else (comments, blank lines) is kept as it stands.
 *
 * Commands; messages wait in the network until they are delivered:
 *
 *     cluster 1 2 3 learners 4 with electionTicks=10    new cluster
 *     cluster 1 2 3 log 1:1,1,2@3 2:1                   terms of the logs, @ the term that a server is in
 *     server 4                                          a server that is no member yet
 *     campaign 1 · tick 1 [times] · tick all [times]    `tick all` settles after each tick
 *     propose 1 text · change 1 +4 ~5 -2 · transfer 1 2 · read 2 · stepdown 1 · forget 2 · commit 1 2
 *     snapshots 1                                       streams the snapshots that a leader wants to send
 *     settle · deliver [which] · drop [which]           which: 1->2, 1->*, *->2 and/or the type of a message
 *     cut 1 2 · isolate 1 · partition 1 2 | 3 · heal
 *     crash 1 [writes] · restart 1 · disk 1 slow|fast · write 1 [writes] · store 1 · compact 1 index
 *     state [1 …] · log 1
 */
export function runTranscript(text: string): string {
  const transcript = new Transcript();
  const output: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('  ')) continue;
    output.push(line);
    if (!line.startsWith('> ')) continue;
    const done = transcript.run(line.slice(2).trim());
    output.push(...(done.length === 0 ? ['ok'] : done).map((event) => `  ${event}`));
  }
  return output.join('\n');
}

class Transcript {
  #cluster: Cluster | null = null;
  #events: string[] = [];

  get cluster(): Cluster {
    assert(this.#cluster !== null, 'a transcript starts with `cluster`');
    return this.#cluster;
  }

  /** Executes one command and returns what happened, one line each. */
  run(line: string): string[] {
    const [name = '', ...args] = line.split(/\s+/);
    this.#events = [];
    const command = commands[name];
    assert(command !== undefined, `no such command: ${line}`);
    command(this, args);
    return this.#events;
  }

  tell(event: string): void {
    this.#events.push(event);
  }

  begin(options: ClusterOptions): void {
    const cluster = new Cluster(options);
    this.#cluster = cluster;
    cluster.onDeliver = (message) => this.tell(describeMessage(message));
    for (const node of cluster.nodes) this.watch(node);
  }

  /** Tells of a node what is not a message: changes of role and term, truncation, commit, configuration, reads. */
  watch(node: TestNode): void {
    const name = describeMember(node.id);
    let known = {
      commit: node.raw.commitIndex,
      conf: describeConfState(node.raw.confState()),
      softState: describeSoftState(node.raw),
    };
    node.onReady = (ready: Ready) => {
      const { raw } = node;
      const softState = describeSoftState(raw);
      if (softState !== known.softState) this.tell(`${name} is ${softState} t${raw.term}`);
      if (ready.snapshot !== null) this.tell(`${name} installs ${describeSnapshot(ready.snapshot)}`);
      const last = node.disk.baseIndex + node.disk.entries.length;
      const first = ready.entries[0];
      if (first !== undefined && first.index <= last) this.tell(`${name} replaces ${first.index}..${last}`);
      if (raw.commitIndex !== known.commit) this.tell(`${name} commits ${raw.commitIndex}`);
      const conf = describeConfState(raw.confState());
      if (conf !== known.conf) this.tell(`${name} is in ${conf}`);
      for (const read of ready.readStates) this.tell(`${name} may read ${describeReadState(read)}`);
      for (const to of ready.snapshotsWanted) this.tell(`${name} wants a snapshot for ${describeMember(to)}`);
      known = { commit: raw.commitIndex, conf, softState };
    };
  }
}

const member = (text: string | undefined): MemberId => {
  assert(text !== undefined && /^\d+$/.test(text), `no member: ${text}`);
  return Number(text);
};

const times = (text: string | undefined): number => (text === undefined ? 1 : Number(text));

/** `1->2`, `*->2`, a type of message, or both; nothing means every message. */
function matcher(args: readonly string[]): (message: Message) => boolean {
  return (message) =>
    args.every((arg) => {
      const [from, to] = arg.split('->');
      if (to === undefined) return message.type === arg;
      return (from === '*' || Number(from) === message.from) && (to === '*' || Number(to) === message.to);
    });
}

/** `1:1,1,2@3`: server 1 has entries of terms 1, 1, 2 and is in term 3. */
function sketchOf(text: string): readonly [MemberId, LogSketch] {
  const [id, log = ''] = text.split(':');
  const [terms = '', term] = log.split('@');
  const list = terms === '' ? [] : terms.split(',').map(Number);
  return [member(id), term === undefined ? { terms: list } : { terms: list, term: Number(term) }];
}

function clusterOptions(args: readonly string[]): ClusterOptions {
  const sections: Record<string, string[]> = { voters: [], learners: [], log: [], with: [] };
  let section = 'voters';
  for (const arg of args) {
    if (arg in sections) section = arg;
    else sections[section]?.push(arg);
  }
  const tuning = Object.fromEntries(
    (sections['with'] ?? []).map((pair) => [pair.split('=')[0], Number(pair.split('=')[1])]),
  );
  return {
    voters: (sections['voters'] ?? []).map(member),
    learners: (sections['learners'] ?? []).map(member),
    logs: Object.fromEntries((sections['log'] ?? []).map(sketchOf)),
    tuning: tuning as Partial<Tuning>,
  };
}

/** Calls a core and tells the result, where it is worth telling. */
function call(transcript: Transcript, id: string | undefined, action: (raw: RawNode) => unknown): void {
  const result = transcript.cluster.call(member(id), action);
  if (result === false) transcript.tell('refused');
  else if (typeof result === 'string') transcript.tell(describeRefusal(result as 'invalid'));
}

type Command = (transcript: Transcript, args: readonly string[]) => void;

const commands: Readonly<Record<string, Command>> = {
  cluster: (transcript, args) => transcript.begin(clusterOptions(args)),
  server: (transcript, [id]) => transcript.watch(transcript.cluster.addServer(member(id))),
  campaign: (transcript, [id]) => call(transcript, id, (raw) => raw.campaign()),
  tick: (transcript, [id, count]) => {
    if (id === 'all') transcript.cluster.tickAll(times(count));
    else transcript.cluster.tick(member(id), times(count));
  },
  propose: (transcript, [id, ...text]) =>
    call(transcript, id, (raw) => raw.propose(bytes(text.join(' ')), 0)),
  change: (transcript, [id, ...steps]) =>
    call(transcript, id, (raw) => raw.proposeConfChange(change(...steps), 0)),
  transfer: (transcript, [id, to]) => call(transcript, id, (raw) => raw.transferLeadership(member(to))),
  read: (transcript, [id]) => transcript.tell(`read #${transcript.cluster.read(member(id))}`),
  stepdown: (transcript, [id]) => call(transcript, id, (raw) => raw.stepDown()),
  forget: (transcript, [id]) => call(transcript, id, (raw) => raw.forgetLeader()),
  commit: (transcript, [id, to]) => call(transcript, id, (raw) => raw.sendCommit(member(to))),
  snapshots: ({ cluster }, [id]) => cluster.sendSnapshots(cluster.node(member(id))),
  settle: ({ cluster }) => cluster.settle(),
  deliver: ({ cluster }, args) => {
    const wanted = matcher(args);
    // What is under way now; not what it causes.
    for (const message of cluster.inFlight.filter(wanted)) cluster.deliverOne((other) => other === message);
  },
  drop: (transcript, args) => {
    for (const message of transcript.cluster.drop(matcher(args)))
      transcript.tell(`lost ${describeMessage(message)}`);
  },
  cut: ({ cluster }, [a, b]) => cluster.cut(member(a), member(b)),
  isolate: ({ cluster }, [id]) => cluster.isolate(member(id)),
  partition: ({ cluster }, args) => {
    const groups = args.join(' ').split('|');
    cluster.partition(...groups.map((group) => group.trim().split(/\s+/).map(member)));
  },
  heal: ({ cluster }) => cluster.heal(),
  crash: ({ cluster }, [id, writes]) => cluster.crash(member(id), writes === undefined ? 0 : Number(writes)),
  restart: (transcript, [id]) => {
    transcript.cluster.restart(member(id));
    transcript.tell(describeNode(transcript.cluster.raw(member(id))));
  },
  disk: ({ cluster }, [id, speed]) => {
    const node = cluster.node(member(id));
    node.autoDisk = speed === 'fast';
    if (node.autoDisk) node.completeWrites();
  },
  write: ({ cluster }, [id, count]) =>
    cluster.node(member(id)).completeWrites(count === undefined ? undefined : Number(count)),
  store: ({ cluster }, [id]) => cluster.node(member(id)).flush(),
  compact: ({ cluster }, [id, index]) => cluster.node(member(id)).compact(times(index)),
  state: (transcript, args) => {
    const ids = args.length > 0 ? args.map(member) : transcript.cluster.ids;
    for (const id of ids) {
      const node = transcript.cluster.node(id);
      transcript.tell(node.isUp ? describeNode(node.raw) : `${describeMember(id)} is down`);
    }
  },
  log: (transcript, [id]) => {
    const raw = transcript.cluster.raw(member(id));
    for (const entry of raw.entries(raw.firstIndex, raw.lastIndex + 1)) transcript.tell(describeEntry(entry));
  },
};
