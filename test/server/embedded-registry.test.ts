import { createHash } from "node:crypto";
import { request as httpRequest } from "node:http";
import { describe, expect, test } from "vitest";
import type { BuiltArtifact } from "../../src/demo/image-builder.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { RegistryContent } from "../../src/server/memory-content.ts";
import { AMD64, ARM64, artifact, image, index, pushArtifacts, seed } from "../support/artifacts.ts";

const HELLO = "0123456789";
const HELLO_DIGEST = digestOf(HELLO);

describe("openEmbeddedRegistry()", () => {
  test("answers at /v2/", async () => {
    await using registry = await openEmbeddedRegistry();
    const response = await fetch(`http://${registry.host}/v2/`);
    expect(response.status).toBe(200);
    expect(response.headers.get("docker-distribution-api-version")).toBe("registry/2.0");
  });

  test("refuses paths, names and methods that are not part of the API", async () => {
    await using registry = await openEmbeddedRegistry();
    const base = `http://${registry.host}/v2`;
    expect((await fetch(`${base}/a/things/1`)).status).toBe(404);
    expect(await errorOf(await fetch(`${base}/UPPER/tags/list`))).toBe("400 NAME_INVALID");
    const response = await fetch(`${base}/a/tags/list`, { method: "PUT" });
    expect(await errorOf(response)).toBe("405 UNSUPPORTED");
    expect(response.headers.get("allow")).toBe("GET, HEAD");
  });

  test("keeps its content for the next registry on it", async () => {
    const content = new RegistryContent();
    const first = await openEmbeddedRegistry({ content });
    seed(first, "acme/web", { v1: image() });
    await first.close();
    await using second = await openEmbeddedRegistry({ content });
    expect((await fetch(`http://${second.host}/v2/acme/web/manifests/v1`)).status).toBe(200);
  });

  test("lets a middleware change requests and answers", async () => {
    await using registry = await openEmbeddedRegistry({
      middleware: async (request, next) => {
        const response = await next({ ...request, path: request.path.replace("/old/", "/new/") });
        return { ...response, headers: { ...response.headers, "x-seen": request.method } };
      },
    });
    seed(registry, "new/web", { v1: image() });
    const response = await fetch(`http://${registry.host}/v2/old/web/manifests/v1`);
    expect([response.status, response.headers.get("x-seen")]).toEqual([200, "GET"]);
  });

  test("answers 500 when a middleware throws", async () => {
    await using registry = await openEmbeddedRegistry({
      middleware: () => Promise.reject(new Error("broken")),
    });
    expect(await errorOf(await fetch(`http://${registry.host}/v2/`))).toBe("500 UNKNOWN");
  });
});

describe("blob GET", () => {
  test("sends the whole blob with its headers", async () => {
    await using registry = await registryWithBlob();
    const response = await fetch(registry.url);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-length": "10",
      "docker-content-digest": HELLO_DIGEST,
      "accept-ranges": "bytes",
    });
    expect(await response.text()).toBe(HELLO);
  });

  test("answers HEAD without a body", async () => {
    await using registry = await registryWithBlob();
    const response = await fetch(registry.url, { method: "HEAD" });
    expect([response.status, response.headers.get("content-length")]).toEqual([200, "10"]);
    expect(await response.text()).toBe("");
  });

  test.each([
    ["bytes=2-4", "bytes 2-4/10", "234"],
    ["bytes=7-", "bytes 7-9/10", "789"],
    ["bytes=-3", "bytes 7-9/10", "789"],
    ["bytes=-30", "bytes 0-9/10", HELLO],
    ["bytes=5-500", "bytes 5-9/10", "56789"],
    ["bytes=0-0", "bytes 0-0/10", "0"],
  ])("answers range %s with 206 and %s", async (range, contentRange, body) => {
    await using registry = await registryWithBlob();
    const response = await fetch(registry.url, { headers: { range } });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(contentRange);
    expect(await response.text()).toBe(body);
  });

  test.each(["bytes=10-", "bytes=99-100", "bytes=5-2", "bytes=-0"])(
    "answers range %s with 416",
    async (range) => {
      await using registry = await registryWithBlob();
      const response = await fetch(registry.url, { headers: { range } });
      expect(response.headers.get("content-range")).toBe("bytes */10");
      expect(await errorOf(response)).toBe("416 RANGE_INVALID");
    },
  );

  test.each(["lines=1-2", "bytes=0-1,4-5", "bytes=-", "nonsense"])(
    "ignores range %s",
    async (range) => {
      await using registry = await registryWithBlob();
      const response = await fetch(registry.url, { headers: { range } });
      expect([response.status, await response.text()]).toEqual([200, HELLO]);
    },
  );

  test("sends everything when If-Range names other content", async () => {
    await using registry = await registryWithBlob();
    const ask = async (etag: string) =>
      (await fetch(registry.url, { headers: { range: "bytes=2-4", "if-range": etag } })).status;
    expect([await ask(`"${HELLO_DIGEST}"`), await ask('"other"')]).toEqual([206, 200]);
  });

  test("tells unknown blobs and bad digests apart", async () => {
    await using registry = await registryWithBlob();
    const base = `http://${registry.host}/v2/acme/web/blobs`;
    expect(await errorOf(await fetch(`${base}/${digestOf("other")}`))).toBe("404 BLOB_UNKNOWN");
    expect(await errorOf(await fetch(`${base}/sha256:short`))).toBe("400 DIGEST_INVALID");
    expect((await fetch(registry.url.replace("acme/web", "acme/other"))).status).toBe(404);
  });
});

