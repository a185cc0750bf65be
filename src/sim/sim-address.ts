const PORT_BASE = 1_000;

/** Where clients find a simulated server. */
export const simAddress = (serverId: number): { host: string; port: number } => ({
  host: 'simulated',
  port: PORT_BASE + serverId,
});

/** The id of the server at an address that `simAddress` gave. */
export const simServerAt = ({ port }: { readonly port: number }): number => port - PORT_BASE;
