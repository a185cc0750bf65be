export type TextDialectName = 'kvraft';

/** What differs between the stores whose clients the text protocol serves. */
export interface TextDialect {
  readonly name: TextDialectName;
  /** What `set` asks of its key: nothing, or that there is none yet. */
  readonly setWhen: 'always' | 'absent';
  /** How the errors are spelled. */
  readonly malformed: string;
  readonly notFound: string;
  readonly versionMismatch: string;
  readonly internal: string;
}

/** One row a dialect. */
export const textDialects: Readonly<Record<TextDialectName, TextDialect>> = {
  kvraft: {
    name: 'kvraft',
    setWhen: 'always',
    malformed: 'ERR_CMD_ERR',
    notFound: 'ERR_NOT_FOUND',
    versionMismatch: 'ERR_VERSION',
    internal: 'ERR_INTERNAL',
  },
};