describe("blob upload", () => {
  test("takes a blob in one PUT", async () => {
    await using registry = await openEmbeddedRegistry();
    const session = await startSession(registry.host);
    expect(await session.commit(HELLO_DIGEST, HELLO)).toBe(201);
    expect(await readBlob(registry.host)).toBe(HELLO);
  });

  test("takes a blob in one POST", async () => {
    await using registry = await openEmbeddedRegistry();
    const url = `http://${registry.host}/v2/acme/web/blobs/uploads/?digest=${HELLO_DIGEST}`;
    const response = await fetch(url, { method: "POST", body: HELLO });
    expect(response.status).toBe(201);
    expect(response.headers.get("location")).toBe(`/v2/acme/web/blobs/${HELLO_DIGEST}`);
    expect(await readBlob(registry.host)).toBe(HELLO);
  });

  test("takes a blob in parts, the last one in the PUT", async () => {
    await using registry = await openEmbeddedRegistry();
    const session = await startSession(registry.host);
    const first = await session.patch("0123", "0-3");
    expect([first.status, first.headers.get("range")]).toEqual([202, "0-3"]);
    const second = await session.patch("456", "4-6");
    expect([second.status, second.headers.get("range")]).toEqual([202, "0-6"]);
    expect(await session.commit(HELLO_DIGEST, "789", "7-9")).toBe(201);
    expect(await readBlob(registry.host)).toBe(HELLO);
  });

  test("takes a streamed part without Content-Range", async () => {
    await using registry = await openEmbeddedRegistry();
    const session = await startSession(registry.host);
    expect((await session.patch(HELLO)).status).toBe(202);
    expect(await session.commit(HELLO_DIGEST)).toBe(201);
  });

  test.each([
    ["out of order", "5-7", "567"],
    ["repeated", "0-3", "0123"],
    ["shorter than it says", "4-9", "456"],
    ["with a unit", "bytes 4-6", "456"],
    ["reversed", "4-2", "456"],
  ])("refuses a part %s and keeps the session", async (_, range, body) => {
    await using registry = await openEmbeddedRegistry();
    const session = await startSession(registry.host);
    await session.patch("0123", "0-3");
    const refused = await session.patch(body, range);
    expect(refused.headers.get("range")).toBe("0-3");
    expect(await errorOf(refused)).toBe("416 RANGE_INVALID");
    const status = await session.status();
    expect([status.status, status.headers.get("range")]).toEqual([204, "0-3"]);
    expect(status.headers.get("location")).toBe(new URL(session.url).pathname);
    await session.patch("456789", "4-9");
    expect(await session.commit(HELLO_DIGEST)).toBe(201);
  });

  test("reports an empty session as 0-0", async () => {
    await using registry = await openEmbeddedRegistry();
    const session = await startSession(registry.host);
    expect((await session.status()).headers.get("range")).toBe("0-0");
  });

  test("takes the empty blob", async () => {
    await using registry = await openEmbeddedRegistry();
    const session = await startSession(registry.host);
    expect(await session.commit(digestOf(""))).toBe(201);
    expect(await readBlob(registry.host, digestOf(""))).toBe("");
  });

  test("takes other digest algorithms", async () => {
    await using registry = await openEmbeddedRegistry();
    const digest = `sha512:${createHash("sha512").update(HELLO).digest("hex")}`;
    const session = await startSession(registry.host);
    await session.patch("01234");
    expect(await session.commit(digest, "56789")).toBe(201);
    expect(await readBlob(registry.host, digest)).toBe(HELLO);
  });

  test("refuses a wrong digest and drops the session", async () => {
    await using registry = await openEmbeddedRegistry();
    const session = await startSession(registry.host);
    expect(await session.commit(digestOf("other"), HELLO)).toBe(400);
    expect((await session.status()).status).toBe(404);
    expect(registry.content.uploads.size).toBe(0);
  });

  test("refuses a malformed digest and keeps the session", async () => {
    await using registry = await openEmbeddedRegistry();
    const session = await startSession(registry.host);
    expect(await session.commit("sha256:zz", HELLO)).toBe(400);
    expect(await session.commit(HELLO_DIGEST, HELLO)).toBe(201);
  });

  test("keeps what arrived before the connection broke", async () => {
    await using registry = await openEmbeddedRegistry();
    const session = await startSession(registry.host);
    await breakPatch(session.url, { send: "0123", promise: 10 });
    await expect.poll(async () => (await session.status()).headers.get("range")).toBe("0-3");
    expect(await session.commit(HELLO_DIGEST, "456789", "4-9")).toBe(201);
  });

  test("forgets a cancelled session", async () => {
    await using registry = await openEmbeddedRegistry();
    const session = await startSession(registry.host);
    expect((await fetch(session.url, { method: "DELETE" })).status).toBe(204);
    expect(await errorOf(await session.status())).toBe("404 BLOB_UPLOAD_UNKNOWN");
  });

  test("does not know the session of another repository", async () => {
    await using registry = await openEmbeddedRegistry();
    const session = await startSession(registry.host);
    const response = await fetch(session.url.replace("acme/web", "acme/other"));
    expect(await errorOf(response)).toBe("404 BLOB_UPLOAD_UNKNOWN");
  });

  test("mounts a blob from another repository", async () => {
    await using registry = await registryWithBlob();
    const url = `http://${registry.host}/v2/acme/other/blobs/uploads/?mount=${HELLO_DIGEST}&from=acme/web`;
    const response = await fetch(url, { method: "POST" });
    expect(response.status).toBe(201);
    expect(response.headers.get("location")).toBe(`/v2/acme/other/blobs/${HELLO_DIGEST}`);
    expect(await readBlob(registry.host, HELLO_DIGEST, "acme/other")).toBe(HELLO);
  });

  test.each([
    ["from nowhere", `mount=${HELLO_DIGEST}`],
    ["from a repository without it", `mount=${HELLO_DIGEST}&from=acme/none`],
    ["of an unknown blob", `mount=${digestOf("other")}&from=acme/web`],
  ])("opens a session for a mount %s", async (_, query) => {
    await using registry = await registryWithBlob();
    const url = `http://${registry.host}/v2/acme/other/blobs/uploads/?${query}`;
    const response = await fetch(url, { method: "POST" });
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toMatch(/^\/v2\/acme\/other\/blobs\/uploads\/[\w-]+$/);
  });
});

