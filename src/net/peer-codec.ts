import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { Life, Prepare, ServerMessage } from '../primary-backup/types.ts';
import type { AppendEntries, Entry, EntryType, Message } from '../raft/types.ts';
import { PeerFields } from './peer-fields.ts';
import { FRAME_HEADER_BYTES, packFrame, sealFrame } from '../base/frame.ts';
import { pack, unpack } from '../base/msgpack.ts';
import { protocolError } from '../base/protocol-error.ts';
import type { ForwardRefused, PeerMessage } from './transport.ts';

const ENTRY_TYPES: readonly EntryType[] = ['normal', 'conf-change'];
const REFUSALS: readonly ForwardRefused['reason'][] = ['not-leader', 'overloaded', 'no-space'];

interface MessageCodec<M> {
  /** The first field of the message. A number is never given a second meaning. */
  readonly type: number;
  /** The fields behind the type number. */
  readonly fields: (message: M) => unknown[];
  /** Takes the same fields, in the same order. */
  readonly parse: (fields: PeerFields) => M;
}

type Codecs = {
  readonly [T in PeerMessage['type']]: MessageCodec<Extract<PeerMessage, { readonly type: T }>>;
};

const envelope = (message: Message): number[] => [message.from, message.to, message.term];
const parseEnvelope = (f: PeerFields): { from: number; to: number; term: number } => ({
  from: f.member(),
  to: f.member(),
  term: f.uint(),
});

const viewEnvelope = (message: ServerMessage): number[] => [message.from, message.to, message.view];
const parseViewEnvelope = (f: PeerFields): { from: number; to: number; view: number } => ({
  from: f.member(),
  to: f.member(),
  view: f.uint(),
});
const lifeFields = (life: Life | null): unknown[] =>
  life === null ? [] : [life.server, life.folder, life.boot];
function parseLife(value: unknown): Life | null {
  if (Array.isArray(value) && value.length === 0) return null;
  const f = new PeerFields(value, 'life');
  const life = { server: f.member(), folder: f.hex(16), boot: f.uint() };
  f.end();
  return life;
}
/** Characters of what a view service waits for. */
const WAITING_CHARS_MAX = 1_000;

