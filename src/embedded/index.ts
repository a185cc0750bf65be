export { createServer, type CreateServerOptions } from './create-server.ts';
export type { EmbeddedClientOptions, EmbeddedServer } from './embedded-server.ts';
