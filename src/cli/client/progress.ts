import { SingleBar } from 'cli-progress';

/** Shows how far something has come. */
export interface Progress {
  update(done: number, total: number): void;
  /** Nothing is shown any more. */
  end(): void;
}

const TENTHS = 10;

/** A bar on standard error; where that is no terminal, a line at every tenth. */
export function createProgress(what: string, unit: string): Progress {
  return process.stderr.isTTY ? barProgress(what, unit) : lineProgress(what, unit);
}

function barProgress(what: string, unit: string): Progress {
  const bar = new SingleBar({
    format: `${what} {bar} {percentage}% · {value} of {total} ${unit} · {eta_formatted} left`,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    etaBuffer: 50,
  });
  let isStarted = false;
  return {
    update(done, total) {
      if (!isStarted) bar.start(total, done);
      else bar.update(done);
      isStarted = true;
    },
    end: () => bar.stop(),
  };
}

function lineProgress(what: string, unit: string): Progress {
  let shown: number | null = null;
  return {
    update(done, total) {
      const tenth = total === 0 ? TENTHS : Math.floor((done / total) * TENTHS);
      if (shown !== null && tenth > shown) {
        console.error(`${what}: ${tenth * TENTHS}% (${done} of ${total} ${unit})`);
      }
      shown = tenth;
    },
    end: () => undefined,
  };
}
