import { assert } from '../base/assert.ts';
import { FrameDecoder } from '../base/frame.ts';
import { KvStateMachine } from '../kv/machine.ts';
import { MemoryStorage } from '../kv/memory-storage.ts';
import type { Reply } from '../kv/replies.ts';
import type { ProposeOutcome, ReadOutcome, Replicator } from '../replica/replicator.ts';
import { decodeAnswer, encodeHello, RPC_PREAMBLE } from '../wire/rpc-handshake.ts';
import { rpcLimits } from '../wire/rpc-limits.ts';
import { decodeReply, parseReply } from '../wire/rpc-replies.ts';
import { encodeRequest, type Op, type RpcRequest } from '../wire/rpc-requests.ts';
import { Admission } from './admission.ts';
import type { ConnectionStream } from './client-connection.ts';
import { KvReader } from './kv-reader.ts';
import { RpcService, type EngineStatus } from './rpc-service.ts';
import { ManualClock } from './test-text.ts';

const CLUSTER_ID = 'ab'.repeat(16);
export const MIB = 1024 * 1024;

/** Applies what is proposed when a test says so. */
export class HeldReplicator implements Replicator<Reply> {
  readonly machine = new KvStateMachine(new MemoryStorage());
  readonly proposals: { command: Uint8Array; done: (outcome: ProposeOutcome<Reply>) => void }[] = [];
  readonly reads: ((outcome: ReadOutcome) => void)[] = [];
  clusterId = CLUSTER_ID;
  #stampMs = 1_000;

  propose(command: Uint8Array, _deadlineMs: number, done: (outcome: ProposeOutcome<Reply>) => void): void {
    this.proposals.push({ command: Uint8Array.from(command), done });
  }

  read(_deadlineMs: number, done: (outcome: ReadOutcome) => void): void {
    this.reads.push(done);
  }

  leaderServer(): number {
    return 1;
  }

  status(): EngineStatus {
    const { clusterId, machine } = this;
    const { version } = machine;
    return {
      clusterId,
      leaderId: 1,
      term: 1,
      commitIndex: version,
      lastApplied: version,
      stateHash: machine.stateHash(),
      logTimeMs: this.#stampMs,
    };
  }

  apply(): void {
    for (const { command, done } of this.proposals.splice(0)) {
      done({ ok: true, result: this.machine.apply(command, ++this.#stampMs) });
    }
  }

  confirm(): void {
    for (const done of this.reads.splice(0)) done({ ok: true, stampMs: this.#stampMs });
  }
}

/** The client's end: takes what it is sent only when a test lets it. */
export class HeldStream implements ConnectionStream {
  unsentBytes = 0;
  stalled = false;
  paused = false;
  ended = false;
  destroyed = false;
  readonly decoder = new FrameDecoder(rpcLimits.frameBytesMax);
  readonly payloads: Buffer[] = [];

  write(bytes: Uint8Array): void {
    if (this.stalled) this.unsentBytes += bytes.length;
    this.decoder.push(Buffer.from(bytes));
    for (let payload = this.decoder.next(); payload !== null; payload = this.decoder.next()) {
      this.payloads.push(payload);
    }
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
  }
}

/** The RPC protocol of a server whose replication does as a test says. */
export class RpcBench {
  readonly clock = new ManualClock();
  readonly replicator = new HeldReplicator();
  readonly admission: Admission;
  readonly service: RpcService;

  constructor(inFlightBytesMax = 64 * MIB) {
    const { clock, replicator } = this;
    this.admission = new Admission({ clock, inFlightBytesMax });
    this.service = new RpcService({
      replicator,
      machine: replicator.machine,
      reads: new KvReader(replicator.machine, clock),
      clock,
      admission: this.admission,
      serverId: 0,
      servers: [{ id: 0, host: 'h', port: 1 }],
      keyBytesMax: 250,
      valueBytesMax: MIB,
      requestTimeoutMs: 30_000,
    });
  }

  client(): RpcTestClient {
    return new RpcTestClient(this);
  }

  /** A client that was welcomed and has a session. */
  welcomed(): RpcTestClient {
    const client = this.client();
    client.greet();
    assert(decodeAnswer(client.take()).kind === 'welcome', 'the client is welcome');
    client.ask({ type: 'register' });
    this.answer();
    const { fields } = decodeReply(client.take());
    assert(fields !== null, 'a session is given');
    client.session = parseReply.register(fields).session;
    return client;
  }

  /** Lets the servers agree, and what they answer leave. */
  answer(): void {
    this.replicator.apply();
    this.replicator.confirm();
    for (let turn = 0; turn < 3; turn++) this.clock.advance(0);
  }
}

export class RpcTestClient {
  readonly stream = new HeldStream();
  readonly #connection;
  session = 0;
  #id = 0;
  #number = 0;

  constructor(bench: RpcBench) {
    this.#connection = bench.service.connect(this.stream);
    assert(bench.admission.join(this.#connection), 'there is room for the client');
  }

  send(bytes: Buffer): void {
    this.#connection.received(Buffer.from(bytes));
  }

  greet(clusterId = '', version = 1): void {
    this.send(RPC_PREAMBLE);
    this.send(encodeHello({ version, features: 0, clusterId }));
  }

  ask(request: RpcRequest): number {
    this.send(encodeRequest(++this.#id, request));
    return this.#id;
  }

  batch(ops: readonly Op[], atomic = false): number {
    const number = ++this.#number;
    return this.ask({
      type: 'batch',
      session: this.session,
      number,
      lowest: number,
      atomic,
      ops,
      fence: null,
    });
  }

  /** The oldest message that was not taken. */
  take(): Buffer {
    const payload = this.stream.payloads.shift();
    assert(payload !== undefined, 'the server has answered');
    return payload;
  }

  takeCode(): string {
    return decodeReply(this.take()).error?.code ?? 'ok';
  }

  drain(): void {
    this.stream.unsentBytes = 0;
    this.#connection.drained();
  }

  half(): void {
    this.#connection.ended();
  }

  stop(): void {
    this.#connection.stop();
  }

  vanish(): void {
    this.#connection.closed();
  }
}
