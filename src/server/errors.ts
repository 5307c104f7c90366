import { MirrorError, type MirrorErrorOptions } from "../errors.ts";

/** No connections can be taken at an address. */
export class ListenError extends MirrorError {
  override readonly code = "LISTEN_FAILED";
  readonly address: string;
  readonly port: number;

  constructor(
    { address, port }: { readonly address: string; readonly port: number },
    reason: string,
    options?: MirrorErrorOptions,
  ) {
    const host = address.includes(":") ? `[${address}]` : address;
    super(`Cannot listen on ${host}:${port}: ${reason}`, options);
    this.address = address;
    this.port = port;
  }
}
