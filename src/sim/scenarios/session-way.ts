import type { Prng } from '../../base/prng.ts';
import type { WriteResult } from '../../listeners/kv-service.ts';
import { readResult, writeOp, writeResult } from '../workload.ts';
import type { Answer, ClientWay, Request } from './client-way.ts';
import type { ClientStage, StageServer } from './clients.ts';

/** Clients without a memory, as those of the text protocol: one server, one try, by the session that the server has. */
export class SessionWay<Server extends StageServer> implements ClientWay<Server> {
  readonly #stage: ClientStage<Server>;
  readonly #prng: Prng;

  constructor(stage: ClientStage<Server>, prng: Prng) {
    this.#stage = stage;
    this.#prng = prng;
  }

  ask(request: Request<Server>, done: (answer: Answer) => void): void {
    const { scheduler, world } = this.#stage;
    const server = this.#pick(request.servers);
    let isOver = false;
    const finish = (answer: Answer): void => {
      if (isOver) return;
      isOver = true;
      forget();
      timer.cancel();
      done(answer);
    };
    const lose = (code: string): void => finish({ ok: false, outcome: 'unknown', code });
    const reply = (answer: Answer): void => void scheduler.schedule(this.#delayMs(), () => finish(answer));
    let forget: () => unknown = () => undefined;
    const timer = scheduler.schedule(world.clientTimeoutMs, () => lose('NO_ANSWER'));
    scheduler.schedule(this.#delayMs(), () => {
      if (server.session === null) return finish({ ok: false, outcome: 'not-applied', code: 'REFUSED' });
      forget = server.onEnd(() => scheduler.schedule(this.#delayMs(), () => lose('CONNECTION_LOST')));
      const { process } = server;
      process?.after(0, () => this.#execute(server, request, (answer) => process.alive && reply(answer)));
    });
  }

  #execute(server: Server, { invocation, model }: Request<Server>, done: (answer: Answer) => unknown): void {
    const { session, process } = server;
    if (session === null || process === null) return;
    const deadlineMs = process.clock.monotonicMs() + this.#stage.world.requestTimeoutMs;
    const op = writeOp(invocation);
    if (op === null) {
      session.readBarrier(deadlineMs, (outcome) => {
        if (!outcome.ok) done({ ok: false, outcome: 'not-applied', code: outcome.error.code });
        else {
          const record = session.get(invocation.key);
          done({ ok: true, result: readResult(model, invocation, record, outcome.stampMs) });
        }
      });
      return;
    }
    session.write([op], deadlineMs, (outcome) => {
      if (outcome.ok) done({ ok: true, result: writeResult(model, outcome.results[0] as WriteResult) });
      else done({ ok: false, outcome: outcome.error.outcome, code: outcome.error.code });
    });
  }

  #pick(servers: readonly Server[]): Server {
    const place = servers.length === 1 ? 0 : this.#stage.prng.below(servers.length);
    return servers[place] as Server;
  }

  #delayMs(): number {
    return 0.05 + this.#prng.float() * 0.5;
  }
}
