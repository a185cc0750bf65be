import type { PrimaryBackupStage } from './stage.ts';
import type { PrimaryBackupWorldOptions } from './world-options.ts';

/** A story of faults that servers and monitors must come through. */
export interface PrimaryBackupScenario {
  readonly name: string;
  /** What it shows, in a sentence. */
  readonly about: string;
  readonly options?: Partial<PrimaryBackupWorldOptions>;
  readonly play: (stage: PrimaryBackupStage) => void;
}
