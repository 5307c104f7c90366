import { chmod, open, readdir } from "node:fs/promises";
import { Agent, request as httpRequest } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { type MirrorServer, openServer } from "../../src/serve/open-server.ts";
import type { ServeEvent } from "../../src/serve/serve-event.ts";
import { AMD64, ARM64, artifact, image, index, layer } from "../support/artifacts.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { writeBundle } from "./support/bundles.ts";

const HUB = image({ name: "hub" });
const QUAY = image({ name: "quay" });
const LARGE = layer({ "a.bin": Buffer.alloc(300_000, "content ") });
const MANY = index([
  image({ name: "many", platform: AMD64, layers: [LARGE] }),
  image({ name: "many-arm", platform: ARM64 }),
]);
const PORT = image({ name: "port" });
const SIGNATURE = artifact({ subject: HUB.manifest.descriptor, artifactType: "application/x.sig" });

const IMAGES = {
  "docker.io/library/a:1": HUB,
  "docker.io/library/a:2": QUAY,
  "docker.io/library/a:3": HUB,
  "docker.io/library/a:signature": SIGNATURE,
  "quay.io/library/a:1": QUAY,
  "quay.io/acme/many:v1": MANY,
  "reg.example:5000/web:v1": PORT,
};

const digestOf = ({ manifest }: typeof HUB) => manifest.descriptor.digest;

let directory: TempDirectory;
let server: MirrorServer;
const events: ServeEvent[] = [];

beforeAll(async () => {
  directory = await openTempDirectory();
  await writeBundle(directory.resolve("bundle"), IMAGES);
  server = await openServer({
    bundlePaths: [directory.resolve("bundle")],
    port: 0,
    asTarget: "registry.local/mirror",
    hosts: { "quay.mirror.lan": "quay.io", "*.mirror.lan": "*" },
    onEvent: (event) => events.push(event),
  });
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await directory?.[Symbol.asyncDispose]();
});

const get = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, init);
const resolved = async (path: string) => (await get(path)).headers.get("docker-content-digest");
const errorOf = async (response: Response) => {
  const { errors } = (await response.json()) as { errors: { code: string; message: string }[] };
  return `${response.status} ${errors[0]?.code}: ${errors[0]?.message}`;
};

