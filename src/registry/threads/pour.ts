import type { WireBody } from "../wire/wire-body.ts";
import { copyError } from "./copied-error.ts";
import type { HeldContent } from "./held-content.ts";
import type { PourEnd, PourPosition } from "./messages.ts";

/** What comes between two reports: the journal of a run lags behind by no more, and a kill costs no more. */
const REPORT_BYTES = 4 * 1024 * 1024;
const REPORT_MS = 100;

export interface PourOptions {
  /** First bytes of the body that the content has already. */
  readonly surplusBytes: number;
  readonly onProgress: (position: PourPosition) => void;
}

/** Writes a body behind what content has; resolves when it has ended, however it did. */
export async function pour(
  body: WireBody,
  content: HeldContent,
  { surplusBytes, onProgress }: PourOptions,
): Promise<PourEnd> {
  let surplus = surplusBytes;
  let reported = content.position.written;
  const report = () => {
    if (content.position.written > reported) onProgress(content.position);
    reported = content.position.written;
  };
  let [isTooLong, storageError]: [boolean, unknown] = [false, undefined];
  const take = (chunk: Buffer) => {
    const skipped = Math.min(surplus, chunk.length);
    surplus -= skipped;
    if (skipped === chunk.length) return;
    if (!content.take(skipped > 0 ? chunk.subarray(skipped) : chunk)) {
      isTooLong = true;
      body.destroy();
      return;
    }
    if (content.position.written - reported >= REPORT_BYTES) report();
  };
  const attempt = (act: () => void) => {
    try {
      act();
    } catch (error) {
      storageError ??= error;
      body.destroy();
    }
  };
  const timer = setInterval(
    () =>
      attempt(() => {
        content.flush();
        report();
      }),
    REPORT_MS,
  );
  const error = await new Promise<Error | undefined>((resolve) => {
    if (body.destroyed) return resolve(body.errored ?? undefined);
    body.on("error", resolve);
    body.once("close", () => resolve(undefined));
    body.divert({
      memory: (limit) => (surplus > 0 ? undefined : content.memory(limit)),
      take: (chunk) => attempt(() => take(chunk)),
    });
  });
  clearInterval(timer);
  if (storageError === undefined) attempt(() => content.flush());
  content.release();
  return {
    ...content.position,
    isTooLong,
    ...(error ? { error: copyError(error) } : {}),
    ...(storageError === undefined ? {} : { storageError: copyError(storageError) }),
  };
}
