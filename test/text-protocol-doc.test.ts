import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { textDialectNames } from '#dist/wire/text-dialects.js';
import { freePorts } from './support/ports.ts';
import { blocksOf, exchangesOf, play, readDocument } from './support/printed-session.ts';
import { ProcessCluster, until } from './support/processes.ts';

const document = readDocument('text-protocol.md');

interface PrintedServer {
  readonly Id: number;
  readonly ClientPort: number;
  readonly listen: readonly string[];
}

test('the sessions of the protocol’s documentation go as they are printed, in every dialect', async () => {
  const [text = ''] = blocksOf(document, 'json');
  const printed = (JSON.parse(text) as { servers: PrintedServer[] }).servers;
  const listens = printed.flatMap(({ listen }) => listen);
  const free = await freePorts(listens.length);
  /** Ports of the document and those that stand for them here. */
  const ports = new Map(listens.map((listen, at) => [Number(listen.split(':')[1]), free[at] ?? 0]));
  await using cluster = await ProcessCluster.create(printed.length, {}, (id) => ({
    Hostname: 'localhost',
    listen: printed[id]?.listen.map((listen) =>
      listen.replace(/\d+$/, (port) => String(ports.get(Number(port)))),
    ),
  }));
  for (const { Id, ClientPort } of printed) ports.set(ClientPort, cluster.address(Id).ClientPort);
  cluster.startAll();
  const leader = await cluster.leader();
  await until('everybody knows the leader', async () => {
    const rows = await Promise.all(cluster.ids.map((id) => cluster.status(id)));
    return rows.every((row) => row?.leaderId === leader);
  });
  // In the document server 0 leads: it and the one that does here change their places.
  const here = (id: number): number => (id === 0 ? leader : id === leader ? 0 : id);
  const portHere = (port: number): number => ports.get(port - (port % 100) + here(port % 100)) ?? 0;
  const translate = (text: string): string =>
    text
      .replace(/^REDIRECT (\d+)$/, (_, id: string) => `REDIRECT ${here(Number(id))}`)
      .replace(
        /^(ERR_REDIRECT localhost) (\d+)$/,
        (_, head: string, port: string) => `${head} ${portHere(Number(port))}`,
      );

  const all = exchangesOf(document);
  for (const exchange of all) {
    await play(exchange, connect(portHere(exchange.port), 'localhost'), translate);
  }
  const played = new Set(all.map(({ port }) => Math.floor(port / 100)));
  assert.equal(played.size, textDialectNames.length, 'a session of each dialect was played');
  assert.equal(await cluster.leader(), leader);
});

test('the table of dialects in the documentation names those that there are', () => {
  const head = /^\| +\|( `[a-z-]+` +\|){2,}$/m.exec(document)?.[0] ?? '';
  assert.deepEqual(
    [...head.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name),
    textDialectNames,
  );
});
