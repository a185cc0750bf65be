import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Prng } from '../base/prng.ts';
import type { PeerMessage, Transport, TransportHandler } from '../net/transport.ts';
import { describeView } from '../primary-backup/describe.ts';
import type { ViewNotice } from '../primary-backup/types.ts';
import { encodeViewCommand, type ViewMachine } from '../primary-backup/view-machine.ts';
import { ViewService } from '../primary-backup/view-service.ts';
import type { ViewCommand, ViewState } from '../primary-backup/view-state.ts';
import type { MemberId } from '../raft/types.ts';
import { refusalOf } from './membership.ts';
import type { PrimaryBackupTimings } from './open-primary-backup.ts';
import type { RaftReplica } from './raft-replica.ts';

/** How long a command may take to be committed before it is made anew from the state as it is then. */
const COMMAND_TIMEOUT_MS = 2_000;

export interface MonitorParts {
  readonly replica: RaftReplica<ViewState>;
  readonly machine: ViewMachine;
  readonly transport: MonitorTransport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly prng: Prng;
  readonly timings: PrimaryBackupTimings;
}

/**
 * One monitor of the view service: a Raft replica of its state, and, as long as it leads, the one that hears the
 * servers' pings, answers them, and proposes what should be acknowledged or come next. Only what is committed is told.
 */
export class Monitor {
  readonly #parts: MonitorParts;
  readonly #service: ViewService;
  #timer: Timer | null = null;
  /** A command is on its way into the log. */
  #proposed = false;
  #leads = false;
  #told = 0;
  /** The last question that was sent; pings are answered with it, too, as long as it is open. */
  #asked = 0;

  constructor(parts: MonitorParts) {
    this.#parts = parts;
    this.#service = new ViewService({ deadPings: parts.timings.deadPings, prng: parts.prng });
    parts.transport.onPing = (from, message) => this.#onPing(from, message);
    parts.transport.onGone = (server) => {
      this.#service.gone(server);
      if (this.#mayServe()) this.#follow();
    };
  }

  start(): void {
    this.#parts.replica.start();
    this.#setTimer();
  }

  /** The state and, where this monitor leads, why no view can follow. */
  status(): { readonly state: ViewState; readonly waiting: string } {
    const { machine } = this.#parts;
    return { state: machine.state, waiting: this.#leads ? this.#service.waiting(machine.state) : '' };
  }

  stop(): void {
    this.#timer?.cancel();
    this.#parts.replica.stop();
  }

  /** Whether it may speak for the service: it leads and has applied what leaders before it committed. */
  #mayServe(): boolean {
    const { node } = this.#parts.replica;
    const leads = node.role === 'leader' && node.termAt(node.appliedIndex) === node.term;
    if (leads && !this.#leads) this.#service.begin();
    this.#leads = leads;
    return leads;
  }

  #onPing(from: MemberId, message: PeerMessage): void {
    if (message.type !== 'Ping' || !this.#mayServe()) return;
    const { machine, transport } = this.#parts;
    const command = this.#service.ping(machine.state, from, message);
    if (command !== null) this.#propose(command);
    this.#follow();
    transport.send(from, this.#notice());
  }

  #notice(): ViewNotice {
    const { machine, replica } = this.#parts;
    return this.#service.notice(machine.state, replica.identity().clusterId);
  }

  #setTimer(): void {
    const { clock, timings } = this.#parts;
    this.#timer = clock.setTimer(timings.pingIntervalMs, () => {
      this.#setTimer();
      if (!this.#mayServe()) return;
      this.#service.tick();
      this.#follow();
    });
  }

  /** Proposes the next view when there should be one, and asks at once what has to be known before. */
  #follow(): void {
    const { machine, transport } = this.#parts;
    const command = this.#service.next(machine.state);
    if (command !== null) return this.#propose(command);
    const { question } = this.#service;
    if (question === null || question.number === this.#asked) return;
    this.#asked = question.number;
    transport.send(question.to, this.#notice());
  }

  #propose(command: ViewCommand): void {
    if (this.#proposed) return;
    this.#proposed = true;
    const { replica, clock } = this.#parts;
    replica.propose(encodeViewCommand(command), clock.monotonicMs() + COMMAND_TIMEOUT_MS, () => {
      this.#proposed = false;
      this.#tell();
    });
  }

  /** Servers need not wait for their next ping to hear of a new view. */
  #tell(): void {
    const { machine, transport, logger } = this.#parts;
    const { view } = machine.state;
    if (!this.#mayServe() || view.number === this.#told) return;
    this.#told = view.number;
    logger.info({}, describeView(view));
    for (const server of this.#service.servers()) transport.send(server, this.#notice());
  }
}

/**
 * The transport of a monitor: the Raft replica talks with the other monitors over it, and pings of servers come the
 * same way.
 */
export class MonitorTransport implements Transport {
  readonly #transport: Transport;
  readonly #isMonitor: (serverId: number) => boolean;
  onPing: (from: MemberId, message: PeerMessage) => void = () => undefined;
  /** The connection to a server broke, and its machine says that no process listens there. */
  onGone: (server: MemberId) => void = () => undefined;

  constructor(transport: Transport, isMonitor: (serverId: number) => boolean) {
    this.#transport = transport;
    this.#isMonitor = isMonitor;
  }

  start(replica: TransportHandler): void {
    const isMonitor = (member: MemberId): boolean => this.#isMonitor(member);
    this.#transport.start({
      identity: () => replica.identity(),
      admit: (peer) => {
        if (isMonitor(peer.member)) return replica.admit(peer);
        const conf = { voters: [], votersOutgoing: [], learners: [], learnersNext: [] };
        return refusalOf(peer, replica.identity(), { incarnation: undefined, conf });
      },
      onMessage: (from, message) => {
        if (isMonitor(from)) replica.onMessage(from, message);
        else this.onPing(from, message);
      },
      onConnected: (peer) => {
        if (isMonitor(peer)) replica.onConnected(peer);
      },
      onDisconnected: (serverId, refused) => {
        if (isMonitor(serverId)) replica.onDisconnected(serverId, refused);
        else if (refused) this.onGone(serverId);
      },
    });
  }

  send(to: MemberId, message: PeerMessage): void {
    this.#transport.send(to, message);
  }

  connected(serverId: number): boolean {
    return this.#transport.connected(serverId);
  }

  close(done: () => void): void {
    this.#transport.close(done);
  }
}
