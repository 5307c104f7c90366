import type { Readable } from "node:stream";
import { isForeignLayer } from "../oci/children.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { createDigestHash, parseDigest } from "../oci/digest.ts";
import { ContentInvalidError, ContentMismatchError } from "../oci/errors.ts";
import type { ImageManifest } from "../oci/manifest.ts";
import { MEDIA_TYPE } from "../oci/media-type.ts";
import type { ContentSource, OperationOptions } from "../store/store.ts";
import { type ExtractedFiles, extractFiles } from "../tar/extract.ts";

export interface ReadImageFilesOptions extends OperationOptions {
  readonly manifest: ImageManifest;
  readonly source: Pick<ContentSource, "fetch">;
  /** Paths from the root of the image, without a leading slash. */
  readonly names: readonly string[];
  /** What earlier looks at layers have found. */
  readonly records?: LayerRecords | undefined;
}

/** Keeps small values by a key; what comes back is as it was written. */
export interface LayerRecords {
  read(key: string): Promise<unknown>;
  write(key: string, record: unknown): Promise<void>;
}

/** What a layer says of the wanted files: those that are not in it are absent here too. */
interface LayerRecord {
  /** Name → content as base64. */
  readonly files: Readonly<Record<string, string>>;
  readonly hidden: readonly string[];
}

/** Layers up to here are read to their end, so that what was found in them is verified. */
const EARLY_STOP_BYTES = 1024 * 1024;

/**
 * Reads small files as a container would see them: upper layers first, whiteouts honored. Missing files are missing in
 * the answer. A layer that is read to its end is verified; a large one is left as soon as everything is found.
 */
export async function readImageFiles(options: ReadImageFilesOptions): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const wanted = new Set(options.names);
  for (const layer of options.manifest.layers.toReversed()) {
    if (wanted.size === 0) break;
    if (isForeignLayer(layer) || layer.mediaType === MEDIA_TYPE.emptyConfig) continue;
    const { files, hidden } = await readLayer(layer, wanted, options);
    for (const [name, content] of files) found.set(name, content);
    for (const name of [...files.keys(), ...hidden]) wanted.delete(name);
  }
  return found;
}

/** A digest stands for its content for ever: no layer is looked through twice for the same names. */
async function readLayer(
  layer: Descriptor,
  names: ReadonlySet<string>,
  options: ReadImageFilesOptions,
): Promise<ExtractedFiles> {
  const key = ["files of a layer, 1", layer.digest, ...[...names].sort()].join("\n");
  const known = (await options.records?.read(key)) as LayerRecord | undefined;
  if (known) {
    const files = Object.entries(known.files).map(
      ([name, text]) => [name, Buffer.from(text, "base64")] as const,
    );
    return { files: new Map(files), hidden: new Set(known.hidden) };
  }
  const { files, hidden } = await searchLayer(layer, names, options);
  const texts = [...files].map(([name, bytes]) => [name, bytes.toString("base64")] as const);
  await options.records?.write(key, {
    files: Object.fromEntries(texts),
    hidden: [...hidden],
  } satisfies LayerRecord);
  return { files, hidden };
}

async function searchLayer(
  layer: Descriptor,
  names: ReadonlySet<string>,
  { source, signal }: ReadImageFilesOptions,
): Promise<ExtractedFiles> {
  const stream = await source.fetch(layer, { signal });
  try {
    return await extractFiles(verifyContent(stream, layer), {
      names,
      size: layer.size,
      stopsEarly: layer.size > EARLY_STOP_BYTES,
      refuse: (reason, options) =>
        new ContentInvalidError(`layer ${layer.digest}`, reason, options),
      signal,
    });
  } finally {
    stream.destroy();
  }
}

async function* verifyContent(stream: Readable, layer: Descriptor): AsyncGenerator<Buffer> {
  const hash = createDigestHash(layer.digest);
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > layer.size) break;
    hash.update(chunk);
    yield chunk;
  }
  if (size !== layer.size) {
    const reason = size > layer.size ? "it is longer" : `it ends after ${size} bytes`;
    throw new ContentMismatchError(layer.digest, `${reason} instead of having ${layer.size} bytes`);
  }
  const found = `${parseDigest(layer.digest).algorithm}:${hash.digest("hex")}`;
  if (found !== layer.digest) {
    throw new ContentMismatchError(layer.digest, `its digest is ${found}`);
  }
}
