import { describe, expect, test } from "vitest";
import { digestOf } from "../../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../../src/oci/media-type.ts";
import { openRegistryClient } from "../../../src/registry/registry-client.ts";
import { createFakeClock } from "../../support/clock.ts";
import type { Faults } from "../../support/registry.ts";
import { blobOf, manifestOf } from "../support/content.ts";
import { send, startServer } from "../support/server.ts";
import { type Session, startSession } from "../support/session.ts";

const config = blobOf(Buffer.from("{}"));
const layer = blobOf(Buffer.from("layer"));
const image = manifestOf(config.bytes, layer.bytes);
const { digest } = image.descriptor;

async function start(faults: Faults = {}): Promise<Session> {
  const session = await startSession(faults);
  session.seed(config);
  session.seed(layer);
  const { manifests, tags } = session.registry.content.repository("acme/web");
  manifests.set(digest, { mediaType: image.descriptor.mediaType, bytes: image.bytes });
  tags.set("v1", digest);
  return session;
}

function requests({ registry }: Session): readonly string[] {
  return registry.log.entries.map(({ method }) => method);
}

describe("fetchManifest()", () => {
  test.each(["v1", digest])("is one GET with every type accepted: %s", async (reference) => {
    await using session = await start();
    expect(await session.repository.fetchManifest(reference)).toEqual(image);
    expect(requests(session)).toEqual(["GET"]);
    const [request] = session.registry.log.entries;
    expect(request?.headers.accept).toContain(MEDIA_TYPE.imageIndex);
  });

  test.each([
    ["a web page", "text/html", "it is a web page", /login page/],
    ["no JSON", "application/json", "it is not JSON", undefined],
  ])("names the image where %s comes", async (_, type, reason, hint) => {
    await using server = await startServer((_request, response) => {
      send(response, 200, { "content-type": type }, "<html>Please log in</html>");
    });
    await using client = openRegistryClient();
    const repository = client.repository({ registry: server.host, repository: "acme/web" });
    const error = await repository.fetchManifest("v1").catch((failure: unknown) => failure);
    expect(error).toMatchObject({
      code: "CONTENT_INVALID",
      message: `Cannot use manifest of "${server.host}/acme/web:v1": ${reason}`,
      hint: hint === undefined ? undefined : expect.stringMatching(hint),
    });
  });

  test("computes the digest where the server does not tell it", async () => {
    await using session = await start({ contentDigest: "absent" });
    expect(await session.repository.fetchManifest("v1")).toEqual(image);
  });

  // Caches of Harbor serve what they have kept of OCI as Docker's
  test.each([
    [MEDIA_TYPE.imageIndex, MEDIA_TYPE.dockerManifestList, MEDIA_TYPE.imageIndex],
    [MEDIA_TYPE.dockerManifest, MEDIA_TYPE.imageManifest, MEDIA_TYPE.dockerManifest],
    // What is another thing is refused by whoever reads it
    [MEDIA_TYPE.imageIndex, MEDIA_TYPE.imageManifest, MEDIA_TYPE.imageManifest],
  ])(
    "believes a document that calls itself %s, served as %s, in the format alone",
    async (mediaType, served, found) => {
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: [] }));
      await using server = await startServer((_, response) =>
        send(response, 200, { "content-type": served }, bytes),
      );
      await using client = openRegistryClient();
      const repository = client.repository({ registry: server.host, repository: "acme/web" });
      expect((await repository.fetchManifest("v1")).descriptor.mediaType).toBe(found);
    },
  );

  test("repeats a GET whose body was cut", async () => {
    await using session = await start({
      drop: { of: "manifest", afterBytes: 20, how: "reset", times: 2 },
    });
    expect(await session.repository.fetchManifest("v1")).toEqual(image);
  });

  test.each([
    ["a general type and a mediaType field", "application/octet-stream", image.bytes],
    ["no type", "", image.bytes],
    ["parameters", `${MEDIA_TYPE.imageManifest}; charset=utf-8`, image.bytes],
  ])("finds the media type with %s", async (_, contentType, bytes) => {
    const headers = contentType === "" ? {} : { "content-type": contentType };
    await using server = await startServer((__, response) => send(response, 200, headers, bytes));
    await using client = openRegistryClient();
    const repository = client.repository({ registry: server.host, repository: "a" });
    const { descriptor } = await repository.fetchManifest("v1");
    expect(descriptor.mediaType).toBe(MEDIA_TYPE.imageManifest);
  });
});

