/** Where a server takes clients. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}
