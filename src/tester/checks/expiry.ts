import type { Check } from '../check.ts';
import { expectThat } from '../failure.ts';
import { casRequest, deleteRequest, getmRequest, getRequest } from '../request.ts';
import type { System } from '../system.ts';

/** How much earlier than by the tester's clock a key may go: clocks run at slightly different rates. */
const toleranceMs = 100;

async function untilGone(system: System, key: string): Promise<void> {
  const client = system.client();
  await system.until(`${key} expires`, async () => (await client.get(key)) === null);
}

export const expiryChecks: readonly Check[] = [
  {
    name: 'expiry/gone',
    about: 'an expired key is gone for every command through every server, and not earlier than it should',
    async run(system) {
      const client = system.client();
      const key = system.key();
      const setMs = system.nowMs();
      const version = await client.set(key, 'short', { exptimeS: 1 });
      await system.until(`${key} expires`, async () => (await client.get(key)) === null);
      const tookMs = system.nowMs() - setMs;
      expectThat(tookMs >= 1_000 - toleranceMs, `a key with an expiry of 1 s was gone after ${tookMs} ms`);
      for (const server of system.servers) {
        const other = system.client(server);
        const place = `of an expired key through server ${server.id}`;
        await other.expect(`get ${place}`, getRequest(key), 'not-found');
        await other.expect(`getm ${place}`, getmRequest(key), 'not-found');
        await other.expect(`cas ${place}`, casRequest(key, version, 'x'), 'not-found');
        await other.expect(`delete ${place}`, deleteRequest(key), 'not-found');
      }
      await client.set(key, 'again');
      await client.expect('get of a key that was set again after it expired', getRequest(key), {
        value: 'again',
      });
    },
  },
  {
    name: 'expiry/left',
    about: 'getm answers the seconds that are left, 0 for a key that does not expire',
    async run(system) {
      const client = system.client();
      const key = system.key();
      const setMs = system.nowMs();
      await client.set(key, 'long', { exptimeS: 300 });
      const left = Number((await client.getm(key))?.exptimeS);
      const tookS = Math.ceil((system.nowMs() - setMs) / 1_000);
      expectThat(left <= 300 && left >= 300 - tookS, `getm: ${left} s left of 300, ${tookS} s after the set`);
      await system.sleep(1_500);
      const later = Number((await client.getm(key))?.exptimeS);
      expectThat(later < 300, `getm: ${later} s left of 300 after 1.5 s`);
      const short = system.key();
      await client.set(short, 'short', { exptimeS: 1 });
      const meta = await client.getm(short);
      expectThat(meta === null || meta.exptimeS === 1n, `getm: ${meta?.exptimeS} s left of 1 s`);
    },
  },
  {
    name: 'expiry/renewed',
    about: 'cas gives the key a new expiry, or none',
    async run(system) {
      const client = system.client();
      const [kept, lost] = [system.key(), system.key()];
      await client.cas(kept, await client.set(kept, 'a', { exptimeS: 2 }), 'b');
      await client.cas(lost, await client.set(lost, 'a'), 'b', { exptimeS: 2 });
      await untilGone(system, lost);
      await client.expect('get of a key whose expiry a cas took away', getRequest(kept), { value: 'b' });
      expectThat((await client.getm(kept))?.exptimeS === 0n, 'getm: the key does not expire any more');
    },
  },
  {
    name: 'expiry/replaced',
    about: 'set gives the key a new expiry, or none',
    dialects: ({ setWhen }) => setWhen === 'always',
    async run(system) {
      const client = system.client();
      const [kept, lost] = [system.key(), system.key()];
      await client.set(kept, 'a', { exptimeS: 1 });
      await client.set(kept, 'b');
      await client.set(lost, 'a');
      await client.set(lost, 'b', { exptimeS: 1 });
      await untilGone(system, lost);
      await client.expect('get of a key whose expiry a set took away', getRequest(kept), { value: 'b' });
    },
  },
];
