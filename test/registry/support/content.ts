import { Readable } from "node:stream";
import { digestOf } from "../../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../../src/oci/media-type.ts";

const PIECE_BYTES = 65_536;

/** A blob with an `open` that counts and gives pieces of the size that files are read in. */
export function blobOf(bytes: Buffer) {
  const digest = digestOf(bytes);
  const opened: number[] = [];
  return {
    bytes,
    expected: { mediaType: MEDIA_TYPE.octetStream, digest, size: bytes.length },
    /** Positions at which the content has been opened. */
    opened,
    open: (offset: number) => {
      opened.push(offset);
      return Readable.from(pieces(bytes.subarray(offset)));
    },
  };
}

/** A manifest that points at a config and a layer. */
export function manifestOf(config: Buffer, layer: Buffer) {
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.imageManifest,
    config: { mediaType: MEDIA_TYPE.imageConfig, digest: digestOf(config), size: config.length },
    layers: [{ mediaType: MEDIA_TYPE.imageLayer, digest: digestOf(layer), size: layer.length }],
  };
  const bytes = Buffer.from(JSON.stringify(document));
  const descriptor = { mediaType: document.mediaType, digest: digestOf(bytes), size: bytes.length };
  return { descriptor, bytes };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    yield bytes.subarray(start, start + PIECE_BYTES);
  }
}
