import { createHash } from "node:crypto";
import { readdir, rm, truncate, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pruneCache } from "../../src/cache/served/pull-cache.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { type MirrorServer, openServer, type ServerOptions } from "../../src/serve/open-server.ts";
import type { ServeEvent } from "../../src/serve/serve-event.ts";
import { artifact, image, pushArtifacts, randomLayer } from "../support/artifacts.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { mountSmallFileSystem } from "../support/small-file-system.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { writeBundle } from "./support/bundles.ts";

const LARGE = randomLayer(300_000);
const FIRST = image({ name: "first", layers: [LARGE] });
const SECOND = image({ name: "second" });
const { digest: FIRST_DIGEST } = FIRST.manifest.descriptor;
const BYTES = Buffer.from("0123456789");

let directory: TempDirectory;
let time: number;
let events: ServeEvent[];
let servers: MirrorServer[];

beforeEach(async () => {
  directory = await openTempDirectory();
  time = Date.UTC(2026, 0, 1);
  events = [];
  servers = [];
});

afterEach(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

async function serve(options: Partial<ServerOptions> = {}): Promise<MirrorServer> {
  const server = await openServer({
    bundlePaths: [],
    writable: "local",
    cacheDirectory: directory.resolve("cache"),
    port: 0,
    now: () => time,
    onEvent: (event) => events.push(event),
    ...options,
  });
  servers.push(server);
  return server;
}

/** The same server after it was ended. */
async function serveAgain(options: Partial<ServerOptions> = {}): Promise<MirrorServer> {
  await servers.at(-1)?.[Symbol.asyncDispose]();
  return await serve(options);
}

const hostOf = ({ url }: MirrorServer) => url.slice("http://".length);
const push = (server: MirrorServer, tagged: Record<string, typeof FIRST>, name = "local/app") =>
  pushArtifacts(hostOf(server), name, tagged);
const ask = ({ url }: MirrorServer, path: string, init: RequestInit = {}) =>
  fetch(`${url}${path}`, init);
const put = (server: MirrorServer, built: typeof FIRST, path: string) =>
  ask(server, path, {
    method: "PUT",
    headers: { "content-type": built.manifest.descriptor.mediaType },
    body: built.manifest.bytes,
  });
const statusOf = async (server: MirrorServer, path: string, init?: RequestInit) => {
  const response = await ask(server, path, init);
  await response.arrayBuffer();
  return response.status;
};
const errorOf = async (response: Response) => {
  const { errors } = (await response.json()) as { errors: { code: string }[] };
  return `${response.status} ${errors[0]?.code}`;
};
const tagsOf = async (server: MirrorServer, name = "local/app") =>
  ((await (await ask(server, `/v2/${name}/tags/list`)).json()) as { tags: string[] }).tags;
const contentOf = (kind: string) =>
  readdir(directory.resolve("cache", "content", kind, "sha256")).catch(() => []);

/** Everything of the image comes back as it was pushed. */
async function expectWhole(server: MirrorServer, tag = "1", built = FIRST, name = "local/app") {
  const base = `/v2/${name}`;
  const manifest = await ask(server, `${base}/manifests/${tag}`);
  expect(Buffer.from(await manifest.arrayBuffer()).equals(built.manifest.bytes)).toBe(true);
  expect(manifest.headers.get("content-type")).toBe(built.manifest.descriptor.mediaType);
  for (const { descriptor } of built.blobs) {
    const blob = await ask(server, `${base}/blobs/${descriptor.digest}`);
    expect(digestOf(Buffer.from(await blob.arrayBuffer()))).toBe(descriptor.digest);
  }
}

describe("a namespace that can be pushed to", () => {
  test("gives back what was pushed, also after the server was started again", async () => {
    await push(await serve(), { "1": FIRST, V1: SECOND, v1: FIRST });
    const server = await serveAgain();
    await expectWhole(server);
    await expectWhole(server, "V1", SECOND);
    expect(await tagsOf(server)).toEqual(["1", "V1", "v1"]);
  });

  test("is found by ns and by the path, and is the default only where that is said", async () => {
    await push(await serve(), { "1": FIRST });
    const server = await serveAgain();
    expect(await statusOf(server, "/v2/app/manifests/1?ns=local")).toBe(200);
    expect(await statusOf(server, "/local/v2/app/manifests/1")).toBe(200);
    expect(await statusOf(server, "/v2/new/blobs/uploads/", { method: "POST" })).toBe(404);
    const open = await serveAgain({ defaultNamespace: "local" });
    await push(open, { "2": SECOND }, "library/new");
    await expectWhole(open, "2", SECOND, "local/library/new");
  });

  test.each([
    ["ns", "/v2/app/blobs/uploads/?ns=local"],
    ["a path in front of the API", "/local/v2/app/blobs/uploads/"],
  ])("is still meant where an upload goes on: %s", async (_, path) => {
    const server = await serve();
    const { headers } = await ask(server, path, { method: "POST" });
    const url = new URL(headers.get("location") ?? "", server.url);
    url.searchParams.set("digest", digestOf(BYTES));
    const done = await fetch(url, { method: "PUT", body: BYTES });
    expect(done.status).toBe(201);
    const blob = await fetch(new URL(done.headers.get("location") ?? "", server.url));
    expect(await blob.text()).toBe(BYTES.toString());
  });

  test("leaves everything else read-only", async () => {
    await writeBundle(directory.resolve("bundle"), { "docker.io/library/a:1": SECOND });
    const server = await serve({ bundlePaths: [directory.resolve("bundle")] });
    const method = "POST";
    const path = "/v2/docker.io/library/a/blobs/uploads/";
    expect(await errorOf(await ask(server, path, { method }))).toBe("405 UNSUPPORTED");
    expect(await statusOf(server, "/v2/library/a/manifests/1?ns=docker.io")).toBe(200);
  });

  test("is nobody else's, has a name, and is not open to a whole network", async () => {
    await writeBundle(directory.resolve("bundle"), { "docker.io/library/a:1": SECOND });
    const bundlePaths = [directory.resolve("bundle")];
    await expect(serve({ bundlePaths, writable: "docker.io" })).rejects.toThrow(
      /a bundle or the tree has/,
    );
    const upstreams = [{ namespace: "quay.io", openSource: () => null as never }];
    await expect(serve({ upstreams, writable: "quay.io" })).rejects.toThrow(/is an upstream/);
    await expect(serve({ writable: "a/b" })).rejects.toThrow(/no name for a registry/);
    await expect(serve({ address: "0.0.0.0" })).rejects.toThrow(/everybody who can connect/);
    await expect(serve({ cacheDirectory: undefined })).rejects.toThrow(/need a directory/);
    await serve({ address: "0.0.0.0", allow: ["127.0.0.1"] });
  });

  test("asks for a login where logins are asked for", async () => {
    // The password is "secret"
    const login = "alice:$2y$05$Ds5Vp5GeuqTfhjOzGI7Ts.fD9bV3GxTFFcKeGc5QSOdm5JQCX9rTK\n";
    await writeFile(directory.resolve("logins"), login);
    const server = await serve({ htpasswdFile: directory.resolve("logins") });
    expect(await statusOf(server, "/v2/local/app/blobs/uploads/", { method: "POST" })).toBe(401);
  });

  test("takes no manifest whose content is not in the repository", async () => {
    const server = await serve();
    await push(server, { "1": FIRST }, "local/other");
    const refused = await put(server, FIRST, "/v2/local/app/manifests/1");
    expect(await errorOf(refused)).toBe("400 MANIFEST_BLOB_UNKNOWN");
    expect(await statusOf(server, "/v2/local/app/manifests/1")).toBe(404);
  });

  test("takes no manifest that is too large, whatever the client says of its size", async () => {
    const server = await serve();
    const status = await new Promise((resolve, reject) => {
      const sent = httpRequest(`${server.url}/v2/local/app/manifests/1`, {
        method: "PUT",
        headers: { "content-type": MEDIA_TYPE.imageManifest },
      });
      sent.once("response", ({ statusCode }) => resolve(statusCode)).once("error", reject);
      for (let mib = 0; mib < 5; mib += 1) sent.write(Buffer.alloc(1024 * 1024, " "));
      sent.end();
    });
    expect(status).toBe(413);
  });

  test("takes a blob of another of its repositories without sending it again", async () => {
    const server = await serve();
    await push(server, { "1": FIRST }, "local/base");
    const { digest } = LARGE.descriptor;
    const mount = (from: string) =>
      statusOf(server, `/v2/local/app/blobs/uploads/?mount=${digest}&from=${from}`, {
        method: "POST",
      });
    expect(await mount("local/base")).toBe(201);
    expect(await mount("local/none")).toBe(202);
    expect(await mount("../../etc")).toBe(202);
    expect(await statusOf(server, `/v2/local/app/blobs/${digest}`)).toBe(200);
  });

  test("lists what refers to a manifest, also before that is there", async () => {
    const server = await serve();
    const signature = artifact({ subject: FIRST.manifest.descriptor, artifactType: "a/sig" });
    await push(server, { sig: signature });
    const answer = await put(server, signature, "/v2/local/app/manifests/sig");
    expect(answer.headers.get("oci-subject")).toBe(FIRST_DIGEST);
    const listed = async (from: MirrorServer) => {
      const response = await ask(from, `/v2/local/app/referrers/${FIRST_DIGEST}`);
      const { manifests } = (await response.json()) as { manifests: { digest: string }[] };
      return manifests.map(({ digest }) => digest);
    };
    const { digest } = signature.manifest.descriptor;
    expect(await listed(server)).toEqual([digest]);
    const again = await serveAgain();
    expect(await listed(again)).toEqual([digest]);
    await ask(again, `/v2/local/app/manifests/${digest}`, { method: "DELETE" });
    expect(await listed(again)).toEqual([]);
  });

  test("forgets tags, manifests and blobs that are deleted, for good", async () => {
    const server = await serve();
    await push(server, { "1": FIRST, "2": FIRST, "3": SECOND });
    const remove = (path: string) =>
      statusOf(server, `/v2/local/app/${path}`, { method: "DELETE" });
    expect(await remove("manifests/1")).toBe(202);
    expect(await tagsOf(server)).toEqual(["2", "3"]);
    expect(await remove(`manifests/${FIRST_DIGEST}`)).toBe(202);
    expect(await remove(`blobs/${LARGE.descriptor.digest}`)).toBe(202);
    const again = await serveAgain();
    expect(await tagsOf(again)).toEqual(["3"]);
    expect(await statusOf(again, `/v2/local/app/manifests/${FIRST_DIGEST}`)).toBe(404);
    expect(await statusOf(again, `/v2/local/app/blobs/${LARGE.descriptor.digest}`)).toBe(404);
    await expectWhole(again, "3", SECOND);
  });

  test("is told of on the page", async () => {
    const page = await (await ask(await serve(), "/")).text();
    expect(page).toContain("local (what was pushed)");
    expect(page).toMatch(/docker push 127\.0\.0\.1:\d+\/local\/IMAGE:TAG/);
  });
});

describe("an upload", () => {
  const start = async (server: MirrorServer) => {
    const { headers } = await ask(server, "/v2/local/app/blobs/uploads/", { method: "POST" });
    return headers.get("location") ?? "";
  };
  const commit = (server: MirrorServer, path: string, digest: string, body: Buffer) =>
    statusOf(server, `${path}?digest=${digest}`, { method: "PUT", body });

  test.each(["sha256", "sha512"])(
    "goes on after the server was started again: %s",
    async (name) => {
      const server = await serve();
      const path = await start(server);
      await ask(server, path, { method: "PATCH", body: BYTES.subarray(0, 4) });
      const again = await serveAgain();
      const status = await ask(again, path);
      expect([status.status, status.headers.get("range")]).toEqual([204, "0-3"]);
      const digest = `${name}:${createHash(name).update(BYTES).digest("hex")}`;
      expect(await commit(again, path, digest, BYTES.subarray(4))).toBe(201);
      const blob = await ask(again, `/v2/local/app/blobs/${digest}`);
      expect(await blob.text()).toBe(BYTES.toString());
    },
  );

  test("whose bytes are wrong leaves nothing", async () => {
    const server = await serve();
    const path = await start(server);
    expect(await commit(server, path, digestOf("other"), BYTES)).toBe(400);
    expect(await statusOf(server, path)).toBe(404);
    expect(await statusOf(server, `/v2/local/app/blobs/${digestOf("other")}`)).toBe(404);
    expect(await contentOf("blobs")).toEqual([]);
    expect(await readdir(directory.resolve("cache", "pushed", "local", "app", "_uploads"))).toEqual(
      [],
    );
  });

  test("that is given up leaves nothing", async () => {
    const server = await serve();
    const path = await start(server);
    await ask(server, path, { method: "PATCH", body: BYTES });
    expect(await statusOf(server, path, { method: "DELETE" })).toBe(204);
    expect(await statusOf(server, path)).toBe(404);
  });

  test("of a connection that breaks goes on behind what has come", async () => {
    const bytes = Buffer.alloc(3 * 1024 * 1024, "content ");
    const server = await serve();
    const path = await start(server);
    const broken = httpRequest(`${server.url}${path}`, {
      method: "PATCH",
      headers: { "content-length": String(bytes.length) },
    });
    broken.on("error", () => {}).write(bytes.subarray(0, 2_000_000));
    const sizeNow = async () => {
      const range = (await ask(server, path)).headers.get("range") ?? "";
      return Number(range.slice(2)) + 1;
    };
    await expect.poll(sizeNow).toBeGreaterThan(1_000_000);
    broken.destroy();
    const finish = async () => {
      const size = await sizeNow();
      return await statusOf(server, `${path}?digest=${digestOf(bytes)}`, {
        method: "PUT",
        headers: { "content-range": `${size}-${bytes.length - 1}` },
        body: bytes.subarray(size),
      });
    };
    // As long as the server has not noticed, the upload is in use, or grows
    await expect.poll(finish).toBe(201);
    const blob = await ask(server, `/v2/local/app/blobs/${digestOf(bytes)}`);
    expect(Buffer.from(await blob.arrayBuffer()).equals(bytes)).toBe(true);
  });

  test("is known by its name only, which leads nowhere else", async () => {
    const server = await serve();
    for (const id of ["..%2F..%2Flock", "x", "00000000-0000-0000-0000-000000000000"]) {
      expect(await statusOf(server, `/v2/local/app/blobs/uploads/${id}`)).toBe(404);
    }
  });
});

describe("content that was pushed", () => {
  test("stays when the cache has no room and no time for anything", async () => {
    const server = await serve({ cacheLimitBytes: 1, cacheTtlMs: 1 });
    await push(server, { "1": FIRST, "2": SECOND });
    time += 1_000_000;
    const again = await serveAgain({ cacheLimitBytes: 1, cacheTtlMs: 1 });
    await expectWhole(again);
    await again[Symbol.asyncDispose]();
    await pruneCache(directory.resolve("cache"), { limitBytes: 1, ttlMs: 1, now: () => time });
    await expectWhole(await serve());
  });

  test("goes like anything else when no repository has it any more", async () => {
    const server = await serve({ cacheLimitBytes: 1 });
    await push(server, { "1": FIRST });
    await push(server, { "1": FIRST }, "local/other");
    const remove = (name: string) =>
      ask(server, `/v2/local/${name}/blobs/${LARGE.descriptor.digest}`, { method: "DELETE" });
    const [, encoded] = LARGE.descriptor.digest.split(":");
    await remove("app");
    await push(server, { "2": SECOND });
    expect(await contentOf("blobs")).toContain(encoded);
    await remove("other");
    await push(server, { "3": image({ name: "third" }) });
    await expect.poll(() => contentOf("blobs")).not.toContain(encoded);
  });

  test("is on the disk once with what an upstream has, and is no business of who asks there", async () => {
    await using registry = await startFaultRegistry();
    await pushArtifacts(registry.host, "library/a", { "1": FIRST });
    await using client = openRegistryClient({ retryTimeoutMs: 0 });
    const openSource = (repository: string) =>
      client.repository({ registry: registry.host, repository });
    const server = await serve({ upstreams: [{ namespace: "docker.io", openSource }] });
    await push(server, { "1": FIRST });
    const before = registry.log.entries.length;
    await expectWhole(server, "1", FIRST, "docker.io/library/a");
    expect(registry.log.entries.slice(before).filter(({ path }) => /blobs/.test(path))).toEqual([]);
    expect((await contentOf("blobs")).length).toBe(FIRST.blobs.length);
    const path = `/v2/local/new/blobs/${LARGE.descriptor.digest}`;
    expect(await statusOf(server, path, { method: "HEAD" })).toBe(404);
  });

  test("that is lost is told of, and is healed by pushing it again", async () => {
    await push(await serve(), { "1": FIRST });
    const [, encoded = ""] = LARGE.descriptor.digest.split(":");
    await rm(directory.resolve("cache", "content", "blobs", "sha256", encoded));
    const [, manifest = ""] = FIRST_DIGEST.split(":");
    await truncate(directory.resolve("cache", "content", "manifests", "sha256", manifest), 100);
    const server = await serveAgain();
    expect(await statusOf(server, `/v2/local/app/blobs/${LARGE.descriptor.digest}`)).toBe(404);
    expect(await statusOf(server, "/v2/local/app/manifests/1")).toBe(404);
    const failures = events.filter(({ type }) => type === "request-failed");
    expect(failures).toHaveLength(2);
    expect(failures[0]).toMatchObject({ code: "CONTENT_MISSING" });
    expect(JSON.stringify(failures)).toContain(`local/app@${LARGE.descriptor.digest}`);
    await push(server, { "1": FIRST });
    await expectWhole(server);
  });

  test("that no image needs goes when the cache is pruned, and images stay", async () => {
    const server = await serve();
    await push(server, { "1": FIRST });
    const path = `/v2/local/app/blobs/uploads/?digest=${digestOf(BYTES)}`;
    await ask(server, path, { method: "POST", body: BYTES });
    await server[Symbol.asyncDispose]();
    const now = () => Date.now() + 3_600_000;
    const report = await pruneCache(directory.resolve("cache"), { ttlMs: 1000, now });
    expect(report.removed).toEqual({ files: 1, bytes: BYTES.length });
    expect(report.pushed).toEqual([{ image: "local/app:1", digest: FIRST_DIGEST }]);
    await expectWhole(await serve());
  });
});

test("twenty clients push at the same time, and each gets what it has pushed", async () => {
  const server = await serve();
  const images = Array.from({ length: 20 }, (_, client) =>
    image({ name: `client-${client}`, layers: [LARGE], files: { client: String(client) } }),
  );
  await Promise.all(images.map((built, client) => push(server, { [`v${client}`]: built })));
  const again = await serveAgain();
  for (const [client, built] of images.entries()) await expectWhole(again, `v${client}`, built);
});

test("a disk that is full is said to whoever pushes, and everything before is there", async (context) => {
  await using disk = await mountSmallFileSystem(2 * 1024 * 1024);
  if (disk === undefined) return context.skip();
  const server = await serve({ cacheDirectory: `${disk.path}/cache` });
  await push(server, { "1": FIRST });
  const bytes = Buffer.alloc(4 * 1024 * 1024, "content ");
  const path = `/v2/local/app/blobs/uploads/?digest=${digestOf(bytes)}`;
  expect(await statusOf(server, path, { method: "POST", body: bytes })).toBe(507);
  expect(events).toContainEqual(
    expect.objectContaining({ type: "request-failed", code: "SPACE_EXHAUSTED" }),
  );
  expect(await statusOf(server, `/v2/local/app/blobs/${digestOf(bytes)}`)).toBe(404);
  await expectWhole(server);
  await server[Symbol.asyncDispose]();
});
