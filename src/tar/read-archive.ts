import { posix } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { extract } from "tar-stream";

export interface ReadArchiveOptions {
  /** Paths in the archive, without `./`. */
  readonly wants: (path: string) => boolean;
  /** Bytes that the archive may expand to. */
  readonly limitBytes: number;
  /** Bytes of the largest file that is wanted. */
  readonly fileLimitBytes: number;
  /** Makes the error for an archive that cannot be read. */
  readonly refuse: (reason: string, options?: ErrorOptions) => Error;
}

const decompress = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip);

/** Files out of a small gzipped tar that is in memory. Of several entries with one name the last counts, as for unpackers. */
export async function readArchive(
  bytes: Buffer,
  { wants, limitBytes, fileLimitBytes, refuse }: ReadArchiveOptions,
): Promise<ReadonlyMap<string, Buffer>> {
  const tar = await decompress(bytes, { maxOutputLength: limitBytes }).catch((cause: unknown) => {
    const isLarge = (cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    const reason = isLarge ? `it expands to more than ${limitBytes} bytes` : "it is not gzip";
    throw refuse(reason, { cause });
  });
  const entries = extract();
  entries.end(tar);
  const files = new Map<string, Buffer>();
  let refusal: Error | undefined;
  try {
    for await (const entry of entries) {
      const path = posix.normalize(entry.header.name).replace(/^\/+|\/+$/g, "");
      const { type = "file", size = 0 } = entry.header;
      const isFile = type === "file" || type === "contiguous-file";
      if (!isFile || !wants(path)) {
        entry.resume();
        continue;
      }
      if (size > fileLimitBytes) {
        refusal = refuse(`"${path}" is larger than ${fileLimitBytes} bytes`);
        throw refusal;
      }
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      files.set(path, Buffer.concat(chunks));
    }
  } catch (cause) {
    throw refusal ?? refuse("it is not a readable tar archive", { cause });
  }
  return files;
}