describe("manifest", () => {
  test("is stored by tag and read by tag and digest, byte for byte", async () => {
    await using registry = await openEmbeddedRegistry();
    const built = image({ layers: 2 });
    await pushArtifacts(registry.host, "acme/web", { v1: built });
    for (const reference of ["v1", built.manifest.descriptor.digest]) {
      const url = `http://${registry.host}/v2/acme/web/manifests/${reference}`;
      const response = await fetch(url);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "content-type": MEDIA_TYPE.imageManifest,
        "content-length": String(built.manifest.bytes.length),
        "docker-content-digest": built.manifest.descriptor.digest,
      });
      expect(Buffer.from(await response.arrayBuffer())).toEqual(built.manifest.bytes);
      expect((await fetch(url, { method: "HEAD" })).status).toBe(200);
    }
  });

  test("answers for what is missing", async () => {
    await using registry = await openEmbeddedRegistry();
    seed(registry, "acme/web", { v1: image() });
    const base = `http://${registry.host}/v2`;
    const ask = async (path: string) => errorOf(await fetch(`${base}/${path}`));
    expect(await ask("acme/web/manifests/v2")).toBe("404 MANIFEST_UNKNOWN");
    expect(await ask(`acme/web/manifests/${HELLO_DIGEST}`)).toBe("404 MANIFEST_UNKNOWN");
    expect(await ask("acme/none/manifests/v1")).toBe("404 NAME_UNKNOWN");
  });

  test("needs its blobs in the same repository", async () => {
    await using registry = await openEmbeddedRegistry();
    const built = image({ layers: 2 });
    seed(registry, "acme/web", { v1: built });
    const response = await putManifest(registry.host, "acme/other/manifests/v1", built);
    const { errors } = (await response.json()) as { errors: { code: string; detail: string }[] };
    expect(response.status).toBe(400);
    expect(errors.map(({ code }) => code)).toEqual(Array(3).fill("MANIFEST_BLOB_UNKNOWN"));
    expect(errors.map(({ detail }) => detail)).toEqual(
      built.blobs.map(({ descriptor }) => descriptor.digest),
    );
  });

  test("of an index needs its children, unless sparse indexes are allowed", async () => {
    const built = index([image({ platform: AMD64 }), image({ platform: ARM64 })]);
    await using strict = await openEmbeddedRegistry();
    const refused = await putManifest(strict.host, "acme/web/manifests/v1", built);
    expect(await errorOf(refused)).toBe("400 MANIFEST_BLOB_UNKNOWN");
    await using lenient = await openEmbeddedRegistry({ sparseIndexes: true });
    expect((await putManifest(lenient.host, "acme/web/manifests/v1", built)).status).toBe(201);
  });

  test("is refused with a wrong digest, a bad reference or a bad document", async () => {
    await using registry = await openEmbeddedRegistry();
    const built = artifact();
    await pushArtifacts(registry.host, "acme/web", { v1: built });
    const put = async (reference: string, type?: string) =>
      errorOf(await putManifest(registry.host, `acme/web/manifests/${reference}`, built, type));
    expect(await put(HELLO_DIGEST)).toBe("400 DIGEST_INVALID");
    expect(await put("sha256:totallywrong")).toBe("400 DIGEST_INVALID");
    expect(await put("-bad")).toBe("400 TAG_INVALID");
    expect(await put("v2", MEDIA_TYPE.imageIndex)).toBe("400 MANIFEST_INVALID");
    expect(await put("v2", "text/plain")).toBe("400 MANIFEST_INVALID");
  });

  test("is deleted by tag alone or by digest with its tags", async () => {
    await using registry = await openEmbeddedRegistry();
    const built = image();
    seed(registry, "acme/web", { v1: built, v2: built, v3: built });
    const { manifests, tags } = registry.content.repository("acme/web");
    const remove = async (reference: string) => {
      const url = `http://${registry.host}/v2/acme/web/manifests/${reference}`;
      return (await fetch(url, { method: "DELETE" })).status;
    };
    expect([await remove("v1"), manifests.size, [...tags.keys()]]).toEqual([202, 1, ["v2", "v3"]]);
    expect(await remove(built.manifest.descriptor.digest)).toBe(202);
    expect([manifests.size, tags.size, await remove("v2")]).toEqual([0, 0, 404]);
  });
});

