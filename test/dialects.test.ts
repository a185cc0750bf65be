import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { freePorts } from './support/ports.ts';
import { ProcessCluster, until } from './support/processes.ts';
import { TextClient } from './support/text-client.ts';

describe('a cluster whose servers speak several dialects', () => {
  let cluster: ProcessCluster;
  /** By server: where it speaks `redirect`; the last one does not. */
  let redirectPorts: number[];
  let leader: number;

  before(async () => {
    redirectPorts = await freePorts(2);
    cluster = await ProcessCluster.create(3, { dialect: 'raft-golang' }, (id) =>
      id < 2 ? { listen: [`redirect:${redirectPorts[id]}`] } : { dialect: 'kvraft' },
    );
    cluster.startAll();
    leader = await cluster.leader();
  });
  after(() => cluster[Symbol.asyncDispose]());

  const clientPort = (id: number): number => cluster.address(id).ClientPort;

  async function ask(port: number, request: string): Promise<string> {
    const client = await TextClient.connect(port);
    const { line } = await client.send(request);
    client.close();
    return line;
  }

  /** Servers 0 and 1 speak all that is tested: one of them is made to lead. */
  async function leadBy(id: number): Promise<void> {
    while (leader !== id) {
      await cluster.kill('SIGKILL', leader);
      const before = leader;
      leader = await cluster.leader();
      cluster.start(before);
      await cluster.up();
    }
    await until('everybody knows the leader', async () => {
      const rows = await Promise.all(cluster.ids.map((id) => cluster.status(id)));
      return rows.every((row) => row?.leaderId === id);
    });
  }

  test('servers that do not lead name the one that does, in the dialect of the port', async () => {
    await leadBy(0);
    for (const request of [
      'get k\r\n',
      'getm k\r\n',
      'delete k\r\n',
      'set k 0 1\r\nx\r\n',
      'cas k 0 1 1\r\nx\r\n',
    ]) {
      assert.equal(await ask(clientPort(1), request), 'REDIRECT 0');
      assert.equal(await ask(redirectPorts[1] ?? 0, request), `ERR_REDIRECT 127.0.0.1 ${redirectPorts[0]}`);
    }
    assert.equal(await ask(clientPort(2), 'get k\r\n'), 'ERR_NOT_FOUND', 'its own dialect forwards');
    assert.equal(await ask(clientPort(0), 'get k\r\n'), 'ERR_NOT_FOUND');
    assert.equal(await ask(redirectPorts[0] ?? 0, 'get k\r\n'), 'ERR_NOT_FOUND');
  });

  test('set creates only where the dialect says so, whoever else wrote the key', async () => {
    await leadBy(0);
    assert.match(await ask(clientPort(0), 'set only 0 1\r\na\r\n'), /^OK /);
    assert.equal(await ask(clientPort(0), 'set only 0 1\r\nb\r\n'), 'ERR_VERSION');
    assert.match(await ask(redirectPorts[0] ?? 0, 'set only 0 1\r\nc\r\n'), /^OK /);
    assert.match(await ask(clientPort(2), 'set only 1 1\r\nd\r\n'), /^OK /);
    await until('the key has expired, and so may be created', async () =>
      (await ask(clientPort(0), 'set only 0 1\r\ne\r\n')).startsWith('OK '),
    );
    assert.equal(await ask(clientPort(0), 'set only 0 1\r\nf\r\n'), 'ERR_VERSION');
  });

  test('noreply asked of a server that redirects is forwarded', async () => {
    await leadBy(0);
    const follower = await TextClient.connect(redirectPorts[1] ?? 0);
    follower.write('set quiet 0 1 noreply\r\nq\r\n');
    assert.match((await follower.send('get quiet\r\n')).line, /^ERR_REDIRECT/);
    follower.close();
    await until('it is done', async () => (await ask(clientPort(0), 'get quiet\r\n')) === 'VALUE 1');
  });

  test('a leader without the dialect is named by its ClientPort', async () => {
    await leadBy(2);
    assert.equal(await ask(redirectPorts[1] ?? 0, 'get k\r\n'), `ERR_REDIRECT 127.0.0.1 ${clientPort(2)}`);
    assert.equal(await ask(clientPort(0), 'get k\r\n'), 'REDIRECT 2');
  });

  test('with the leader gone and no other to come, requests wait', async () => {
    await leadBy(0);
    const client = await TextClient.connect(clientPort(1));
    await cluster.kill('SIGKILL', 0, 2);
    await until('nobody is known to lead', async () => (await cluster.status(1))?.leaderId === null);
    let answered = false;
    const pending = client.send('get only\r\n').finally(() => {
      answered = true;
    });
    const other = await TextClient.connect(clientPort(1));
    const write = other.send('set waiting 0 1\r\nw\r\n').finally(() => {
      answered = true;
    });
    await cluster.status(1);
    await cluster.status(1);
    assert.equal(answered, false);
    cluster.start(0, 2);
    const lines = [(await pending).line, (await write).line];
    for (const line of lines) assert.match(line, /^(REDIRECT [02]|VALUE 1|OK \d+)$/);
    client.close();
    other.close();
    leader = await cluster.leader();
  });
});
