/** The dialects of the text protocol, by the names that configurations and people use. */
export type TextDialectName = 'kvraft' | 'raft-golang' | 'redirect' | 'redirect-legacy';

/** A server as a client is told of it. */
export interface RedirectTarget {
  /** As configured. */
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

/** What differs between the stores whose clients the text protocol serves. */
export interface TextDialect {
  readonly name: TextDialectName;
  /** What a server that does not lead answers, naming the one that does; null if it forwards the request instead. */
  readonly redirect: ((leader: RedirectTarget) => string) | null;
  /** What `set` asks of its key: nothing, or that there is none yet. */
  readonly setWhen: 'always' | 'absent';
  /** How the errors are spelled. */
  readonly malformed: string;
  readonly notFound: string;
  readonly versionMismatch: string;
  readonly internal: string;
}

const errors = {
  malformed: 'ERR_CMD_ERR',
  notFound: 'ERR_NOT_FOUND',
  versionMismatch: 'ERR_VERSION',
  internal: 'ERR_INTERNAL',
} as const;

const redirectById = ({ id }: RedirectTarget): string => `REDIRECT ${id}`;
const redirectByAddress = ({ host, port }: RedirectTarget): string => `ERR_REDIRECT ${host} ${port}`;

/** One row a dialect. */
export const textDialects: Readonly<Record<TextDialectName, TextDialect>> = {
  kvraft: { name: 'kvraft', redirect: null, setWhen: 'always', ...errors },
  'raft-golang': { name: 'raft-golang', redirect: redirectById, setWhen: 'absent', ...errors },
  redirect: { name: 'redirect', redirect: redirectByAddress, setWhen: 'always', ...errors },
  'redirect-legacy': {
    name: 'redirect-legacy',
    redirect: redirectByAddress,
    setWhen: 'always',
    ...errors,
    malformed: 'ERRCMDERR',
    notFound: 'ERRNOTFOUND',
  },
};

/** Whether the leader is named by host and port, so that a client needs to know no more. */
export const redirectsByAddress = ({ redirect }: TextDialect): boolean => redirect === redirectByAddress;

export const textDialectNames = Object.keys(textDialects) as readonly TextDialectName[];
