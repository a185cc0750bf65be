import { type Check } from '../check.ts';
import { expectAnswer, expectThat } from '../failure.ts';
import { casRequest, deleteRequest, getmRequest, getRequest, setRequest } from '../request.ts';
import type { System } from '../system.ts';

const isCreateOnly = (system: System): boolean => system.dialect.setWhen === 'absent';

export const basicChecks: readonly Check[] = [
  {
    name: 'basic/set-get',
    about: 'what is set is got, through every server',
    async run(system) {
      for (const server of system.servers) {
        const client = system.client(server);
        const key = system.key();
        await client.set(key, `by way of ${server.id}`);
        await client.expect(`get ${key}`, getRequest(key), { value: `by way of ${server.id}` });
      }
    },
  },
  {
    name: 'basic/getm',
    about: 'getm answers the version that set answered, no expiry, and the value',
    async run(system) {
      const client = system.client();
      const key = system.key();
      const version = await client.set(key, 'value');
      const meta = await client.getm(key);
      expectThat(meta !== null, `getm ${key}: not found right after it was set`);
      expectThat(
        meta.version === version,
        `getm ${key}: version ${meta.version}, but set answered ${version}`,
      );
      expectThat(meta.exptimeS === 0n, `getm ${key}: expires in ${meta.exptimeS} s, was set without expiry`);
      expectThat(meta.value.equals(Buffer.from('value')), `getm ${key}: another value than was set`);
    },
  },
  {
    name: 'basic/overwrite',
    about: 'set on a key that exists replaces it, or is refused where the dialect says so',
    async run(system) {
      const client = system.client();
      const key = system.key();
      const version = await client.set(key, 'first');
      if (isCreateOnly(system)) {
        await client.expect('set of a key that exists', setRequest(key, 'second'), 'version');
        await client.expect('get after that', getRequest(key), { value: 'first' });
        const meta = await client.getm(key);
        expectThat(meta?.version === version, 'a set that was refused changed the version');
        return;
      }
      const next = await client.set(key, 'second');
      expectThat(next > version, `set: version ${next} after ${version}`);
      await client.expect('get after that', getRequest(key), { value: 'second' });
    },
  },
  {
    name: 'basic/cas',
    about: 'cas replaces a value of the given version, and only that',
    async run(system) {
      const client = system.client();
      const key = system.key();
      await client.expect('cas of a key that is not there', casRequest(key, 1n, 'x'), 'not-found');
      await client.expect('get after that', getRequest(key), 'not-found');
      const first = await client.set(key, 'one');
      const second = await client.cas(key, first, 'two');
      expectThat(second > first, `cas: version ${second} after ${first}`);
      await client.expect('get after cas', getRequest(key), { value: 'two' });
      for (const wrong of [first, second + 1n, 0n]) {
        const asked = `cas with version ${wrong} where it is ${second}`;
        await client.expect(asked, casRequest(key, wrong, 'no'), 'version');
        await client.expect(`get after ${asked}`, getRequest(key), { value: 'two' });
      }
      await client.cas(key, second, '');
      await client.expect('get after cas', getRequest(key), { value: '' });
    },
  },
  {
    name: 'basic/delete',
    about: 'a key that is deleted is gone, and can be set again',
    async run(system) {
      const client = system.client();
      const key = system.key();
      await client.expect('delete of a key that is not there', deleteRequest(key), 'not-found');
      const version = await client.set(key, 'value');
      await client.delete(key);
      await client.expect('get of a deleted key', getRequest(key), 'not-found');
      await client.expect('getm of a deleted key', getmRequest(key), 'not-found');
      await client.expect('cas of a deleted key', casRequest(key, version, 'x'), 'not-found');
      await client.expect('delete of a deleted key', deleteRequest(key), 'not-found');
      const next = await client.set(key, 'again');
      expectThat(next > version, `set after delete: version ${next} after ${version}`);
      await client.expect('cas with the version before', casRequest(key, version, 'x'), 'version');
      await client.expect('get after set', getRequest(key), { value: 'again' });
    },
  },
  {
    name: 'basic/versions',
    about: 'versions grow with every change of any key, and none is given twice',
    async run(system) {
      const client = system.client();
      const keys = Array.from({ length: 5 }, () => system.key());
      const current = new Map<string, bigint>();
      let last = 0n;
      for (let i = 0; i < 40; i++) {
        const key = system.pick(keys);
        const version = current.get(key);
        if (version !== undefined && system.prng.chance(0.2)) {
          await client.delete(key);
          current.delete(key);
          continue;
        }
        const next =
          version === undefined ? await client.set(key, `${i}`) : await client.cas(key, version, `${i}`);
        expectThat(next > last, `version ${next} was given after ${last}`);
        last = next;
        current.set(key, next);
      }
    },
  },
  {
    name: 'basic/everywhere',
    about: 'a read through any server sees what was acknowledged through any other before it',
    serversMin: 2,
    async run(system) {
      const clients = system.servers.map((server) => system.client(server));
      for (let round = 0; round < 3 * system.options.scale; round++) {
        for (const [at, writer] of clients.entries()) {
          const key = system.key();
          const value = `round ${round} by way of ${at}`;
          await writer.set(key, value);
          const reads = clients.map(async (reader, other) => {
            const read = await reader.get(key);
            const seen = read === null ? 'nothing' : `"${read.toString('latin1')}"`;
            const place = `a read through server ${system.servers[other]?.id}`;
            expectThat(
              read?.toString('latin1') === value,
              `${place} saw ${seen} after "${value}" was written`,
            );
          });
          await Promise.all(reads);
        }
      }
    },
  },
  {
    name: 'basic/clients',
    about: 'many clients at once are served, each with its own answers',
    async run(system) {
      const count = 50 * system.options.scale;
      const work = Array.from({ length: count }, async (_, i) => {
        const client = system.client(system.pick(system.servers));
        const key = system.key();
        const version = await client.set(key, `value ${i}`);
        await client.expect('get', getRequest(key), { value: `value ${i}` });
        await client.cas(key, version, `other ${i}`);
        await client.expect('get after cas', getRequest(key), { value: `other ${i}` });
        client.close();
      });
      await Promise.all(work);
    },
  },
  {
    name: 'basic/one-connection',
    about: 'a connection stays open for any number of requests, errors among them',
    async run(system) {
      const server = system.dialect.redirect === null ? system.anyServer() : await system.leader();
      const connection = await system.connect(server);
      for (let i = 0; i < 20; i++) {
        const key = system.key();
        void connection.send(setRequest(key, 'v'));
        expectAnswer('set', await connection.answer(system.options.patienceMs), 'ok');
        void connection.send(casRequest(key, 0n, 'v'));
        expectAnswer(
          'cas with a wrong version',
          await connection.answer(system.options.patienceMs),
          'version',
        );
        void connection.send(deleteRequest(key));
        expectAnswer('delete', await connection.answer(system.options.patienceMs), 'deleted');
        void connection.send(getRequest(key));
        expectAnswer('get', await connection.answer(system.options.patienceMs), 'not-found');
      }
    },
  },
];
