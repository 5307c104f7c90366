import type { Descriptor } from "../../oci/descriptor.ts";
import type { RepositoryReference } from "../../oci/reference.ts";
import type { PushContentResult } from "../../store/store.ts";
import { ByContent } from "../by-content.ts";

/**
 * Blobs of a push, each once for every repository that it went to. Without repetitions,
 * `bytes` = sent + resumed + mounted + already there.
 */
export interface UploadTotals {
  readonly blobs: number;
  readonly bytes: number;
  /** Sent by this run, each byte counted once. */
  readonly sentBytes: number;
  /** Sent by this run once more, because a connection or an upload session was lost. */
  readonly repeatedBytes: number;
  /** Sent by an interrupted run, in uploads that this run has completed. */
  readonly resumedBytes: number;
  readonly mountedBytes: number;
  readonly alreadyThereBytes: number;
}

type Outcome = PushContentResult["outcome"];

interface Entry {
  readonly size: number;
  readonly outcome: Outcome;
  readonly resumedBytes: number;
  /** Of all attempts. */
  readonly transferredBytes: number;
}

export class UploadTally {
  readonly #entries = new ByContent<Entry>();

  get totals(): UploadTotals {
    const entries = [...this.#entries.values()];
    const sum = (measure: (entry: Entry) => number) =>
      entries.reduce((total, entry) => total + measure(entry), 0);
    const of = (outcome: Outcome) => (entry: Entry) => (entry.outcome === outcome ? entry.size : 0);
    const uploadedBytes = sum(of("uploaded"));
    const resumedBytes = sum((entry) => entry.resumedBytes);
    const sentBytes = uploadedBytes - resumedBytes;
    return {
      blobs: entries.length,
      bytes: sum(({ size }) => size),
      sentBytes,
      repeatedBytes: Math.max(0, sum((entry) => entry.transferredBytes) - sentBytes),
      resumedBytes,
      mountedBytes: sum(of("mounted")),
      alreadyThereBytes: sum(of("already-there")),
    };
  }

  addPresent(repository: RepositoryReference, blob: Descriptor): void {
    this.add(repository, blob, { outcome: "already-there", sentBytes: 0 });
  }

  /** The last outcome counts: what had to be sent again was neither mounted nor there. */
  add(
    repository: RepositoryReference,
    { digest, size }: Descriptor,
    { outcome, resumedBytes = 0, sentBytes }: PushContentResult,
  ): void {
    const before = this.#entries.get(repository, digest)?.transferredBytes ?? 0;
    const transferredBytes = before + sentBytes;
    this.#entries.set(repository, digest, { size, outcome, resumedBytes, transferredBytes });
  }
}