/** One line a field: `docs/peer-protocol.md` describes them. */
const codecs: Codecs = {
  RequestVote: {
    type: 1,
    fields: (m) => [...envelope(m), m.preVote, m.transfer, m.lastLogIndex, m.lastLogTerm],
    parse: (f) => ({
      type: 'RequestVote',
      ...parseEnvelope(f),
      preVote: f.bool(),
      transfer: f.bool(),
      lastLogIndex: f.uint(),
      lastLogTerm: f.uint(),
    }),
  },
  RequestVoteResponse: {
    type: 2,
    fields: (m) => [...envelope(m), m.preVote, m.granted],
    parse: (f) => ({
      type: 'RequestVoteResponse',
      ...parseEnvelope(f),
      preVote: f.bool(),
      granted: f.bool(),
    }),
  },
  AppendEntries: {
    type: 3,
    // The entries come behind these, encoded apart: see MessageEncoder.
    fields: (m) => [...envelope(m), m.prevLogIndex, m.prevLogTerm, m.leaderCommit],
    parse: parseAppendEntries,
  },
  AppendEntriesResponse: {
    type: 4,
    fields: (m) => [...envelope(m), m.success, m.index, m.hintIndex, m.hintTerm],
    parse: (f) => ({
      type: 'AppendEntriesResponse',
      ...parseEnvelope(f),
      success: f.bool(),
      index: f.uint(),
      hintIndex: f.uint(),
      hintTerm: f.uint(),
    }),
  },
  Heartbeat: {
    type: 5,
    fields: (m) => [...envelope(m), m.leaderCommit, m.readRound],
    parse: (f) => ({ type: 'Heartbeat', ...parseEnvelope(f), leaderCommit: f.uint(), readRound: f.uint() }),
  },
  HeartbeatResponse: {
    type: 6,
    fields: (m) => [...envelope(m), m.readRound],
    parse: (f) => ({ type: 'HeartbeatResponse', ...parseEnvelope(f), readRound: f.uint() }),
  },
  InstallSnapshot: {
    type: 7,
    fields: (m) => {
      const { index, term, stampMs, confState } = m.snapshot;
      const { voters, votersOutgoing, learners, learnersNext } = confState;
      return [...envelope(m), index, term, stampMs, voters, votersOutgoing, learners, learnersNext];
    },
    parse: (f) => ({
      type: 'InstallSnapshot',
      ...parseEnvelope(f),
      snapshot: {
        index: f.uint(),
        term: f.uint(),
        stampMs: f.uint(),
        confState: {
          voters: f.members(),
          votersOutgoing: f.members(),
          learners: f.members(),
          learnersNext: f.members(),
        },
      },
    }),
  },
  TimeoutNow: {
    type: 8,
    fields: envelope,
    parse: (f) => ({ type: 'TimeoutNow', ...parseEnvelope(f) }),
  },
  ReadIndex: {
    type: 9,
    fields: (m) => [...envelope(m), m.context],
    parse: (f) => ({ type: 'ReadIndex', ...parseEnvelope(f), context: f.uint() }),
  },
  ReadIndexResponse: {
    type: 10,
    fields: (m) => [...envelope(m), m.context, m.index, m.stampMs],
    parse: (f) => ({
      type: 'ReadIndexResponse',
      ...parseEnvelope(f),
      context: f.uint(),
      index: f.uint(),
      stampMs: f.uint(),
    }),
  },
  Forward: {
    type: 16,
    fields: (m) => [m.proposal, m.data],
    parse: (f) => ({ type: 'Forward', proposal: f.uint(), data: f.bytes() }),
  },
  ForwardRefused: {
    type: 17,
    fields: (m) => [m.proposal, REFUSALS.indexOf(m.reason)],
    parse: (f) => ({ type: 'ForwardRefused', proposal: f.uint(), reason: f.choice(REFUSALS) }),
  },
  SnapshotChunk: {
    type: 18,
    fields: (m) => [m.transfer, m.seq, m.term, m.index, m.indexTerm, m.stampMs, m.conf, m.data, m.last],
    parse: (f) => ({
      type: 'SnapshotChunk',
      transfer: f.uint(),
      seq: f.uint(),
      term: f.uint(),
      index: f.uint(),
      indexTerm: f.uint(),
      stampMs: f.uint(),
      conf: f.bytes(),
      data: f.bytes(),
      last: f.bool(),
    }),
  },
  SnapshotAck: {
    type: 19,
    fields: (m) => [m.transfer, m.next, m.failed],
    parse: (f) => ({ type: 'SnapshotAck', transfer: f.uint(), next: f.uint(), failed: f.bool() }),
  },
  Join: {
    type: 20,
    fields: () => [],
    parse: () => ({ type: 'Join' }),
  },
  LogTime: {
    type: 21,
    fields: (m) => [m.term, m.logTimeMs],
    parse: (f) => ({ type: 'LogTime', term: f.uint(), logTimeMs: f.uint() }),
  },
  Prepare: {
    type: 32,
    // The operations come behind these, encoded apart, as the entries of AppendEntries.
    fields: (m) => [...viewEnvelope(m), m.prevIndex, m.prevView, m.committed],
    parse: parsePrepare,
  },
  PrepareOk: {
    type: 33,
    fields: (m) => [...viewEnvelope(m), m.folder, m.boot, m.accepted, m.index, m.hintIndex, m.hintView],
    parse: (f) => ({
      type: 'PrepareOk',
      ...parseViewEnvelope(f),
      folder: f.hex(16),
      boot: f.uint(),
      accepted: f.bool(),
      index: f.uint(),
      hintIndex: f.uint(),
      hintView: f.uint(),
    }),
  },
  Commit: {
    type: 34,
    fields: (m) => [...viewEnvelope(m), m.committed, m.round],
    parse: (f) => ({ type: 'Commit', ...parseViewEnvelope(f), committed: f.uint(), round: f.uint() }),
  },
  CommitOk: {
    type: 35,
    fields: (m) => [...viewEnvelope(m), m.folder, m.boot, m.round],
    parse: (f) => ({
      type: 'CommitOk',
      ...parseViewEnvelope(f),
      folder: f.hex(16),
      boot: f.uint(),
      round: f.uint(),
    }),
  },
  Deposed: {
    type: 36,
    fields: viewEnvelope,
    parse: (f) => ({ type: 'Deposed', ...parseViewEnvelope(f) }),
  },
  AskRead: {
    type: 37,
    fields: (m) => [...viewEnvelope(m), m.context],
    parse: (f) => ({ type: 'AskRead', ...parseViewEnvelope(f), context: f.uint() }),
  },
  ReadConfirmed: {
    type: 38,
    fields: (m) => [...viewEnvelope(m), m.context, m.index, m.stampMs],
    parse: (f) => ({
      type: 'ReadConfirmed',
      ...parseViewEnvelope(f),
      context: f.uint(),
      index: f.uint(),
      stampMs: f.uint(),
    }),
  },
  Ping: {
    type: 48,
    fields: (m) => [
      m.folder,
      m.boot,
      m.acknowledged,
      m.inSync,
      m.unreachable,
      m.leaving,
      m.answer,
      m.durableView,
      m.lastView,
      m.lastIndex,
    ],
    parse: (f) => ({
      type: 'Ping',
      folder: f.hex(16),
      boot: f.uint(),
      acknowledged: f.uint(),
      inSync: f.bool(),
      unreachable: f.bool(),
      leaving: f.bool(),
      answer: f.uint(),
      durableView: f.uint(),
      lastView: f.uint(),
      lastIndex: f.uint(),
    }),
  },
  ViewNotice: {
    type: 49,
    fields: ({ view, waiting, question, clusterId }) => [
      view.number,
      lifeFields(view.primary),
      lifeFields(view.backup),
      waiting.slice(0, WAITING_CHARS_MAX),
      question,
      clusterId,
    ],
    parse: (f) => ({
      type: 'ViewNotice',
      view: { number: f.uint(), primary: parseLife(f.list()), backup: parseLife(f.list()) },
      waiting: f.text(WAITING_CHARS_MAX),
      question: f.uint(),
      clusterId: f.hex(0, 32),
    }),
  },
};

