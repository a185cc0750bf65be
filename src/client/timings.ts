/** Times of the client that are nobody's choice, in milliseconds unless they say otherwise. */
export const timings = {
  /** Housekeeping; what is counted in ticks counts a pause of this process as one. */
  tickMs: 100,
  /** A server must have welcomed the client so long after the first attempt to connect. */
  welcomeTicksMax: 20,
  /** With a request under way, so often the server is asked for a sign of life; with watches alone, less often. */
  pingTicks: 5,
  idlePingTicks: 50,
  /** Without any sign of life for so long after that, the connection counts as dead. */
  silentTicksMax: 15,
  /** A line that is slower than that is not good enough for the bytes that are under way. */
  bytesPerTickMin: 50 * 1024,
  /** A server that knows no leader for so long is left, if another one knows one. */
  leaderlessTicksMax: 5,
  /** Between attempts, growing with failures in a row, each shortened by up to a half at random. */
  backoffMsMin: 50,
  backoffMsMax: 2_000,
  /** A server that is none of this cluster, or speaks something else, is not asked again for so long. */
  refusedMs: 10_000,
  /** A connection that stood for this long was a success. */
  stoodMsMin: 1_000,
  /** How long `close` waits for the session's end to be acknowledged. */
  closeMsMax: 1_000,
} as const;
