import { type Descriptor, parseDescriptor } from "./descriptor.ts";
import { type Digest, hashLike, parseDigest } from "./digest.ts";

/** Content that a manifest has in itself, in the field `data` of a descriptor. */
export interface InlineContent {
  readonly digest: Digest;
  readonly bytes: Buffer;
}

const FIELDS = ["config", "layers", "blobs", "manifests"] as const;

/** What the descriptors of a manifest bring along and is what they say; anything else is as if it were not there. */
export function inlineContentOf(manifest: Buffer): readonly InlineContent[] {
  // Nearly all have none, and are parsed by whoever reads them
  if (!manifest.includes('"data"')) return [];
  const fields = fieldsOf(manifest);
  return FIELDS.flatMap((name) => [fields[name]].flat()).flatMap(contentOf);
}

function fieldsOf(manifest: Buffer): Readonly<Record<string, unknown>> {
  try {
    return { ...(JSON.parse(manifest.toString("utf8")) as object) };
  } catch {
    return {};
  }
}

function contentOf(value: unknown): readonly InlineContent[] {
  const { data, digest, size } = descriptorOf(value) ?? {};
  if (data === undefined || digest === undefined) return [];
  const bytes = Buffer.from(data, "base64");
  const isRight = bytes.length === size && hashLike(digest, bytes) === parseDigest(digest).encoded;
  return isRight ? [{ digest, bytes }] : [];
}

function descriptorOf(value: unknown): Descriptor | undefined {
  try {
    return parseDescriptor(value, "");
  } catch {
    // Whoever reads the manifest refuses it
    return undefined;
  }
}