describe("resolve()", () => {
  test("is one HEAD", async () => {
    await using session = await start();
    expect(await session.repository.resolve("v1")).toEqual(image.descriptor);
    expect(requests(session)).toEqual(["HEAD"]);
  });

  test.each([401, 404, 405, "no-length", "no-digest"] as const)(
    "asks by GET when HEAD gives %s",
    async (answer) => {
      await using session = await start({ head: { answer, of: "manifest" } });
      expect(await session.repository.resolve("v1")).toEqual(image.descriptor);
      expect(requests(session)).toEqual(["HEAD", "GET"]);
    },
  );
});

describe("exists() of a manifest", () => {
  test("needs a GET to believe the first 404 of a host only", async () => {
    await using session = await start();
    const missing = { ...image.descriptor, digest: digestOf("missing") };
    expect(await session.repository.exists(missing)).toBe(false);
    expect(await session.repository.exists(missing)).toBe(false);
    expect(await session.repository.exists(image.descriptor)).toBe(true);
    expect(requests(session)).toEqual(["HEAD", "GET", "HEAD", "HEAD"]);
  });

  test("is not fooled by a HEAD that is answered with 404", async () => {
    await using session = await start({ head: { answer: 404, of: "manifest" } });
    expect(await session.repository.exists(image.descriptor)).toBe(true);
  });
});

describe("pushManifest()", () => {
  test("sends the bytes as they are, under a tag or the digest", async () => {
    await using session = await start();
    expect(await session.repository.pushManifest(image, "v2")).toBe(digest);
    expect(await session.repository.pushManifest(image, digest)).toBe(digest);
    const { tags } = session.registry.content.repository("acme/web");
    expect(tags.get("v2")).toBe(digest);
  });

  test("does not send bytes that are not what their descriptor says", async () => {
    await using session = await start();
    const wrong = { ...image, bytes: Buffer.from("{}") };
    await expect(session.repository.pushManifest(wrong, "v2")).rejects.toMatchObject({
      code: "CONTENT_MISMATCH",
    });
    expect(session.registry.log.entries).toEqual([]);
  });

  test("is repeated after a lost connection", async () => {
    await using session = await start({
      refuseConnection: { of: "manifest", times: 1, how: "reset" },
    });
    await session.repository.pushManifest(image, "v2");
    expect(session.registry.content.repository("acme/web").tags.get("v2")).toBe(digest);
  });
});

describe("tag()", () => {
  test("points a tag at a manifest that is there", async () => {
    await using session = await start();
    await session.repository.tag(image.descriptor, "latest");
    expect(session.registry.content.repository("acme/web").tags.get("latest")).toBe(digest);
  });
});

describe("referrers()", () => {
  const signature = referrerOf("application/x.signature");
  const attestation = referrerOf("application/x.attestation");

  function referrerOf(artifactType: string) {
    const document = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.imageManifest,
      artifactType,
      config: { mediaType: MEDIA_TYPE.emptyConfig, digest: digestOf("{}"), size: 2 },
      layers: [],
      subject: image.descriptor,
    };
    const bytes = Buffer.from(JSON.stringify(document));
    const mediaType = MEDIA_TYPE.imageManifest;
    return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
  }

  const digestsOf = (descriptors: readonly { readonly digest: string }[]) =>
    descriptors.map((descriptor) => descriptor.digest).sort();
  const both = [signature.descriptor.digest, attestation.descriptor.digest].sort();

  test("come from the API, by type if wanted", async () => {
    await using session = await start();
    for (const manifest of [signature, attestation]) {
      await session.repository.pushManifest(manifest, manifest.descriptor.digest);
    }
    expect(digestsOf(await session.repository.referrers(digest))).toEqual(both);
    const artifactType = "application/x.signature";
    const signatures = await session.repository.referrers(digest, { artifactType });
    expect(digestsOf(signatures)).toEqual([signature.descriptor.digest]);
  });

  test.each([404, "wrong-type"] as const)(
    "come from the tag when the API gives %s",
    async (referrers) => {
      await using session = await start({ referrers });
      const manifests = [signature.descriptor, attestation.descriptor];
      const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.imageIndex, manifests };
      const bytes = Buffer.from(JSON.stringify(index));
      const content = session.registry.content.repository("acme/web");
      content.manifests.set(digestOf(bytes), { mediaType: index.mediaType, bytes });
      content.tags.set(digest.replace(":", "-"), digestOf(bytes));
      expect(digestsOf(await session.repository.referrers(digest))).toEqual(both);
      session.registry.log.clear();
      await session.repository.referrers(digest);
      expect(requests(session)).toEqual(["GET"]);
    },
  );

  test.each<Faults>([{}, { subjectHeader: "absent", referrers: 404 }])(
    "are found after a push, whoever lists them: %j",
    async (faults) => {
      await using session = await start(faults);
      await Promise.all(
        [signature, attestation, signature].map((manifest) =>
          session.repository.pushManifest(manifest, manifest.descriptor.digest),
        ),
      );
      const referrers = await session.repository.referrers(digest);
      expect(digestsOf(referrers)).toEqual(both);
      expect(referrers.map(({ artifactType }) => artifactType).sort()).toEqual([
        "application/x.attestation",
        "application/x.signature",
      ]);
      const { tags } = session.registry.content.repository("acme/web");
      expect(tags.has(digest.replace(":", "-"))).toBe(faults.subjectHeader === "absent");
    },
  );

  test("are none where there is neither", async () => {
    await using session = await start({ referrers: 404 });
    expect(await session.repository.referrers(digest)).toEqual([]);
  });
});