const parsers = new Map<number, (fields: PeerFields) => PeerMessage>();
for (const { type, parse } of Object.values(codecs)) {
  assert(!parsers.has(type), 'type numbers are given once');
  parsers.set(type, parse);
}

/**
 * Decodes the payload of a frame. Throws `PROTOCOL` on anything but exactly one message. The data of entries,
 * proposals and snapshots aliases the payload.
 */
export function decodeMessage(payload: Buffer): PeerMessage {
  const fields = new PeerFields(unpack(payload), 'message');
  const type = fields.uint();
  const parse = parsers.get(type);
  if (parse === undefined) throw protocolError(`a message of the unknown type ${type}`);
  const message = parse(fields);
  fields.end();
  return message;
}

/**
 * Encodes messages into frames. A leader sends the same entries to every follower: their encoded form is kept until
 * `forget`, so that each further follower costs no more than the head of its message.
 */
export class MessageEncoder {
  /** By the last entry, which together with the first tells the same piece of the same log. */
  readonly #bodies = new Map<Entry, { readonly first: Entry; readonly bytes: Buffer }>();

  /** The frame in parts, which are sent one right after the other and not changed any more. */
  encode(message: PeerMessage): readonly Buffer[] {
    if (message.type === 'AppendEntries') {
      const { type, fields } = codecs.AppendEntries;
      return this.#encodeEntries([type, ...fields(message)], message.prevLogIndex, message.entries);
    }
    if (message.type === 'Prepare') {
      const { type, fields } = codecs.Prepare;
      return this.#encodeEntries([type, ...fields(message)], message.prevIndex, message.entries);
    }
    const codec = codecs[message.type] as MessageCodec<PeerMessage>;
    const frame = packFrame([codec.type, ...codec.fields(message)]);
    assertFits(frame.length - FRAME_HEADER_BYTES);
    return [frame];
  }

