/** Monitors and servers share the transport: the ids of monitors begin here there, those of servers are below. */
export const MONITOR_IDS_FROM = 64_000;
