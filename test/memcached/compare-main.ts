// `npm run compare:memcached [requests] [seed]`: sends the same requests to a memcached and to three kvraft servers.
import { compareHandmade, compareRandom, type Comparison } from './compare.ts';
import { differences } from './differences.ts';
import { installedMemcached } from './reference.ts';
import { withBoth } from './both.ts';

const [requests = 20_000, seed = Math.trunc(performance.timeOrigin)] = process.argv.slice(2).map(Number);

function report(what: string, { requests, mismatches }: Comparison): void {
  console.log(
    `${what}: ${requests} requests, ${mismatches.length === 0 ? 'all answered alike' : 'DIFFERENT'}`,
  );
  for (const { script, memcached, kvraft } of mismatches) {
    process.exitCode = 1;
    console.log(`\nsent:      ${JSON.stringify(script.map((request) => request.slice(0, 100)))}`);
    console.log(`memcached: ${JSON.stringify(memcached)}\nkvraft:    ${JSON.stringify(kvraft)}`);
  }
}

const version = installedMemcached();
if (version === null) {
  console.error('memcached is not installed: nothing to compare with');
  process.exitCode = 1;
} else {
  console.log(
    `memcached ${version}; ${new Set(differences.map(({ name }) => name)).size} documented differences; seed ${seed}`,
  );
  await withBoth(3, async (ports) => {
    report('handmade', await compareHandmade(ports));
    report('random', await compareRandom(ports, seed, requests));
  });
}
