import type { Descriptor } from "../../oci/descriptor.ts";
import { parseDigest } from "../../oci/digest.ts";
import type { FiledContent } from "../../store/store.ts";
import { reviveError } from "../threads/copied-error.ts";
import type { ThreadContent } from "../threads/thread-content.ts";
import type { TransferThreads } from "../threads/transfer-threads.ts";
import type { RequestBody, SendRequest } from "../transport/http.ts";
import type { UploadCursor } from "./content-cursor.ts";

/** Cuts content in files into request bodies that a thread reads, hashes and sends. */
export class ThreadCursor implements UploadCursor {
  readonly #filed: FiledContent;
  readonly #content: ThreadContent;

  constructor(threads: TransferThreads, { digest, size }: Descriptor, filed: FiledContent) {
    const { algorithm, encoded: hash } = parseDigest(digest);
    this.#filed = filed;
    const spec = { places: [filed.parts], size, algorithm, hash, mode: "read" } as const;
    this.#content = threads.open(spec, filed);
  }

  get via(): SendRequest {
    return this.#content.send;
  }

  get failure(): Error | undefined {
    const { fault } = this.#content;
    if (fault === undefined) return undefined;
    return fault.type === "storage" ? reviveError(fault.error) : this.#filed.failureOf(fault);
  }

  slice(start: number, size: number): RequestBody {
    return { size, start, open: neverOpened };
  }

  close(): void {
    this.#content[Symbol.asyncDispose]().catch(() => undefined);
  }
}

function neverOpened(): never {
  throw new Error("the content is opened by its thread");
}
