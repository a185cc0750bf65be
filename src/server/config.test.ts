import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KvraftError } from '../base/errors.ts';
import { dataFolder, parseConfig, readConfig } from './config.ts';

const server = (id: number, client: number, log: number, rest = ''): string =>
  `{"Id": ${id}, "Hostname": "localhost", "ClientPort": ${client}, "LogPort": ${log}${rest}}`;
const withServers = (...servers: string[]): string => `{"servers": [${servers.join(', ')}]}`;

function fault(text: string): string {
  try {
    parseConfig(text, '/etc/kvraft/config.json');
  } catch (error) {
    assert.ok(error instanceof KvraftError);
    assert.equal(error.code, 'INVALID_CONFIG');
    assert.ok(!error.message.includes('\n'), 'one line');
    return error.message;
  }
  return assert.fail('the configuration was accepted');
}

test('a configuration with comments, trailing commas and a path of dots is valid as it stands', () => {
  const config = parseConfig(
    `{
    "path" : "...", // Unused for now
    "servers" : [
        {"Id": 0, "Hostname": "localhost", "ClientPort": 8000, "LogPort": 9000},
        {"Id": 1, "Hostname": "localhost", "ClientPort": 8001, "LogPort": 9001},
    ],
}`,
    '/etc/kvraft/config.json',
  );
  assert.equal(config.path, '/etc/kvraft/data');
  assert.equal(dataFolder(config, 1), '/etc/kvraft/data/server-1');
  assert.deepEqual(config.servers[1], {
    id: 1,
    hostname: 'localhost',
    clientPort: 8001,
    logPort: 9001,
    listeners: [{ protocol: 'text', dialect: 'kvraft', port: 8001 }],
  });
});

test('names are matched whatever their case', () => {
  const config = parseConfig(
    '{"Path": "x", "Servers": [{"id": 7, "HOSTNAME": "h", "clientport": 1, "logPort": 2}]}',
    'config.json',
  );
  const [{ listeners: _, ...rest } = assert.fail()] = config.servers;
  assert.deepEqual(rest, { id: 7, hostname: 'h', clientPort: 1, logPort: 2 });
});

test('ids need not be sequential and hosts need not be local', () => {
  const config = parseConfig(withServers(server(40, 1, 2), server(3, 3, 4)), 'config.json');
  assert.deepEqual(
    config.servers.map(({ id }) => id),
    [40, 3],
  );
});

test('an unknown name is refused with the nearest known one', () => {
  assert.match(fault('{"serverz": []}'), /servers: is missing/);
  assert.match(
    fault(`{"servers": [${server(0, 1, 2, ', "LogPrt": 3')}]}`),
    /^\/etc\/kvraft\/config\.json: servers\[0\]\.LogPrt: is not a known name; did you mean LogPort\?$/,
  );
});

test('duplicate ids and ports are refused and both places named', () => {
  assert.match(
    fault(withServers(server(1, 1, 2), server(1, 3, 4))),
    /servers\[1\]\.Id: 1 is also the Id of servers\[0\]/,
  );
  assert.match(
    fault(withServers(server(1, 1, 2), server(2, 2, 4))),
    /servers\[1\]\.ClientPort: 2 on localhost is also servers\[0\]\.LogPort/,
  );
});

test('ports out of range, missing ones and values of the wrong kind are refused', () => {
  assert.match(fault(withServers(server(1, 0, 2))), /servers\[0\]\.ClientPort: 0 is not from 1 to 65535/);
  assert.match(fault(withServers(server(1, 70_000, 2))), /70000 is not from 1 to 65535/);
  assert.match(fault('{"servers": [{"Id": 1, "ClientPort": 5}]}'), /servers\[0\]\.LogPort: is missing/);
  assert.match(fault('{"servers": [{"Id": "one"}]}'), /servers\[0\]\.Id: "one" is not a whole number/);
  assert.match(fault('{"servers": [5]}'), /servers\[0\]: 5 is not an object/);
  assert.match(fault('{"servers": 5}'), /servers: 5 is not a list/);
  assert.match(fault('[]'), /\[\] is not an object/);
});

test('a server listens where its entry says, its ClientPort first and in the dialect of the cluster or its own', () => {
  const ports = ', "HttpPort": 5, "rpcport": 3, "MemcachedPort": 4, "listen": ["kvraft:6", "rpc:7"]';
  const [first] = parseConfig(withServers(server(1, 1, 2, ports)), 'config.json').servers;
  assert.deepEqual(first?.listeners, [
    { protocol: 'text', dialect: 'kvraft', port: 1 },
    { protocol: 'rpc', port: 3 },
    { protocol: 'memcached', port: 4 },
    { protocol: 'http', port: 5 },
    { protocol: 'text', dialect: 'kvraft', port: 6 },
    { protocol: 'rpc', port: 7 },
  ]);
});

