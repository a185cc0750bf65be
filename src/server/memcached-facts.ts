import type { MemcachedFacts } from '../listeners/memcached-stats.ts';
import { memcachedVersion } from '../wire/memcached-requests.ts';
import type { ListenerContext } from './listeners.ts';

const MS_PER_S = 1_000;
const US_PER_S = 1_000_000;

/** Seconds as memcached prints the time that a process has used. */
const seconds = (us: number): string => (us / US_PER_S).toFixed(6);

/** What the `stats` of a memcached port tells of the server behind it, in memcached's names. */
export function memcachedFacts(port: number, context: ListenerContext): MemcachedFacts {
  const { config, clock, admission, machine } = context;
  const startedMs = clock.monotonicMs();
  return {
    items: () => machine.keyCount,
    general() {
      const { userCPUTime, systemCPUTime } = process.resourceUsage();
      return [
        ['pid', process.pid],
        ['uptime', Math.floor((clock.monotonicMs() - startedMs) / MS_PER_S)],
        ['time', Math.floor(clock.wallMs() / MS_PER_S)],
        ['version', memcachedVersion],
        ['implementation', 'kvraft'],
        ['pointer_size', 64],
        ['rusage_user', seconds(userCPUTime)],
        ['rusage_system', seconds(systemCPUTime)],
        ['max_connections', config.connectionsMax],
        ['curr_connections', admission.connections],
        ['limit_maxbytes', 0],
        ['accepting_conns', 1],
        ['threads', 1],
      ];
    },
    settings: () => [
      ['maxbytes', 0],
      ['maxconns', config.connectionsMax],
      ['tcpport', port],
      ['udpport', 0],
      ['inter', 'NULL'],
      ['verbosity', 0],
      ['evictions', 'off'],
      ['cas_enabled', 'yes'],
      ['item_size_max', config.valueBytesMax],
      ['maxconns_fast', 'yes'],
      ['flush_enabled', 'yes'],
      ['dump_enabled', 'no'],
      ['shutdown_command', 'no'],
    ],
  };
}
