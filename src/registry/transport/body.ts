import type { HttpResponse } from "./http.ts";

export interface ReadBodyOptions {
  readonly limitBytes: number;
  /** Give what came so far after this long: some error answers announce more bytes than they send. */
  readonly partialAfterMs?: number | undefined;
}

/** Reads a small body into memory; undefined if it is longer than the limit, whatever length it announces. */
export async function readBody(
  { body }: HttpResponse,
  { limitBytes, partialAfterMs }: ReadBodyOptions,
): Promise<Buffer | undefined> {
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (result: Buffer | undefined) => {
      clearTimeout(timer);
      resolve(result);
    };
    const timer =
      partialAfterMs === undefined
        ? undefined
        : setTimeout(() => {
            finish(Buffer.concat(chunks));
            body.destroy();
          }, partialAfterMs);
    body.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limitBytes) {
        finish(undefined);
        body.destroy();
      } else {
        chunks.push(chunk);
      }
    });
    body.once("end", () => finish(Buffer.concat(chunks)));
    body.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}
