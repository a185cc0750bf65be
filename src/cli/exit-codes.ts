/** What the exit codes of every command mean. */
export const exitCodes = {
  done: 0,
  /** The command failed, or what it checked does not hold. */
  failed: 1,
  /** Wrong arguments or an unusable configuration. */
  usage: 2,
  /** A log or a state on disk is damaged. */
  damaged: 3,
  /** Nobody answers. */
  unreachable: 4,
} as const;
