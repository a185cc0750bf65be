export { createServer, type CreateServerOptions } from './create-server.ts';
export type { EmbeddedServer } from './embedded-server.ts';
