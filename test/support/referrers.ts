import { storeArtifact } from "../../src/demo/store-artifact.ts";
import { formatCosignTag } from "../../src/oci/cosign-tag.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import type { EmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { AMD64, ARM64, artifact, blob, image, index } from "./artifacts.ts";

type Artifact = ReturnType<typeof image>;

export const SPDX = "application/spdx+json";
export const CYCLONEDX = "application/vnd.cyclonedx+json";
export const SIGSTORE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** An index with all that people keep beside one: below its children and its referrers too. */
export interface SignedIndex {
  readonly index: Artifact;
  readonly children: { readonly amd64: Artifact; readonly arm64: Artifact };
  /** By tag. */
  readonly cosign: Readonly<Record<string, Artifact>>;
  readonly referrers: {
    /** Of the index. */
    readonly spdx: Artifact;
    /** Of the child for amd64. */
    readonly cyclonedx: Artifact;
    /** Of the bill of materials of the index. */
    readonly signature: Artifact;
  };
}

export function signedIndex(name = "web"): SignedIndex {
  const amd64 = image({ name: `${name} amd64`, platform: AMD64 });
  const arm64 = image({ name: `${name} arm64`, platform: ARM64 });
  const built = index([amd64, arm64]);
  const spdx = referrer(built, SPDX, `sbom of ${name}`);
  return {
    index: built,
    children: { amd64, arm64 },
    cosign: {
      [cosignTag(built, "sig")]: cosignImage(
        "application/vnd.dev.cosign.simplesigning.v1+json",
        name,
      ),
      [cosignTag(amd64, "att")]: cosignImage("application/vnd.dsse.envelope.v1+json", name),
      [cosignTag(arm64, "sbom")]: cosignImage("text/spdx+json", name),
    },
    referrers: {
      spdx,
      cyclonedx: referrer(amd64, CYCLONEDX, `sbom of ${name} for amd64`),
      signature: referrer(spdx, SIGSTORE, `signature of the sbom of ${name}`),
    },
  };
}

/** Stores all of it; the registry knows the referrers by their subjects. */
export function seedSigned(
  registry: Pick<EmbeddedRegistry, "content">,
  repository: string,
  { index: built, cosign, referrers }: SignedIndex,
): void {
  const content = registry.content.repository(repository);
  storeArtifact(content, built, ["v1"]);
  for (const [tag, one] of Object.entries(cosign)) storeArtifact(content, one, [tag]);
  for (const one of Object.values(referrers)) storeArtifact(content, one, []);
}

export function referrer(subject: Artifact, artifactType: string, text: string): Artifact {
  return artifact({
    artifactType,
    subject: subject.manifest.descriptor,
    blobs: [blob(artifactType, Buffer.from(text))],
    annotations: { "org.example.text": text },
  });
}

export function digestOfArtifact({ manifest }: Artifact): Descriptor["digest"] {
  return manifest.descriptor.digest;
}

function cosignTag(subject: Artifact, suffix: "sig" | "att" | "sbom"): string {
  return formatCosignTag({ subject: digestOfArtifact(subject), suffix });
}

/** As cosign up to version 2 writes it: an image whose only layer says what it is. */
function cosignImage(layerType: string, name: string): Artifact {
  const layer = blob(layerType, Buffer.from(`${layerType} of ${name}`));
  const config = blob(MEDIA_TYPE.imageConfig, Buffer.from(`{"rootfs":{"type":"layers"}}`));
  const built = artifact({ blobs: [layer] });
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.imageManifest,
    config: config.descriptor,
    layers: [layer.descriptor],
  };
  const bytes = Buffer.from(JSON.stringify(document));
  const manifest = blob(MEDIA_TYPE.imageManifest, bytes).descriptor;
  return { ...built, manifest: { descriptor: manifest, bytes }, blobs: [config, layer] };
}
