import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeHello, encodeWelcome, RPC_PREAMBLE } from './rpc-handshake.ts';
import { encodeReply } from './rpc-replies.ts';
import { encodeRequest } from './rpc-requests.ts';

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'rpc-protocol.md');

/** The messages of the page's example: lines of bytes, each message begun by who says it. */
function example(): string[] {
  const [, block = ''] = /## An example[\s\S]*?```\n([\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8')) ?? [];
  const messages: string[] = [];
  for (const line of block.split('\n')) {
    const [, speaker = '', bytes = ''] = /^([<>]?) *((?:[0-9a-f]{2} ?)+)(?: |$)/.exec(line) ?? [];
    if (speaker !== '') messages.push('');
    messages[messages.length - 1] = `${messages.at(-1) ?? ''}${bytes.replaceAll(' ', '')}`;
  }
  return messages;
}

test('the example of the specification is what the code sends', () => {
  const batch = { type: 'batch', session: 7, number: 1, lowest: 1, atomic: false, fence: null } as const;
  const set = { op: 'set', key: 'k', value: Buffer.from('hi'), flags: 0, ttlMs: 0, when: 'always' } as const;
  const said = [
    RPC_PREAMBLE,
    encodeHello({ version: 1, features: 0, clusterId: '' }),
    encodeWelcome({
      features: 0,
      clusterId: '00112233445566778899aabbccddeeff',
      serverId: 1,
      leaderId: 0,
      servers: [
        { id: 0, host: 'a', port: 8000 },
        { id: 1, host: 'b', port: 8001 },
      ],
      keyBytesMax: 250,
      valueBytesMax: 1_048_576,
    }),
    encodeRequest(1, { type: 'register' }),
    encodeReply.register(1, 7, 600_000),
    encodeRequest(2, { ...batch, ops: [set] }),
    encodeReply.batch(2, 'executed', [{ status: 'ok', version: 12 }]),
    encodeRequest(3, { type: 'get', stale: false, keys: ['k', 'x'] }),
    encodeReply.get(3, [{ version: 12, ttlMs: 0, flags: 0, value: Buffer.from('hi') }, null]),
  ];
  assert.deepEqual(
    example(),
    said.map((bytes) => bytes.toString('hex')),
  );
});
