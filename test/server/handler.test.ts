import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import type { RegistryBackend } from "../../src/server/backend.ts";
import { createRegistryHandler } from "../../src/server/handler.ts";
import type { RegistryRequest } from "../../src/server/message.ts";

const BYTES = Buffer.from("0123456789");
const DIGEST = digestOf(BYTES);

/** One blob in one repository; everything else is asked for in vain. */
const BACKEND: RegistryBackend = {
  hasRepository: async (repository) => repository === "acme/web",
  statBlob: async (_, digest) => (digest === DIGEST ? { size: BYTES.length } : undefined),
  openBlob: async (_repository, _digest, { start, end }) =>
    Readable.from([BYTES.subarray(start, end)]),
  readManifest: async () => undefined,
  listTags: async (repository) => (repository === "acme/web" ? ["v2", "v1"] : undefined),
  listRepositories: async () => ["acme/web"],
  listReferrers: async () => [],
};

describe("createRegistryHandler()", () => {
  const handler = createRegistryHandler(BACKEND);

  test("reads a range through a backend that answers later", async () => {
    const { status, body } = await ask("GET", `/v2/acme/web/blobs/${DIGEST}`, {
      range: "bytes=2-4",
    });
    expect(status).toBe(206);
    expect(Buffer.concat(await (body as Readable).toArray()).toString()).toBe("234");
  });

  test("opens no blob for a HEAD", async () => {
    const backend = {
      ...BACKEND,
      openBlob: () => Promise.reject(new Error("the blob is opened")),
    };
    const request = requestFor("HEAD", `/v2/acme/web/blobs/${DIGEST}`);
    expect((await createRegistryHandler(backend)(request)).headers).toMatchObject({
      "content-length": "10",
      "docker-content-digest": DIGEST,
    });
  });

  test.each([
    ["POST", "/v2/acme/web/blobs/uploads/", ""],
    ["PATCH", "/v2/acme/web/blobs/uploads/id", ""],
    ["DELETE", `/v2/acme/web/blobs/${DIGEST}`, "GET, HEAD"],
    ["PUT", "/v2/acme/web/manifests/v1", "GET, HEAD"],
    ["DELETE", "/v2/acme/web/manifests/v1", "GET, HEAD"],
  ])("refuses %s %s where nothing can be written", async (method, path, allow) => {
    const { status, headers, body } = await ask(method, path);
    expect({ status, allow: headers["allow"] }).toEqual({ status: 405, allow });
    expect(String(body)).toContain('"code":"UNSUPPORTED"');
  });

  test.each([
    `/v2/acme/web/blobs/${DIGEST}`,
    "/v2/acme/web/tags/list",
    `/v2/acme/web/referrers/${DIGEST}`,
    "/v2/_catalog",
  ])("answers HEAD of %s with the headers of GET", async (path) => {
    const [head, get] = [await ask("HEAD", path), await ask("GET", path)];
    expect([head.status, head.headers]).toEqual([get.status, get.headers]);
  });

  test("sends nothing again that the client has", async () => {
    const known = { "if-none-match": `"sha256:other", "${DIGEST}"` };
    const { status, body } = await ask("GET", `/v2/acme/web/blobs/${DIGEST}`, known);
    expect([status, body]).toEqual([304, undefined]);
  });

  test("lists repositories only where that is wanted", async () => {
    const silent = createRegistryHandler(BACKEND, { catalog: false });
    expect((await silent(requestFor("GET", "/v2/_catalog"))).status).toBe(404);
  });

  test("tells a repository that is not there from a manifest that is not", async () => {
    const web = await ask("GET", "/v2/acme/web/manifests/v1");
    const none = await ask("GET", "/v2/acme/none/manifests/v1");
    expect(String(web.body)).toContain("MANIFEST_UNKNOWN");
    expect(String(none.body)).toContain("NAME_UNKNOWN");
  });

  function ask(method: string, path: string, headers: RegistryRequest["headers"] = {}) {
    return handler(requestFor(method, path, headers));
  }
});

function requestFor(
  method: string,
  path: string,
  headers: RegistryRequest["headers"] = {},
): RegistryRequest {
  const body = Readable.from([]);
  return {
    method,
    path,
    query: new URLSearchParams(),
    headers,
    body,
    socket: undefined as unknown as RegistryRequest["socket"],
  };
}
