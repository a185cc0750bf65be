/** A request that memcached and kvraft answer differently, on purpose, and what each of them answers. */
export interface Difference {
  /** As the documentation names it. */
  readonly name: string;
  /** Sent before, to both; what is answered is not looked at. */
  readonly before?: string;
  readonly request: string;
  readonly memcached: string;
  readonly kvraft: string;
}

const long = 'k'.repeat(251);

/** Every row of the table in docs/memcached-protocol.md that shows in a reply. */
export const differences: readonly Difference[] = [
  {
    name: 'refused values',
    request: `set ${long} 0 0 3\r\nabc\r\n`,
    memcached: 'CLIENT_ERROR bad command line format\r\nERROR\r\n',
    kvraft: 'CLIENT_ERROR bad command line format\r\n',
  },
  {
    name: 'refused values',
    request: 'set k x 0 3\r\nabc\r\n',
    memcached: 'CLIENT_ERROR bad command line format\r\nERROR\r\n',
    kvraft: 'CLIENT_ERROR bad command line format\r\n',
  },
  {
    name: 'bad data chunk',
    request: 'set k 0 0 3\r\nabcdef\r\n',
    memcached: 'CLIENT_ERROR bad data chunk\r\nERROR\r\n',
    kvraft: 'CLIENT_ERROR bad data chunk\r\n<closed>',
  },
  {
    name: 'bare line ends',
    request: 'set k 0 0 1\nx\n\n',
    memcached: 'CLIENT_ERROR bad data chunk\r\n',
    kvraft: 'STORED\r\nERROR\r\n',
  },
  {
    name: 'large numbers',
    before: 'set k 5 0 1\r\nx\r\n',
    request: 'set k 4294967296 0 1\r\nx\r\n',
    memcached: 'STORED\r\n',
    kvraft: 'CLIENT_ERROR bad command line format\r\n',
  },
  {
    name: 'large numbers',
    request: 'set k 0 4000000000 1\r\nx\r\nget k\r\n',
    memcached: 'STORED\r\nEND\r\n',
    kvraft: 'STORED\r\nVALUE k 0 1\r\nx\r\nEND\r\n',
  },
  {
    name: 'padded numbers',
    before: 'set k 0 0 3\r\n100\r\ndecr k 1\r\n',
    request: 'get k\r\n',
    memcached: 'VALUE k 0 3\r\n99 \r\nEND\r\n',
    kvraft: 'VALUE k 0 2\r\n99\r\nEND\r\n',
  },
  {
    name: 'what a number is',
    before: 'set k 0 0 8\r\n5 apples\r\n',
    request: 'incr k 1\r\n',
    memcached: '6\r\n',
    kvraft: 'CLIENT_ERROR cannot increment or decrement non-numeric value\r\n',
  },
  {
    name: 'times of access',
    before: 'set k 0 0 1\r\nx\r\n',
    request: 'mg k h l s\r\n',
    memcached: 'HD h0 l0 s1\r\n',
    kvraft: 'HD s1\r\n',
  },
  {
    name: 'order of the flags',
    before: 'set k 0 0 1\r\nx\r\n',
    request: 'mg k t T100\r\n',
    memcached: 'HD t-1\r\n',
    kvraft: 'HD t100\r\n',
  },
  {
    name: 'names of keys',
    before: 'ms Zm9v 1 b\r\nx\r\n',
    request: 'mg foo k\r\n',
    memcached: 'HD kZm9v b\r\n',
    kvraft: 'HD kfoo\r\n',
  },
  {
    name: 'quiet arithmetic',
    request: 'ma nothing N0 q\r\n',
    memcached: 'HD\r\n',
    kvraft: '',
  },
  {
    name: 'too large values',
    before: `set k 0 0 1\r\nx\r\n`,
    request: `set k 0 0 1048577\r\n${'x'.repeat(1_048_577)}\r\nget k\r\n`,
    memcached: 'SERVER_ERROR object too large for cache\r\nEND\r\n',
    kvraft: 'SERVER_ERROR object too large for cache\r\nVALUE k 0 1\r\nx\r\nEND\r\n',
  },
  {
    name: 'too large values',
    request: `set k 0 0 1048576\r\n${'x'.repeat(1_048_576)}\r\n`,
    memcached: 'SERVER_ERROR object too large for cache\r\n',
    kvraft: 'STORED\r\n',
  },
  {
    name: 'too large values',
    before: `set k 0 0 1000000\r\n${'x'.repeat(1_000_000)}\r\n`,
    request: `append k 0 0 100000\r\n${'y'.repeat(100_000)}\r\n`,
    memcached: 'NOT_STORED\r\n',
    kvraft: 'STORED\r\n',
  },
  {
    name: 'long lines',
    request: `${'x'.repeat(2_100)}\r\n`,
    memcached: 'ERROR\r\n',
    kvraft: 'CLIENT_ERROR line too long\r\n<closed>',
  },
  { name: 'commands of a cache', request: 'slabs automove 1\r\n', memcached: 'OK\r\n', kvraft: 'ERROR\r\n' },
  {
    name: 'commands of a cache',
    request: 'lru_crawler sleep 100\r\n',
    memcached: 'OK\r\n',
    kvraft: 'ERROR\r\n',
  },
  { name: 'commands of a cache', request: 'cache_memlimit 64\r\n', memcached: 'OK\r\n', kvraft: 'ERROR\r\n' },
  { name: 'commands of a cache', request: 'bget absent\r\n', memcached: 'END\r\n', kvraft: 'ERROR\r\n' },
  {
    name: 'statistics by prefix',
    request: 'stats detail on\r\n',
    memcached: 'OK\r\n',
    kvraft: 'CLIENT_ERROR usage: stats detail dump\r\n',
  },
  {
    name: 'commands of a cache',
    request: 'stats cachedump 40 1\r\n',
    memcached: 'END\r\n',
    kvraft: 'ERROR\r\n',
  },
];
