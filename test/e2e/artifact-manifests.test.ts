import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BuiltArtifact } from "../../src/demo/image-builder.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { blob, image, index, seed } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

/** What ORAS 0.16 and others pushed before image-spec 1.1 was final. */
const ARTIFACT = artifactManifest();
const IMAGE = image();
const MIXED = withChild(index([IMAGE]), ARTIFACT);

let source: EmbeddedRegistry;
let target: EmbeddedRegistry;
let directory: TempDirectory;

beforeAll(async () => {
  [source, target] = [await openEmbeddedRegistry(), await openEmbeddedRegistry()];
  directory = await openTempDirectory();
  seed(source, "acme/thing", { v1: ARTIFACT, mixed: MIXED });
});

afterAll(async () => {
  await source?.close();
  await target?.close();
  await directory?.[Symbol.asyncDispose]();
});

describe("an OCI artifact manifest", () => {
  test.each([
    ["as what a tag points at", "v1", ARTIFACT],
    ["in an index beside an image", "mixed", MIXED],
  ])("%s is copied with its blobs", async (_title, tag, built) => {
    const bundle = directory.resolve(tag);
    const name = `${source.host}/acme/thing:${tag}`;
    await expectDone("pull", bundle, "--include-image", name);
    await expectDone("verify", bundle);
    await expectDone("push", bundle, `${target.host}/repo`, "--receipt", directory.resolve("r"));
    const path = `repo/${source.host.replace(":", "-")}/acme/thing`;
    const { blobs, manifests, tags } = target.content.repository(path);
    expect(tags.get(tag)).toBe(built.manifest.descriptor.digest);
    const { digest, mediaType } = ARTIFACT.manifest.descriptor;
    expect(manifests.get(digest)).toMatchObject({ mediaType });
    for (const { descriptor } of ARTIFACT.blobs) expect(blobs.has(descriptor.digest)).toBe(true);
  });
});

async function expectDone(...words: readonly string[]): Promise<void> {
  const result = await runMirror(words);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
}

function artifactManifest(): BuiltArtifact {
  const blobs = [blob("text/plain", Buffer.from("a bill of materials\n"))];
  const bytes = Buffer.from(
    JSON.stringify({
      mediaType: MEDIA_TYPE.artifactManifest,
      artifactType: "application/vnd.example.sbom",
      blobs: blobs.map(({ descriptor }) => descriptor),
    }),
  );
  return { manifest: manifestOf(MEDIA_TYPE.artifactManifest, bytes), blobs, children: [] };
}

function withChild(root: BuiltArtifact, child: BuiltArtifact): BuiltArtifact {
  const document = JSON.parse(root.manifest.bytes.toString("utf8"));
  document.manifests.push(child.manifest.descriptor);
  const bytes = Buffer.from(JSON.stringify(document));
  const manifest = manifestOf(root.manifest.descriptor.mediaType, bytes);
  return { ...root, manifest, children: [...root.children, child] };
}

function manifestOf(mediaType: string, bytes: Buffer): BuiltArtifact["manifest"] {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}
