/**
 * How Node runs servers; `bin/kvraft.js` gives itself the same.
 *
 * Nearly all that a server holds lies outside of the JavaScript heap, and counts against the limit that begins a full
 * collection; that limit goes by the few megabytes on the heap, so that under load five collections a second would find nothing
 * to free. Instead garbage is collected when the server is idle, too, for which the collector is exposed. None of the flags takes
 * memory before it is used.
 */
export const NODE_FLAGS = ['--expose-gc', '--initial-old-space-size=256', '--min-semi-space-size=16'];

/**
 * Of the GNU C library: memory that is freed in large pieces goes back to the system, and leaves no holes; and all threads
 * share what is free.
 */
export const GLIBC_TUNABLES = 'glibc.malloc.mmap_threshold=131072:glibc.malloc.arena_max=1';

/** The environment of a server: this process's, which may have its own opinion. */
export const serverEnvironment = (): NodeJS.ProcessEnv => ({ GLIBC_TUNABLES, ...process.env });

/** The environment for a program that is not ours. */
export function foreignEnvironment(): NodeJS.ProcessEnv {
  const { GLIBC_TUNABLES: tunables, ...rest } = process.env;
  return tunables === undefined || tunables === GLIBC_TUNABLES ? rest : { ...rest, GLIBC_TUNABLES: tunables };
}
