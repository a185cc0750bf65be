import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LoadJob, LoadResult, SystemName } from './job.ts';
import type { LoadAnswer } from './load-process.ts';

/** A process of its own that makes loads on one system and remembers what it wrote there. */
export class LoadGenerator {
  readonly #child: ChildProcess;

  /** `keys`: how many keys there are at most in all of its jobs. */
  constructor(system: SystemName, keys: number) {
    this.#child = fork(join(import.meta.dirname, 'load-process.js'), [system, String(keys)], {
      execArgv: ['--enable-source-maps', '--max-semi-space-size=32'],
    });
  }

  async run(job: LoadJob): Promise<LoadResult> {
    const aborter = new AbortController();
    const { signal } = aborter;
    const answered = once(this.#child, 'message', { signal }) as Promise<[LoadAnswer]>;
    const ended = once(this.#child, 'exit', { signal }).then((): [LoadAnswer] => [{ error: 'it ended' }]);
    this.#child.send(job);
    const [answer] = await Promise.race([answered, ended]);
    aborter.abort();
    await Promise.allSettled([answered, ended]);
    if ('error' in answer) throw new Error(`the load generator: ${answer.error}`);
    return answer.result;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.disconnect();
    await exit;
  }
}
