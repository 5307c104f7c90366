/** What one exchange with a server came to. */
export interface ExchangeRecord {
  /** Missing: no answer came. */
  readonly status?: number | undefined;
  /** Bytes of the bodies, as they went over the line. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly milliseconds: number;
  /** Number of the connection in this process; missing: none was got. */
  readonly connection?: number | undefined;
}
