import { describe, expect, test } from "vitest";
import { storeArtifact } from "../../../src/demo/store-artifact.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../../src/oci/media-type.ts";
import { fallbackTagOf } from "../../../src/registry/content/referrers.ts";
import { openRegistryClient } from "../../../src/registry/registry-client.ts";
import { RegistryContent } from "../../../src/server/memory-content.ts";
import type { RegistryMiddleware } from "../../../src/server/message.ts";
import { image } from "../../support/artifacts.ts";
import { createFakeClock } from "../../support/clock.ts";
import { digestOfArtifact, referrer, SIGSTORE, SPDX } from "../../support/referrers.ts";
import { startFaultRegistry } from "../../support/registry.ts";

const SUBJECT = image();
const OURS = referrer(SUBJECT, SPDX, "ours");
const THEIRS = referrer(SUBJECT, SIGSTORE, "theirs");
const TAG = fallbackTagOf(digestOfArtifact(SUBJECT));
const NO_API = { referrers: 404, subjectHeader: "absent" } as const;

const LISTED_BY_RIVAL = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.imageIndex,
    manifests: [{ ...THEIRS.manifest.descriptor, artifactType: SIGSTORE }],
  }),
);

/** After the first `times` writes of the list, another writer puts there what it made of the list before. */
function withRival(times: number, content: RegistryContent): RegistryMiddleware {
  let count = 0;
  return async (request, next) => {
    const response = await next(request);
    if (request.method === "PUT" && request.path.endsWith(TAG) && count < times) {
      count += 1;
      const digest = digestOf(LISTED_BY_RIVAL);
      const { manifests, tags } = content.repository("acme/web");
      manifests.set(digest, { mediaType: MEDIA_TYPE.imageIndex, bytes: LISTED_BY_RIVAL });
      storeArtifact(content.repository("acme/web"), THEIRS);
      tags.set(TAG, digest);
    }
    return response;
  };
}

async function push(times: number) {
  const content = new RegistryContent();
  await using registry = await startFaultRegistry({
    faults: NO_API,
    content,
    middleware: withRival(times, content),
  });
  await using client = openRegistryClient({ clock: createFakeClock() });
  const repository = client.repository({ registry: registry.host, repository: "acme/web" });
  for (const { descriptor, content: bytes } of OURS.blobs) {
    content.repository("acme/web").blobs.set(descriptor.digest, bytes);
  }
  await repository.pushManifest(OURS.manifest, digestOfArtifact(OURS));
  const listed = await repository.referrers(digestOfArtifact(SUBJECT));
  return listed.map(({ digest }) => digest).sort();
}

describe("the list of referrers behind a fallback tag", () => {
  test.each([0, 1, 4])(
    "keeps all when another writer puts back an older one %i times",
    async (times) => {
      const both = times === 0 ? [OURS] : [OURS, THEIRS];
      expect(await push(times)).toEqual(both.map(digestOfArtifact).sort());
    },
  );

  test("that never keeps what is added is an error that names it", async () => {
    await expect(push(99)).rejects.toMatchObject({
      code: "CONTENT_MISSING",
      message: expect.stringContaining(TAG),
    });
  });

  test("does not replace an image that somebody else has put there", async () => {
    await using registry = await startFaultRegistry({ faults: NO_API });
    const content = registry.content.repository("acme/web");
    for (const { descriptor, content: bytes } of OURS.blobs) {
      content.blobs.set(descriptor.digest, bytes);
    }
    storeArtifact(content, SUBJECT);
    const other = image({ name: "other" });
    storeArtifact(content, other);
    content.tags.set(TAG, digestOfArtifact(other));
    await using client = openRegistryClient({ clock: createFakeClock() });
    const target = client.repository({ registry: registry.host, repository: "acme/web" });
    const pushing = target.pushManifest(OURS.manifest, digestOfArtifact(OURS));
    await expect(pushing).rejects.toMatchObject({
      code: "CONTENT_INVALID",
      message: expect.stringContaining(TAG),
    });
    expect(content.tags.get(TAG)).toBe(digestOfArtifact(other));
  });

  test("is found where a registry calls the repository unknown instead of the path", async () => {
    await using registry = await startFaultRegistry({ faults: { subjectHeader: "absent" } });
    await using client = openRegistryClient({ clock: createFakeClock() });
    const repository = client.repository({ registry: registry.host, repository: "acme/web" });
    for (const { descriptor, content: bytes } of OURS.blobs) {
      registry.content.repository("acme/web").blobs.set(descriptor.digest, bytes);
    }
    registry.setFaults(NO_API);
    await using writer = openRegistryClient({ clock: createFakeClock() });
    await writer
      .repository({ registry: registry.host, repository: "acme/web" })
      .pushManifest(OURS.manifest, digestOfArtifact(OURS));
    registry.setFaults({ referrers: "name-unknown" });
    const listed = await repository.referrers(digestOfArtifact(SUBJECT));
    expect(listed.map(({ digest }) => digest)).toEqual([digestOfArtifact(OURS)]);
  });
});