describe("tags/list", () => {
  const TAGS = ["V2", "a", "b", "v1", "v10", "v2"];

  async function registryWithTags() {
    const registry = await openEmbeddedRegistry();
    const built = image();
    seed(registry, "acme/web", Object.fromEntries(TAGS.toReversed().map((tag) => [tag, built])));
    return registry;
  }

  test("is sorted and complete without n", async () => {
    await using registry = await registryWithTags();
    const response = await fetch(`http://${registry.host}/v2/acme/web/tags/list`);
    expect(response.headers.get("link")).toBeNull();
    expect(await response.json()).toEqual({ name: "acme/web", tags: TAGS });
  });

  test("is paged by Link", async () => {
    await using registry = await registryWithTags();
    const pages: string[][] = [];
    let next: string | undefined = "/v2/acme/web/tags/list?n=4";
    while (next !== undefined) {
      const response: Response = await fetch(`http://${registry.host}${next}`);
      pages.push(((await response.json()) as { tags: string[] }).tags);
      next = /^<(.+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
    }
    expect(pages).toEqual([TAGS.slice(0, 4), TAGS.slice(4)]);
  });

  test.each([
    ["n=0", []],
    ["last=b", ["v1", "v10", "v2"]],
    ["last=b1&n=1", ["v1"]],
    ["last=zzz", []],
    ["n=100", TAGS],
  ])("with %s", async (query, tags) => {
    await using registry = await registryWithTags();
    const response = await fetch(`http://${registry.host}/v2/acme/web/tags/list?${query}`);
    expect(await response.json()).toEqual({ name: "acme/web", tags });
  });

  test("of an unknown repository and with a bad n is an error", async () => {
    await using registry = await registryWithTags();
    const ask = async (path: string) => errorOf(await fetch(`http://${registry.host}/v2/${path}`));
    expect(await ask("acme/none/tags/list")).toBe("404 NAME_UNKNOWN");
    expect(await ask("acme/web/tags/list?n=-1")).toBe("400 PAGINATION_NUMBER_INVALID");
  });

  test("has a sibling for repositories", async () => {
    await using registry = await registryWithTags();
    seed(registry, "acme/api", { v1: image() });
    const response = await fetch(`http://${registry.host}/v2/_catalog?n=1`);
    expect(response.headers.get("link")).toBe('</v2/_catalog?n=1&last=acme%2Fapi>; rel="next"');
    expect(await response.json()).toEqual({ repositories: ["acme/api"] });
  });
});

describe("referrers", () => {
  test("lists what has the digest as its subject", async () => {
    await using registry = await openEmbeddedRegistry();
    const subject = image();
    const { descriptor } = subject.manifest;
    const signature = artifact({
      subject: descriptor,
      artifactType: "application/vnd.example.signature",
      annotations: { "org.example.by": "alice" },
    });
    const sbom = artifact({ subject: descriptor, artifactType: "application/vnd.example.sbom" });
    await pushArtifacts(registry.host, "acme/web", { v1: subject, signature, sbom });

    const all = await readReferrers(registry.host, descriptor.digest);
    expect(all.type).toBe(MEDIA_TYPE.imageIndex);
    expect(all.manifests).toEqual([
      {
        ...signature.manifest.descriptor,
        artifactType: "application/vnd.example.signature",
        annotations: { "org.example.by": "alice" },
      },
      { ...sbom.manifest.descriptor, artifactType: "application/vnd.example.sbom" },
    ]);
    expect(all.filters).toBeNull();

    const type = encodeURIComponent("application/vnd.example.sbom");
    const some = await readReferrers(registry.host, `${descriptor.digest}?artifactType=${type}`);
    expect(some.manifests).toHaveLength(1);
    expect(some.filters).toBe("artifactType");
  });

  test("may come before their subject, and are acknowledged", async () => {
    await using registry = await openEmbeddedRegistry();
    const { descriptor } = image().manifest;
    const signature = artifact({ subject: descriptor });
    await pushArtifacts(registry.host, "acme/web", { signature });
    const response = await putManifest(registry.host, "acme/web/manifests/again", signature);
    expect(response.headers.get("oci-subject")).toBe(descriptor.digest);
  });

  test("of unknown content are an empty list", async () => {
    await using registry = await openEmbeddedRegistry();
    expect((await readReferrers(registry.host, HELLO_DIGEST)).manifests).toEqual([]);
  });
});

async function errorOf(response: Response): Promise<string> {
  const { errors } = (await response.json()) as { errors: { code: string }[] };
  return `${response.status} ${errors[0]?.code}`;
}

async function registryWithBlob() {
  const registry = await openEmbeddedRegistry();
  const session = await startSession(registry.host);
  await session.commit(HELLO_DIGEST, HELLO);
  return { ...registry, url: `http://${registry.host}/v2/acme/web/blobs/${HELLO_DIGEST}` };
}

async function startSession(host: string) {
  const started = await fetch(`http://${host}/v2/acme/web/blobs/uploads/`, { method: "POST" });
  expect(started.status).toBe(202);
  const url = `http://${host}${started.headers.get("location")}`;
  const headersFor = (range?: string) => (range ? { "content-range": range } : {});
  return {
    url,
    status: () => fetch(url),
    patch: (body: string, range?: string) =>
      fetch(url, { method: "PATCH", body, headers: headersFor(range) }),
    async commit(digest: string, body = "", range?: string): Promise<number> {
      const headers = headersFor(range);
      return (await fetch(`${url}?digest=${digest}`, { method: "PUT", body, headers })).status;
    },
  };
}

async function readBlob(host: string, digest = HELLO_DIGEST, repository = "acme/web") {
  return (await fetch(`http://${host}/v2/${repository}/blobs/${digest}`)).text();
}

async function putManifest(host: string, path: string, built: BuiltArtifact, type?: string) {
  const { bytes, descriptor } = built.manifest;
  const headers = { "content-type": type ?? descriptor.mediaType };
  return fetch(`http://${host}/v2/${path}`, { method: "PUT", headers, body: bytes });
}

async function readReferrers(host: string, digest: string) {
  const response = await fetch(`http://${host}/v2/acme/web/referrers/${digest}`);
  const { manifests } = (await response.json()) as { manifests: unknown[] };
  const { headers } = response;
  return {
    manifests,
    type: headers.get("content-type"),
    filters: headers.get("oci-filters-applied"),
  };
}

/** Sends fewer bytes than promised and cuts the connection. */
async function breakPatch(url: string, body: { readonly send: string; readonly promise: number }) {
  await new Promise<void>((resolve) => {
    const headers = { "content-length": String(body.promise) };
    const request = httpRequest(url, { method: "PATCH", headers });
    request.on("error", () => resolve());
    request.write(body.send, () => request.destroy(new Error("cut")));
  });
}