describe("the registry that a request means", () => {
  test.each<[string, string, typeof HUB]>([
    ["ns", "/v2/library/a/manifests/1?ns=docker.io", HUB],
    ["ns", "/v2/library/a/manifests/1?ns=quay.io", QUAY],
    [
      "ns with another name of Docker Hub",
      "/v2/library/a/manifests/1?ns=registry-1.docker.io",
      HUB,
    ],
    ["ns and the path", "/v2/docker.io/library/a/manifests/1?ns=docker.io", HUB],
    [
      "ns and the path, with a port",
      "/v2/reg.example-5000/web/manifests/v1?ns=reg.example%3A5000",
      PORT,
    ],
    ["ns with a port", "/v2/web/manifests/v1?ns=reg.example%3A5000", PORT],
    ["ns of the target", "/v2/mirror/quay.io/library/a/manifests/1?ns=registry.local", QUAY],
    ["a path that starts with it", "/v2/docker.io/library/a/manifests/1", HUB],
    ["a path that starts with it", "/v2/quay.io/library/a/manifests/1", QUAY],
    ["a path as a push makes it of a port", "/v2/reg.example-5000/web/manifests/v1", PORT],
    ["a path in front of the API", "/quay.io/v2/library/a/manifests/1", QUAY],
    ["a repository that only one has", "/v2/acme/many/manifests/v1", MANY],
    ["a path below the target", "/v2/mirror/docker.io/library/a/manifests/1", HUB],
    ["ns, by a short name of Docker Hub", "/v2/a/manifests/1?ns=docker.io", HUB],
    ["a path, by a short name of Docker Hub", "/v2/docker.io/a/manifests/1", HUB],
    ["a short name of Docker Hub alone", "/v2/a/manifests/1", HUB],
    ["slashes too many", "//v2//quay.io/library/a/manifests/1/", QUAY],
  ])("is found by %s: %s", async (_, path, built) => {
    expect(await resolved(path)).toBe(digestOf(built));
  });

  test.each([
    ["quay.mirror.lan:80", QUAY],
    ["quay-registry.mirror.lan", QUAY],
    ["docker.mirror.lan", HUB],
    ["DOCKER-IO.mirror.lan", HUB],
  ])("P1: is found by the host name %s", async (host, built) => {
    expect(await digestByHost(host, "/v2/library/a/manifests/1")).toBe(digestOf(built));
  });

  test("is found by the header of clients that send no ns, and ns counts for more", async () => {
    const headers = { "oci-namespace": "quay.io" };
    const by = async (path: string) =>
      (await get(path, { headers })).headers.get("docker-content-digest");
    expect(await by("/v2/library/a/manifests/1")).toBe(digestOf(QUAY));
    expect(await by("/v2/library/a/manifests/1?ns=docker.io")).toBe(digestOf(HUB));
  });

  test("is found in a whole address, as clients of proxies write it", async () => {
    const path = `${server.url}/v2/library/a/manifests/1?ns=quay.io`;
    expect(await digestByHost("elsewhere.example", path)).toBe(digestOf(QUAY));
  });

  test("is never guessed when several have the repository", async () => {
    expect(await errorOf(await get("/v2/library/a/manifests/1"))).toBe(
      "404 NAME_UNKNOWN: several namespaces have it: docker.io, quay.io; name one with ns",
    );
  });

  test("is the default one where a client does not say", async () => {
    await using own = await openServer({
      bundlePaths: [directory.resolve("bundle")],
      port: 0,
      defaultNamespace: "quay.io",
    });
    const response = await fetch(`${own.url}/v2/library/a/manifests/1`);
    expect(response.headers.get("docker-content-digest")).toBe(digestOf(QUAY));
  });

  test("does not exist when it is not served, whatever the client says", async () => {
    expect(await errorOf(await get("/v2/library/a/manifests/1?ns=169.254.169.254"))).toBe(
      '404 NAME_UNKNOWN: namespace "169.254.169.254" is not served here',
    );
    expect(await errorOf(await get("/v2/nothing/here/manifests/1"))).toMatch("404 NAME_UNKNOWN");
  });

  test.each([
    "/v2/acme/many/manifests/v1",
    "/v2/quay.io/acme/many/manifests/v1",
    "/quay.io/v2/acme/many/manifests/v1",
  ])("is named in the answer to %s", async (path) => {
    const response = await get(path);
    expect(response.headers.get("oci-namespace")).toBe("quay.io");
  });
});

