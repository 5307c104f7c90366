import { Readable, type Transform } from "node:stream";
import zlib from "node:zlib";
import { OptionInvalidError } from "../errors.ts";

export const COMPRESSIONS = ["gzip", "zstd"] as const;

export type Compression = (typeof COMPRESSIONS)[number];

/** 8 MiB: k3s reads no more than 32, and what reads zstd at all reads this much. */
const ZSTD_WINDOW_LOG = 23;

/** What Node.js has from 22.15 on. */
interface ZstdOfNode {
  readonly createZstdCompress?: (options: object) => Transform;
  readonly constants: Readonly<Record<string, number | undefined>>;
}

/** Refuses what this Node.js cannot write, before anything is read. */
export function checkCompression(compress: string | undefined): void {
  if (compress === undefined || compress === "gzip") return;
  if (compress !== "zstd") {
    throw new OptionInvalidError("compress", `"${compress}" is neither gzip nor zstd`);
  }
  if ((zlib as unknown as ZstdOfNode).createZstdCompress !== undefined) return;
  throw new OptionInvalidError("compress", `Node.js ${process.version} cannot write zstd`, {
    hint: "Use Node.js 22.15 or newer, or gzip, or compress the archive with a program: zstd with a window of 32 MiB at most (long=25)",
  });
}

/** Without a name or a time in its header: the same bytes from the same Node.js. */
export async function* compressed(
  bytes: AsyncIterable<Buffer>,
  compress: Compression,
): AsyncGenerator<Buffer> {
  const source = Readable.from(bytes, { objectMode: false });
  const zipped = compress === "gzip" ? zlib.createGzip() : createZstd();
  source.on("error", (error) => zipped.destroy(error));
  for await (const chunk of source.pipe(zipped)) yield chunk as Buffer;
}

function createZstd(): Transform {
  const { constants, createZstdCompress } = zlib as unknown as ZstdOfNode;
  const windowLog = constants["ZSTD_c_windowLog"];
  if (createZstdCompress === undefined || windowLog === undefined) {
    throw new TypeError("zstd was not looked for");
  }
  return createZstdCompress({ params: { [windowLog]: ZSTD_WINDOW_LOG } });
}
