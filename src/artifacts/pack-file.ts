import type { MadeArtifact } from "../contents/contents.ts";
import type { HashedFile } from "../io/hash-file.ts";
import { MEDIA_TYPE } from "../oci/media-type.ts";
import { packArtifact } from "./pack-artifact.ts";

export interface PackFileOptions extends HashedFile {
  /** Absolute. */
  readonly path: string;
  /** What it is called when it is taken out again. */
  readonly title: string;
}

/** What `oras` calls an artifact of which nothing else is known. */
const ARTIFACT_TYPE = "application/vnd.unknown.artifact.v1";

/** The artifact that `oras push` makes of one file, without the time of that. */
export function packFile({ path, title, sha256, size, modifiedAt }: PackFileOptions): MadeArtifact {
  const digest = `sha256:${sha256}`;
  return packArtifact({
    head: {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.imageManifest,
      artifactType: ARTIFACT_TYPE,
    },
    config: { mediaType: MEDIA_TYPE.emptyConfig, text: "{}" },
    layers: [
      {
        mediaType: MEDIA_TYPE.octetStream,
        digest,
        size,
        annotations: { "org.opencontainers.image.title": title },
      },
    ],
    contents: [{ kind: "file", digest, path, modifiedAt }],
  });
}