describe("an answer", () => {
  test("R1: has the exact bytes of a manifest and the type that its descriptor says", async () => {
    const [child] = MANY.children;
    for (const { bytes, descriptor } of [MANY.manifest, child?.manifest ?? MANY.manifest]) {
      const response = await get(`/v2/quay.io/acme/many/manifests/${descriptor.digest}`);
      expect(response.headers.get("content-type")).toBe(descriptor.mediaType);
      expect(response.headers.get("etag")).toBe(`"${descriptor.digest}"`);
      expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
    }
  });

  test("R4: gives ranges, HEAD like GET, and refuses what cannot be", async () => {
    const { digest, size } = LARGE.descriptor;
    const path = `/v2/quay.io/acme/many/blobs/${digest}`;
    const part = await get(path, { headers: { range: "bytes=70000-70004" } });
    expect([part.status, part.headers.get("content-range")]).toEqual([
      206,
      `bytes 70000-70004/${size}`,
    ]);
    const whole = await get(path);
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect(bytes).toHaveLength(size);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(70_000, 70_005));
    expect((await get(path, { headers: { range: "bytes=999999999-" } })).status).toBe(416);
    const head = await get(path, { method: "HEAD" });
    const own = (response: Response) =>
      [...response.headers].filter(
        ([name]) => !["connection", "date", "keep-alive"].includes(name),
      );
    expect(own(head)).toEqual(own(whole));
    expect(await errorOf(await get("/v2/quay.io/acme/many/manifests/none"))).toMatch(
      "404 MANIFEST_UNKNOWN",
    );
    const upload = await get("/v2/quay.io/acme/many/blobs/uploads/", { method: "POST" });
    expect(await errorOf(upload)).toMatch("405 UNSUPPORTED");
  });

  test("never calls a layer a manifest", async () => {
    const path = `/v2/quay.io/acme/many/manifests/${LARGE.descriptor.digest}`;
    expect(await errorOf(await get(path))).toMatch("404 MANIFEST_UNKNOWN");
  });

  test("lists tags in pages whose links lead on, in every form of the address", async () => {
    for (const start of [
      "/v2/library/a/tags/list?ns=docker.io&n=3",
      "/v2/docker.io/library/a/tags/list?n=3",
      "/docker.io/v2/library/a/tags/list?n=3",
    ]) {
      const tags: string[] = [];
      for (let next: string | undefined = start; next !== undefined; ) {
        const response: Response = await get(next);
        tags.push(...((await response.json()) as { tags: string[] }).tags);
        next = /^<(.+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
      }
      expect(tags).toEqual(["1", "2", "3", "signature"]);
    }
  });

  test("lists what refers to a manifest", async () => {
    const response = await get(`/v2/docker.io/library/a/referrers/${digestOf(HUB)}`);
    expect(response.headers.get("content-type")).toBe(MEDIA_TYPE.imageIndex);
    const { manifests } = (await response.json()) as { manifests: unknown[] };
    expect(manifests).toEqual([
      { ...SIGNATURE.manifest.descriptor, artifactType: "application/x.sig" },
    ]);
  });

  test("lists the repositories only when that is switched on", async () => {
    expect((await get("/v2/_catalog")).status).toBe(404);
    await using own = await openServer({
      bundlePaths: [directory.resolve("bundle")],
      port: 0,
      catalog: true,
    });
    expect(await (await fetch(`${own.url}/v2/_catalog?ns=quay.io`)).json()).toEqual({
      repositories: ["acme/many", "library/a"],
    });
  });

  test("keeps its connection for longer than a proxy before it does", async () => {
    const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
      const agent = new Agent({ keepAlive: true });
      const asked = httpRequest(`${server.url}/v2/`, { agent }, (response) => {
        response.resume().once("end", () => {
          agent.destroy();
          resolve(response.headers);
        });
      });
      asked.once("error", reject).end();
    });
    expect(headers["keep-alive"]).toBe("timeout=120");
  });

  test("says that the server is there and ready", async () => {
    for (const path of ["/v2/", "/livez", "/readyz"]) expect((await get(path)).status).toBe(200);
  });
});

describe("the page at /", () => {
  test("says what is served from where, and how each image is pulled from this very address", async () => {
    const response = await get("/");
    const html = await response.text();
    const host = server.url.replace("http://", "");
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(html).toContain(directory.resolve("bundle"));
    expect(html).toContain(`docker pull ${host}/docker.io/library/a:1<`);
    expect(html).toContain(`podman pull --tls-verify=false ${host}/reg.example-5000/web:v1<`);
    expect(html).toContain(digestOf(MANY));
    // What clients need comes before a thousand rows
    for (const file of ["hosts.toml", "50-mirror.conf", "daemon.json"]) {
      expect(html.indexOf(file)).toBeGreaterThan(0);
      expect(html.indexOf(file)).toBeLessThan(html.indexOf("<table>"));
    }
    expect(html).toContain(`location = &#34;${host}/REGISTRY&#34;`);
    expect(html).not.toMatch(/<script|src=|href=/);
  });

  test("takes nothing that a client says for markup", async () => {
    const html = await bodyByHost('a"><script>alert(1)</script>', "/");
    expect(html).not.toContain("<script");
  });
});

