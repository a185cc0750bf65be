/** A worker for tests: dies with seed 3, comes to no end with seed 5, and reports all others. */
process.on('message', (seed: number) => {
  if (seed === 3) process.exit(7);
  if (seed !== 5) process.send?.({ seed, world: null, scenario: null, failures: [`pid ${process.pid}`] });
});
process.on('disconnect', () => process.exit());