  /** To be called when the messages of one turn are through. */
  forget(): void {
    this.#bodies.clear();
  }

  #encodeEntries(
    values: readonly unknown[],
    prevIndex: number,
    entries: readonly Entry[],
  ): readonly Buffer[] {
    assertContiguous(prevIndex, entries);
    const body = this.#body(entries);
    const head = pack(values, FRAME_HEADER_BYTES);
    // The low bits of msgpack's short array head count its items: the entries become the last one.
    head[FRAME_HEADER_BYTES] = 0x90 | (values.length + 1);
    assertFits(head.length - FRAME_HEADER_BYTES + body.length);
    sealFrame(head, body);
    return [head, body];
  }

  #body(entries: readonly Entry[]): Buffer {
    const first = entries[0];
    const last = entries.at(-1);
    if (first === undefined || last === undefined) return pack([], 0);
    const known = this.#bodies.get(last);
    if (known?.first === first) return known.bytes;
    const bytes = pack(entryRows(entries), 0);
    this.#bodies.set(last, { first, bytes });
    return bytes;
  }
}

/** Entries without their indexes: they follow `prevLogIndex` without a gap. */
const entryRows = (entries: readonly Entry[]): unknown[] =>
  entries.map((entry) => [entry.term, ENTRY_TYPES.indexOf(entry.type), entry.stampMs, entry.data]);

function parseAppendEntries(f: PeerFields): AppendEntries {
  const head = { type: 'AppendEntries', ...parseEnvelope(f) } as const;
  const prevLogIndex = f.uint();
  const prevLogTerm = f.uint();
  const leaderCommit = f.uint();
  const entries = parseEntries(f.list(), prevLogIndex, prevLogTerm);
  const lastTerm = entries.at(-1)?.term ?? prevLogTerm;
  if (lastTerm > head.term) throw protocolError('entries of a later term than their leader');
  return { ...head, prevLogIndex, prevLogTerm, entries, leaderCommit };
}

function parsePrepare(f: PeerFields): Prepare {
  const head = { type: 'Prepare', ...parseViewEnvelope(f) } as const;
  const prevIndex = f.uint();
  const prevView = f.uint();
  const committed = f.uint();
  const entries = parseEntries(f.list(), prevIndex, prevView);
  if ((entries.at(-1)?.term ?? prevView) > head.view)
    throw protocolError('operations of a later view than their primary');
  return { ...head, prevIndex, prevView, entries, committed };
}

function parseEntries(rows: readonly unknown[], prevLogIndex: number, prevLogTerm: number): Entry[] {
  if (prevLogIndex + rows.length > Number.MAX_SAFE_INTEGER)
    throw protocolError('entries past the last index');
  let lastTerm = prevLogTerm;
  return rows.map((row, i) => {
    const f = new PeerFields(row, 'entry');
    const term = f.uint();
    const type = f.choice(ENTRY_TYPES);
    const entry: Entry = { index: prevLogIndex + 1 + i, term, type, stampMs: f.uint(), data: f.bytes() };
    f.end();
    if (term < lastTerm) throw protocolError('entries whose terms fall');
    lastTerm = term;
    return entry;
  });
}

function assertContiguous(prevIndex: number, entries: readonly Entry[]): void {
  for (let i = 0; i < entries.length; i++) {
    assert(entries[i]?.index === prevIndex + 1 + i, 'the entries of a message follow one another');
  }
}

function assertFits(payloadBytes: number): void {
  assert(payloadBytes <= limits.frameBytesMax, `a message of ${payloadBytes} bytes fits into a frame`);
}
