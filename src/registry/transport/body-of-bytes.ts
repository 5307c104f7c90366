import { Readable } from "node:stream";
import type { RequestBody } from "./http.ts";

type Pieces = NonNullable<RequestBody["pieces"]>;

/** A body that is in memory, for who sends bodies piece by piece. */
export function bodyOfBytes(bytes: Buffer): RequestBody & { readonly pieces: Pieces } {
  return {
    size: bytes.length,
    open: () => Readable.from([bytes]),
    pieces: () => {
      let rest = bytes.length > 0 ? bytes : undefined;
      return () => {
        const piece = rest;
        rest = undefined;
        return piece;
      };
    },
  };
}