test('listeners that cannot be are refused', () => {
  const listen = (text: string): string => fault(withServers(server(1, 1, 2, `, "listen": ${text}`)));
  assert.match(listen('["kvraft"]'), /servers\[0\]\.listen\[0\]: "kvraft" is not of the form <name>:<port>/);
  assert.match(listen('["kvraft:5", "gopher:70"]'), /listen\[1\]: "gopher" is none of kvraft, /);
  assert.match(listen('["kvraft:70000"]'), /70000 is not from 1 to 65535/);
  assert.match(listen('["kvraft:0"]'), /0 is not from 1 to 65535/);
  assert.match(listen('"kvraft:5"'), /listen: "kvraft:5" is not a list/);
  assert.match(listen('[5]'), /listen\[0\]: 5 is not a text/);
  assert.match(listen('["kvraft:2"]'), /listen\[0\]: 2 on localhost is also servers\[0\]\.LogPort/);
  assert.match(
    fault(withServers(server(1, 1, 2, ', "RpcPort": 5'), server(2, 5, 4))),
    /servers\[1\]\.ClientPort: 5 on localhost is also servers\[0\]\.RpcPort/,
  );
  assert.match(
    fault(`{"dialect": "klingon", ${withServers(server(1, 1, 2)).slice(1)}`),
    /dialect: "klingon" is none of kvraft/,
  );
});

test('no servers and too many are refused', () => {
  assert.match(fault('{"servers": []}'), /servers: names no server/);
  const ten = Array.from({ length: 10 }, (_, i) => server(i, 100 + i, 200 + i));
  assert.match(fault(withServers(...ten)), /10 are more than the 9/);
});

test('what is not JSON is refused with its line and column', () => {
  assert.match(fault('{\n  "servers" [\n'), /line 2, column 13: not JSON/);
});

test('an election timeout that a lost heartbeat would exceed is refused', () => {
  const text = `{"electionTimeoutMs": 100, "heartbeatIntervalMs": 50, "servers": [${server(0, 1, 2)}]}`;
  assert.match(fault(text), /electionTimeoutMs: 100 is less than four times heartbeatIntervalMs/);
});

test('a file that is not there says how to name one', () => {
  assert.throws(() => readConfig('/nowhere/config.json'), /ENOENT.*--config/);
});

test('an engine with a view service is read with its monitors', () => {
  const text = `{ "engine": "primary-backup", "pingIntervalMs": 50, "servers": [{"Id": 0, "ClientPort": 8000, "LogPort": 9000}],
    "Monitors": [{"id": 0, "port": 9100}, {"Id": 7, "Hostname": "m", "Port": 9100}] }`;
  const { engine, monitors, timings } = parseConfig(text, '/etc/kvraft/config.json');
  assert.equal(engine, 'primary-backup');
  assert.deepEqual(monitors, [
    { id: 0, hostname: 'localhost', port: 9100 },
    { id: 7, hostname: 'm', port: 9100 },
  ]);
  assert.deepEqual(timings, { pingIntervalMs: 50, deadPings: 5 });
});

test('engines and monitors that cannot be used are refused, with their place', () => {
  const server = '"servers": [{"Id": 0, "ClientPort": 8000, "LogPort": 9000}]';
  const refused: [string, RegExp][] = [
    [`{${server}, "engine": "paxos"}`, /: engine: "paxos" is none of raft, primary-backup$/],
    [`{${server}, "engine": "primary-backup"}`, /: monitors: is missing/],
    [`{${server}, "monitors": [{"Id": 0, "Port": 9100}]}`, /: monitors: only the engine primary-backup/],
    [
      `{${server}, "engine": "primary-backup", "monitors": [{"Id": 0, "Port": 9000}]}`,
      /: monitors\[0\]\.Port: 9000 on localhost is also servers\[0\]\.LogPort$/,
    ],
    [
      `{${server}, "engine": "primary-backup", "monitors": [{"Id": 0, "Port": 9100}, {"Id": 0, "Port": 9101}]}`,
      /: monitors\[1\]\.Id: 0 is also the Id of monitors\[0\]$/,
    ],
  ];
  for (const [text, message] of refused)
    assert.throws(() => parseConfig(text, 'config.json'), { code: 'INVALID_CONFIG', message });
});
