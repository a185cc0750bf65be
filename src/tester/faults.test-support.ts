import type { TextDialectName } from '../wire/text-dialects.ts';

export interface FaultSpec {
  /** The checks that must find it. */
  readonly foundBy: readonly string[];
  readonly dialect?: TextDialectName;
}

/** Rules that a server may break, and what finds out. */
export const faults = {
  'loses a write': { foundBy: ['basic/clients', 'order/pipelined'] },
  'loses the last write with its leader': { foundBy: ['failure/replication'], dialect: 'redirect' },
  'answers without a majority': { foundBy: ['failure/majority-down', 'failure/start-one-by-one'] },
  'ends when a majority is missing': { foundBy: ['failure/start-one-by-one'] },
  'elects nobody else': { foundBy: ['failure/leader-election'], dialect: 'raft-golang' },
  'forgets everything when all are down': { foundBy: ['failure/all-down'] },
  'gives versions again after a restart': { foundBy: ['failure/all-down'] },
  'does not catch up': { foundBy: ['failure/catch-up', 'failure/stress'] },
  'ignores versions': { foundBy: ['basic/cas', 'race/cas'] },
  'counts versions by key': { foundBy: ['basic/versions'] },
  'lets two win': { foundBy: ['race/cas', 'race/counter'] },
  'creates by cas': { foundBy: ['basic/cas'] },
  'deletes what is not there': { foundBy: ['basic/delete'] },
  'replaces where set only creates': { foundBy: ['basic/overwrite', 'race/create'], dialect: 'raft-golang' },
  'mangles binary values': { foundBy: ['values/binary', 'values/random'] },
  'ends values at a line end': { foundBy: ['values/line-ends', 'order/pipelined'] },
  'cuts long values': { foundBy: ['values/sizes'] },
  'answers noreply': { foundBy: ['order/noreply'] },
  'drops noreply': { foundBy: ['order/noreply'] },
  'redirects noreply': { foundBy: ['order/noreply-everywhere'], dialect: 'redirect' },
  'answers out of order': { foundBy: ['order/pipelined'] },
  'takes each packet for whole requests': { foundBy: ['order/byte-by-byte', 'order/random-pieces'] },
  'hangs after a malformed line': { foundBy: ['input/malformed'] },
  'crashes on noise': { foundBy: ['input/noise'] },
  'reads values as commands': { foundBy: ['input/wrong-length'] },
  'never expires': { foundBy: ['expiry/gone'] },
  'says the whole expiry': { foundBy: ['expiry/left'] },
  'brings expired keys back': { foundBy: ['failure/expiry'] },
  'reads its own copy': { foundBy: ['basic/everywhere', 'history/linearizable'] },
  'reads as a leader that was replaced': { foundBy: ['failure/history'], dialect: 'redirect' },
  'redirects to itself': { foundBy: ['redirect/names-leader', 'redirect/no-loop'], dialect: 'redirect' },
  'redirects to anybody': { foundBy: ['redirect/names-leader'], dialect: 'raft-golang' },
  'does what it redirects': { foundBy: ['redirect/not-done'], dialect: 'redirect-legacy' },
} as const satisfies Record<string, FaultSpec>;

export type Fault = keyof typeof faults;
