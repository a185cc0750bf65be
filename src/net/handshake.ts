import { serverOf } from '../raft/types.ts';
import { channels, type Channel } from './channel.ts';
import { PeerFields } from './peer-fields.ts';
import { packFrame } from '../base/frame.ts';
import { unpack } from '../base/msgpack.ts';
import { netLimits } from './net-limits.ts';
import { protocolError } from '../base/protocol-error.ts';
import type { PeerIdentity, TransportHandler } from './transport.ts';

export const MAGIC = 'KVRP';
export const PROTOCOL_VERSION = 1;

/** Every hello and answer begins with magic, version and kind, in every version of the protocol. */
const KIND_CHARS_MAX = 16;

export interface PeerHello {
  readonly kind: Channel;
  readonly identity: PeerIdentity;
  /** The server that the dialer believes to be calling. */
  readonly expectServer: number;
}

/** The first frame of a connection, sent by the one who dialed. */
export type Hello =
  | PeerHello
  | { readonly kind: 'admin' }
  /** Of another version of the protocol: nothing else is known of it. */
  | { readonly kind: 'other-version'; readonly version: number };

/** The first frame in the other direction. */
export type Answer =
  | { readonly kind: 'welcome'; readonly identity: PeerIdentity }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'other-version'; readonly version: number };

const identityFields = (identity: PeerIdentity): unknown[] => [
  identity.clusterId,
  identity.member,
  identity.incarnation,
];

const parseIdentity = (f: PeerFields): PeerIdentity => ({
  clusterId: f.hex(0, 32),
  member: f.member(),
  incarnation: f.hex(16),
});

export function encodeHello(hello: PeerHello | { readonly kind: 'admin' }): Buffer {
  const head = [MAGIC, PROTOCOL_VERSION, hello.kind];
  if (hello.kind === 'admin') return packFrame(head);
  return packFrame([...head, ...identityFields(hello.identity), hello.expectServer]);
}

export function encodeWelcome(identity: PeerIdentity): Buffer {
  return packFrame([MAGIC, PROTOCOL_VERSION, 'welcome', ...identityFields(identity)]);
}

export function encodeRefusal(reason: string): Buffer {
  return packFrame([MAGIC, PROTOCOL_VERSION, 'refused', reason.slice(0, netLimits.reasonCharsMax)]);
}

/** Throws `PROTOCOL` where no kvraft is speaking. */
export function decodeHello(payload: Buffer): Hello {
  const { fields, version, kind } = decodeHead(payload);
  if (version !== PROTOCOL_VERSION) return { kind: 'other-version', version };
  if (kind === 'admin') {
    fields.end();
    return { kind };
  }
  const channel = channels.find((channel) => channel === kind);
  if (channel === undefined) throw protocolError('a hello of an unknown kind');
  const hello = { kind: channel, identity: parseIdentity(fields), expectServer: fields.uint() };
  fields.end();
  return hello;
}

/** Throws `PROTOCOL` where no kvraft is speaking. */
export function decodeAnswer(payload: Buffer): Answer {
  const { fields, version, kind } = decodeHead(payload);
  let answer: Answer;
  // A refusal is read whatever its version: it says what is wrong.
  if (kind === 'refused') answer = { kind, reason: printable(fields.text(netLimits.reasonCharsMax)) };
  else if (version !== PROTOCOL_VERSION) return { kind: 'other-version', version };
  else if (kind === 'welcome') answer = { kind, identity: parseIdentity(fields) };
  else throw protocolError('an answer of an unknown kind');
  fields.end();
  return answer;
}

function decodeHead(payload: Buffer): { fields: PeerFields; version: number; kind: string } {
  const fields = new PeerFields(unpack(payload), 'handshake');
  if (fields.text(MAGIC.length) !== MAGIC) throw protocolError('no kvraft speaks here');
  return { fields, version: fields.uint(), kind: fields.text(KIND_CHARS_MAX) };
}

/** The part of a transport's handler that judges. */
export type Judge = Pick<TransportHandler, 'identity' | 'admit'>;

/** Why the one who called is turned away, or null. `knows` tells whether this server's configuration names that one. */
export function refusalOfHello(
  hello: PeerHello,
  judge: Judge,
  knows: (serverId: number) => boolean,
): string | null {
  const caller = serverOf(hello.identity.member);
  const own = serverOf(judge.identity().member);
  if (hello.expectServer !== own) {
    return (
      `server ${caller} called this one as server ${hello.expectServer}, but it is server ${own}: ` +
      'check Hostname and LogPort in the configuration of both'
    );
  }
  if (caller !== own && !knows(caller)) {
    return `server ${caller} is not in the configuration of server ${own}: add it there`;
  }
  return judge.admit(hello.identity);
}

/** Why the one who answered is not talked with, or null. `calledServer` is who was called. */
export function refusalOfWelcome(answer: PeerIdentity, calledServer: number, judge: Judge): string | null {
  const answering = serverOf(answer.member);
  if (answering !== calledServer) {
    return (
      `server ${answering} answered where server ${calledServer} was called: ` +
      'check Hostname and LogPort in the configuration of both'
    );
  }
  return judge.admit(answer);
}

export const otherVersionReason = (version: number): string =>
  `it speaks version ${version} of the protocol between servers, this one version ${PROTOCOL_VERSION}: ` +
  'run the same version of kvraft on all servers';

function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what must not get into a log
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
