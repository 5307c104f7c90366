import type { MadeArtifact, MadeContent } from "../contents/contents.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { MEDIA_TYPE } from "../oci/media-type.ts";

/** A layer, in the order in which programs in Go write its fields. */
export interface PackedLayer {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface PackArtifactOptions {
  /** Fields before the config, in their order. */
  readonly head: Readonly<Record<string, unknown>>;
  readonly config: { readonly mediaType: string; readonly text: string };
  readonly layers: readonly PackedLayer[];
  readonly annotations?: Readonly<Record<string, string>>;
  /** Where the layers are. */
  readonly contents: readonly MadeContent[];
}

/** Pure: a manifest as a program in Go writes it; the same parts make the same bytes. */
export function packArtifact({
  head,
  config,
  layers,
  annotations = {},
  contents,
}: PackArtifactOptions): MadeArtifact {
  const { mediaType, text: configText } = config;
  const described = {
    mediaType,
    digest: digestOf(configText),
    size: Buffer.byteLength(configText),
  };
  const text = formatGoJson({
    ...head,
    config: described,
    layers,
    ...(Object.keys(annotations).length > 0 ? { annotations: sorted(annotations) } : {}),
  });
  const digest = digestOf(text);
  return {
    descriptor: { mediaType: MEDIA_TYPE.imageManifest, digest, size: Buffer.byteLength(text) },
    contents: [
      { kind: "text", digest, text },
      { kind: "text", digest: described.digest, text: configText },
      ...contents,
    ],
  };
}

/** JSON as Go writes it: what could end a script in a page is escaped. */
export function formatGoJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Maps of Go are written in the order of their keys. */
export function sorted<Value>(map: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1)));
}
