import { bodyOfBytes } from "../transport/body-of-bytes.ts";
import type { RequestBody } from "../transport/http.ts";
import type { UploadCursor } from "./content-cursor.ts";

/** Cuts content that is in memory into request bodies. */
export class HeldCursor implements UploadCursor {
  readonly via = undefined;
  readonly failure = undefined;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  slice(offset: number, size: number): RequestBody {
    return bodyOfBytes(this.#bytes.subarray(offset, offset + size));
  }

  close(): void {}
}
