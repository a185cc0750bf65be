import type { TextDialectName } from '../wire/text-dialects.ts';

/** An object whose names may begin with a capital, as they do in many a `config.json`. */
type EitherCase<T> = T | { readonly [Name in keyof T as Capitalize<Name & string>]: T[Name] };

/** One server of the cluster, as a configuration names it. */
export interface ServerInput {
  readonly id: number;
  readonly hostname?: string;
  readonly clientPort: number;
  readonly logPort: number;
  readonly rpcPort?: number;
  readonly memcachedPort?: number;
  readonly httpPort?: number;
  readonly dialect?: TextDialectName;
  /** Further ports, each as `<dialect or protocol>:<port>`. */
  readonly listen?: readonly string[];
}

/** What a configuration may say; what is left out has a default. */
export interface ConfigInput {
  /** The data folder; every server has a folder of its own in it. */
  readonly path?: string;
  readonly servers: readonly EitherCase<ServerInput>[];
  /** Of every text port that names none of its own. */
  readonly dialect?: TextDialectName;
  readonly requestTimeoutMs?: number;
  readonly keyBytesMax?: number;
  readonly valueBytesMax?: number;
  readonly connectionsMax?: number;
  readonly heartbeatIntervalMs?: number;
  readonly electionTimeoutMs?: number;
  readonly diskStallMsMax?: number;
  readonly logBytesMax?: number;
  readonly unflushedBytesMax?: number;
  readonly uncommittedBytesMax?: number;
  /**
   * Who must have met before a new cluster begins: `all` servers, or a `majority` if the others have not been met for
   * five seconds. With `all`, servers that lost their data never found a second cluster beside the one that stands.
   */
  readonly founding?: 'majority' | 'all';
}