describe("pushManifest() of an image with layers of elsewhere", () => {
  const foreign = {
    mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    digest: layer.expected.digest,
    size: layer.expected.size,
    urls: ["https://mcr.example/layer"],
  };

  test.each([
    [
      "as distribution does",
      500,
      [{ code: "UNKNOWN" }, { code: "MANIFEST_BLOB_UNKNOWN", detail: foreign.digest }],
    ],
    ["with a word for it", 400, [{ code: "MANIFEST_INVALID", message: "invalid URL on layer" }]],
  ])("says what lets it in where it is refused %s", async (_, status, errors) => {
    await using server = await startServer((_request, response) => {
      send(response, status, { "content-type": "application/json" }, JSON.stringify({ errors }));
    });
    await using client = openRegistryClient({ clock: createFakeClock() });
    const repository = client.repository({ registry: server.host, repository: "acme/web" });
    const refusal = async (layers: readonly object[]) => {
      const document = { ...JSON.parse(String(image.bytes)), layers };
      const bytes = Buffer.from(JSON.stringify(document));
      const descriptor = { ...image.descriptor, digest: digestOf(bytes), size: bytes.length };
      const pushing = repository.pushManifest({ bytes, descriptor }, "v1");
      return (await pushing.catch((error: unknown) => error)) as { code: string; hint?: string };
    };
    expect(await refusal([foreign])).toMatchObject({
      code: "REGISTRY_REFUSED",
      hint: expect.stringContaining("validation.manifests.urls.allow"),
    });
    expect((await refusal([layer.expected])).hint ?? "").not.toContain("urls");
  });
});

describe("pushManifest() of an index of blobs, as BuildKit's cache is one", () => {
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.imageIndex,
    manifests: [
      layer.expected,
      { ...layer.expected, mediaType: "application/vnd.buildkit.cacheconfig.v0" },
    ],
  };

  test.each([
    ["as Harbor and Gitea do", 404, [{ code: "NOT_FOUND" }], "REGISTRY_NOT_FOUND"],
    ["as Google did", 400, [{ code: "MANIFEST_INVALID" }], "REGISTRY_REFUSED"],
    ["as distribution 3 does", 400, [{ code: "MANIFEST_BLOB_UNKNOWN" }], "REGISTRY_REFUSED"],
  ])("says what lets it in where it is refused %s", async (_, status, errors, code) => {
    await using server = await startServer((_request, response) => {
      send(response, status, { "content-type": "application/json" }, JSON.stringify({ errors }));
    });
    await using client = openRegistryClient({ clock: createFakeClock() });
    const repository = client.repository({ registry: server.host, repository: "acme/web" });
    const bytes = Buffer.from(JSON.stringify(document));
    const { mediaType } = document;
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await expect(repository.pushManifest({ bytes, descriptor }, "v1")).rejects.toMatchObject({
      code,
      hint: expect.stringContaining("image-manifest=true"),
    });
  });
});

test("pushManifest() of what belongs to a manifest that is not there says so, as GitLab does not", async () => {
  const { digest: missing } = layer.expected;
  const errors = [{ code: "MANIFEST_BLOB_UNKNOWN", detail: missing }];
  await using server = await startServer((_request, response) => {
    send(response, 400, { "content-type": "application/json" }, JSON.stringify({ errors }));
  });
  await using client = openRegistryClient({ clock: createFakeClock() });
  const repository = client.repository({ registry: server.host, repository: "acme/web" });
  const subject = { ...layer.expected, mediaType: MEDIA_TYPE.imageManifest };
  const bytes = Buffer.from(JSON.stringify({ ...JSON.parse(String(image.bytes)), subject }));
  const descriptor = { ...image.descriptor, digest: digestOf(bytes), size: bytes.length };
  await expect(repository.pushManifest({ bytes, descriptor }, "v1")).rejects.toMatchObject({
    code: "REGISTRY_REFUSED",
    hint: expect.stringContaining("takes it only behind that one"),
  });
});
