// `kvraft` with a fault: the first argument says which, the rest is the command line.
import { main } from '#dist/cli/main.js';
import { ServerSession } from '#dist/listeners/server-session.js';
import type { WriteOp } from '#dist/listeners/kv-service.js';
import { TextReplies } from '#dist/wire/text-replies.js';

// oxlint-disable-next-line typescript/unbound-method -- called with the session that it belongs to
const { write } = ServerSession.prototype;
let writes = 0;

const faults: Record<string, () => void> = {
  'mangles-values': () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with the replies that it belongs to
    const { value } = TextReplies.prototype;
    TextReplies.prototype.value = function mangled(bytes) {
      value.call(this, Buffer.from(Buffer.from(bytes).toString('utf8'), 'utf8'));
    };
  },
  'loses-writes': () => {
    ServerSession.prototype.write = function losing(ops, deadlineMs, done) {
      if (++writes % 10 !== 0) return write.call(this, ops, deadlineMs, done);
      const results = ops.map(() => ({ status: 'ok', version: 2 ** 40 + writes }) as const);
      setImmediate(() => done({ ok: true, results, stampMs: 0 }));
    };
  },
  'ignores-versions': () => {
    ServerSession.prototype.write = function ignoring(ops, deadlineMs, done) {
      const always = ops.map((op): WriteOp => (op.op === 'cas' ? { ...op, op: 'set', when: 'always' } : op));
      write.call(this, always, deadlineMs, done);
    };
  },
  'answers-alone': () => {
    ServerSession.prototype.write = function alone(ops, deadlineMs, done) {
      write.call(this, ops, deadlineMs, () => undefined);
      const results = ops.map(() => ({ status: 'ok', version: ++writes }) as const);
      setImmediate(() => done({ ok: true, results, stampMs: 0 }));
    };
  },
  'reads-its-own-copy': () => {
    ServerSession.prototype.readBarrier = function local(_deadlineMs, done) {
      setImmediate(() => done({ ok: true, stampMs: 0 }));
    };
  },
};

const [node = '', script = '', fault = '', ...rest] = process.argv;
const breakIt = faults[fault];
if (breakIt === undefined) throw new Error(`no fault is called ${fault}`);
breakIt();
await main([node, script, ...rest]);
