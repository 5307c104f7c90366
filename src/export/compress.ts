import { Readable, type Transform } from "node:stream";
import zlib from "node:zlib";
import { OptionInvalidError } from "../errors.ts";
import { zstdFrames } from "./zstd-frames.ts";

export const COMPRESSIONS = ["gzip", "zstd"] as const;

export type Compression = (typeof COMPRESSIONS)[number];

/** 8 MiB: k3s reads no more than 32, and what reads zstd at all reads this much. */
const ZSTD_WINDOW_LOG = 23;

/** What Node.js has from 22.15 on. */
interface ZstdOfNode {
  readonly createZstdCompress?: (options: object) => Transform;
  readonly constants: Readonly<Record<string, number | undefined>>;
}

export function checkCompression(compress: string | undefined): void {
  if (compress === undefined || COMPRESSIONS.some((one) => one === compress)) return;
  throw new OptionInvalidError("compress", `"${compress}" is neither gzip nor zstd`);
}

/** Without a name or a time in its header: the same bytes from the same Node.js. */
export async function* compressed(
  bytes: AsyncIterable<Buffer>,
  compress: Compression,
): AsyncGenerator<Buffer> {
  const zipped = compress === "gzip" ? zlib.createGzip() : createZstd();
  if (zipped === undefined) {
    yield* zstdFrames(bytes);
    return;
  }
  const source = Readable.from(bytes, { objectMode: false });
  source.on("error", (error) => zipped.destroy(error));
  for await (const chunk of source.pipe(zipped)) yield chunk as Buffer;
}

/** Undefined where Node.js has none. */
function createZstd(): Transform | undefined {
  const { constants, createZstdCompress } = zlib as unknown as ZstdOfNode;
  const windowLog = constants["ZSTD_c_windowLog"];
  if (createZstdCompress === undefined || windowLog === undefined) return undefined;
  return createZstdCompress({ params: { [windowLog]: ZSTD_WINDOW_LOG } });
}
