/** The client of a cluster, and servers of one that run in this program. */
export * from './client/index.ts';
export * from './embedded/index.ts';