describe("several bundles", () => {
  test("add to each other", async () => {
    await using more = await openTempDirectory();
    await writeBundle(more.resolve("b"), { "docker.io/library/a:4": PORT });
    const bundlePaths = [directory.resolve("bundle"), more.resolve("b")];
    await using own = await openServer({ bundlePaths, port: 0 });
    const list = await fetch(`${own.url}/v2/library/a/tags/list?ns=docker.io`);
    expect(((await list.json()) as { tags: string[] }).tags).toEqual([
      ...["1", "2", "3", "4", "signature"],
    ]);
    const path = `/v2/docker.io/library/a/manifests/${digestOf(PORT)}`;
    expect((await fetch(`${own.url}${path}`)).status).toBe(200);
  });

  test("are refused when they have one tag with different content, unless the last one counts", async () => {
    await using more = await openTempDirectory();
    await writeBundle(more.resolve("b"), { "docker.io/library/a:1": PORT });
    const bundlePaths = [directory.resolve("bundle"), more.resolve("b")];
    await expect(openServer({ bundlePaths, port: 0 })).rejects.toMatchObject({
      code: "OPTION_INVALID",
      image: "docker.io/library/a:1",
    });
    await using own = await openServer({ bundlePaths, port: 0, prefer: "last" });
    const found = await fetch(`${own.url}/v2/docker.io/library/a/manifests/1`);
    expect(found.headers.get("docker-content-digest")).toBe(digestOf(PORT));
  });
});

describe("damage on the medium", () => {
  test("ends the connection before the last byte, is told of, and leaves other blobs alone", async () => {
    await using damaged = await openTempDirectory();
    const path = damaged.resolve("bundle");
    await writeBundle(path, { "docker.io/library/a:1": image({ layers: [LARGE] }) });
    const chunk = (await readdir(path)).find((name) => /0002\.chunk$/.test(name)) ?? "";
    await chmod(damaged.resolve("bundle", chunk), 0o644);
    const file = await open(damaged.resolve("bundle", chunk), "r+");
    await file.write(Buffer.from("damaged"), 0, 7, 1000);
    await file.close();
    const seen: ServeEvent[] = [];
    await using own = await openServer({
      bundlePaths: [path],
      port: 0,
      onEvent: (event) => seen.push(event),
    });
    const base = `${own.url}/v2/docker.io/library/a`;
    const body = fetch(`${base}/blobs/${LARGE.descriptor.digest}`).then((answer) => answer.text());
    await expect(body).rejects.toThrow();
    expect(seen).toContainEqual(
      expect.objectContaining({ type: "request-failed", code: "CONTENT_MISMATCH" }),
    );
    expect((await fetch(`${base}/manifests/1`)).status).toBe(200);
  });
});

describe("the server", () => {
  test("K10: says which process holds the port", async () => {
    const again = openServer({
      bundlePaths: [directory.resolve("bundle")],
      port: server.port,
    });
    await expect(again).rejects.toMatchObject({
      code: "LISTEN_FAILED",
      message: expect.stringMatching(
        new RegExp(
          `^Cannot listen on 127.0.0.1:${server.port}: the port is in use by process ${process.pid} \\(`,
        ),
      ),
    });
  });

  test("lets what is being pulled come to its end when it stops", async () => {
    const own = await openServer({ bundlePaths: [directory.resolve("bundle")], port: 0 });
    const { digest, size } = LARGE.descriptor;
    const answer = await fetch(`${own.url}/v2/quay.io/acme/many/blobs/${digest}`);
    const stopped = own.stop();
    expect((await answer.arrayBuffer()).byteLength).toBe(size);
    await stopped;
    await expect(fetch(`${own.url}/v2/`)).rejects.toThrow();
  });

  test("tells of each request without what it was authorized by", async () => {
    events.length = 0;
    await get("/v2/library/a/manifests/1?ns=docker.io", {
      headers: { authorization: "Basic c2VjcmV0" },
    });
    await expect
      .poll(() => events)
      .toEqual([
        {
          type: "request-answered",
          method: "GET",
          path: "/v2/library/a/manifests/1",
          namespace: "docker.io",
          status: 200,
          bytes: HUB.manifest.bytes.length,
          milliseconds: expect.any(Number),
          client: "127.0.0.1",
        },
      ]);
  });
});

function bodyByHost(host: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port } = server;
    httpRequest({ host: "127.0.0.1", port, path, headers: { host } }, (response) => {
      resolve(text(response));
    })
      .on("error", reject)
      .end();
  });
}

/** `fetch` does not let the host name be set. */
function digestByHost(host: string, path: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const { port } = server;
    httpRequest({ host: "127.0.0.1", port, path, headers: { host } }, (response) => {
      response.resume();
      const digest = response.headers["docker-content-digest"];
      resolve(typeof digest === "string" ? digest : undefined);
    })
      .on("error", reject)
      .end();
  });
}
