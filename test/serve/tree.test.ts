import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { dirname } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BuiltArtifact } from "../../src/demo/image-builder.ts";
import { exportBundle } from "../../src/export/export-bundle.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { type MirrorServer, openServer, type ServerOptions } from "../../src/serve/open-server.ts";
import type { ServeEvent } from "../../src/serve/serve-event.ts";
import { AMD64, artifact, image, index, randomLayer } from "../support/artifacts.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { writeBundle } from "./support/bundles.ts";

const LARGE = randomLayer(600_000);
const WEB = image({ name: "web", layers: [LARGE] });
const MANY = index([image({ name: "many", platform: AMD64 })]);
const SIGNATURE = artifact({ subject: WEB.manifest.descriptor, artifactType: "application/x.sig" });
const REPOSITORY = "rancher/web";

let directory: TempDirectory;
let tree: string;
let events: ServeEvent[];
let server: MirrorServer | undefined;

beforeEach(async () => {
  directory = await openTempDirectory();
  tree = directory.resolve("tree");
  events = [];
});

afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
  await directory[Symbol.asyncDispose]();
});

async function serve(options: Partial<ServerOptions> = {}): Promise<MirrorServer> {
  const onEvent = (event: ServeEvent) => events.push(event);
  server = await openServer({ bundlePaths: [], trees: [tree], port: 0, onEvent, ...options });
  return server;
}

const get = (path: string, init?: RequestInit) => fetch(`${server?.url}${path}`, init);
const codeOf = async (response: Response) => {
  const { errors } = (await response.json()) as { errors: { code: string }[] };
  return [response.status, errors[0]?.code];
};
const failures = () =>
  events.flatMap((event) => (event.type === "request-failed" ? [event.message] : []));

async function put(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(`${tree}/${path}`), { recursive: true });
  await writeFile(`${tree}/${path}`, content);
}

/** One pool of blobs, a link to it in each repository, and tags as links to manifests. */
async function writeLayout(built: BuiltArtifact, tag: string): Promise<void> {
  const { descriptor, bytes } = built.manifest;
  const manifests = `${REPOSITORY}/manifests`;
  await put(`${manifests}/${descriptor.digest}`, bytes);
  for (const child of built.children) {
    await put(`${manifests}/${child.manifest.descriptor.digest}`, child.manifest.bytes);
  }
  for (const blob of [built, ...built.children].flatMap(({ blobs }) => blobs)) {
    const { content } = blob;
    await put(`blobs/${blob.descriptor.digest}`, await buffer(content.open(0, content.size)));
  }
  await symlink(descriptor.digest, `${tree}/${manifests}/${tag}`);
  await symlink("../../blobs", `${tree}/${REPOSITORY}/blobs`).catch(() => undefined);
}

/** A path as it stands: `fetch` would take dots out of it. */
async function rawStatus(path: string): Promise<number | undefined> {
  const { address, port } = server as MirrorServer;
  return await new Promise((resolve, reject) => {
    const sent = httpRequest({ host: address, port, path }, (answer) => {
      answer.resume().once("end", () => resolve(answer.statusCode));
    });
    sent.once("error", reject).end();
  });
}

describe("a tree with one pool of blobs", () => {
  test("gives manifests by tag and by digest with their type and exact bytes, HEAD as GET", async () => {
    await writeLayout(WEB, "v1");
    await writeLayout(MANY, "many");
    await serve();
    for (const [tag, built] of [["v1", WEB] as const, ["many", MANY] as const]) {
      const { bytes, descriptor } = built.manifest;
      for (const reference of [tag, descriptor.digest]) {
        const path = `/v2/${REPOSITORY}/manifests/${reference}`;
        const head = await get(path, { method: "HEAD" });
        const got = await get(path);
        for (const answer of [head, got]) {
          expect(answer.status).toBe(200);
          expect(answer.headers.get("content-type")).toBe(descriptor.mediaType);
          expect(answer.headers.get("docker-content-digest")).toBe(descriptor.digest);
          expect(answer.headers.get("content-length")).toBe(String(bytes.length));
        }
        expect(Buffer.from(await got.arrayBuffer())).toEqual(bytes);
      }
    }
  });

  test("gives blobs whole and in ranges", async () => {
    await writeLayout(WEB, "v1");
    await serve();
    const { content, descriptor } = LARGE;
    const bytes = await buffer(content.open(0, content.size));
    const path = `/v2/${REPOSITORY}/blobs/${descriptor.digest}`;
    const whole = await get(path);
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
    const part = await get(path, { headers: { range: "bytes=300000-300009" } });
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(300_000, 300_010));
    expect((await get(path, { headers: { range: "bytes=99999999-" } })).status).toBe(416);
    const head = await get(path, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe(String(descriptor.size));
  });

  test("lists tags, repositories and what refers to a manifest", async () => {
    await writeLayout(WEB, "v1");
    await writeLayout(SIGNATURE, "signature");
    await serve({ catalog: true });
    const tags = await get(`/v2/${REPOSITORY}/tags/list?n=1`);
    expect(await tags.json()).toEqual({ name: REPOSITORY, tags: ["signature"] });
    expect(await (await get("/v2/_catalog")).json()).toEqual({ repositories: [REPOSITORY] });
    const { digest } = WEB.manifest.descriptor;
    const found = await (await get(`/v2/${REPOSITORY}/referrers/${digest}`)).json();
    expect(found).toMatchObject({
      manifests: [
        { digest: SIGNATURE.manifest.descriptor.digest, artifactType: "application/x.sig" },
      ],
    });
  });

  test("is what ns means when it is the default, and no other registry", async () => {
    await writeLayout(WEB, "v1");
    await serve({ defaultNamespace: "bootstrap-registry.airgap" });
    const status = async (ns: string) =>
      (await get(`/v2/${REPOSITORY}/manifests/v1?ns=${ns}`)).status;
    expect(await status("bootstrap-registry.airgap")).toBe(200);
    expect(await status("quay.io")).toBe(404);
  });
});

describe("the type of a file", () => {
  const typeOf = async (path: string, accept?: string) => {
    const answer = await get(`/v2/a/${path}`, accept === undefined ? {} : { headers: { accept } });
    return answer.headers.get("content-type");
  };

  test("is the one that a manifest says, whatever it is", async () => {
    await put("a/manifests/v1", '{"mediaType":"Pass"}');
    await serve();
    expect(await typeOf("manifests/v1", "application/json")).toBe("Pass");
  });

  test("is what the client accepts where the file says none", async () => {
    const digest = digestOf("blob");
    await put("a/manifests/v1", "{}");
    await put(`a/blobs/${digest}`, "blob");
    await serve();
    expect(await typeOf("manifests/v1", "application/x.own")).toBe("application/x.own");
    expect(await typeOf(`blobs/${digest}`, "application/x.own")).toBe("application/x.own");
    expect(await typeOf(`blobs/${digest}`, "*/*")).toBe("application/octet-stream");
  });

  test("is that of its shape for a client that accepts several", async () => {
    await put("a/manifests/v1", '{"schemaVersion":2,"config":{},"layers":[]}');
    await put("a/manifests/v2", '{"schemaVersion":2,"manifests":[]}');
    await put("a/manifests/v3", '{"mediaType":"a\\r\\nb: c","manifests":[]}');
    await serve();
    const accept = "application/x.a, application/x.b";
    expect(await typeOf("manifests/v1", accept)).toBe(MEDIA_TYPE.imageManifest);
    expect(await typeOf("manifests/v2", accept)).toBe(MEDIA_TYPE.imageIndex);
    expect(await typeOf("manifests/v3", accept)).toBe(MEDIA_TYPE.imageIndex);
  });
});

describe("nothing of a path leaves the tree", () => {
  const SECRET = digestOf("secret");

  test.each([
    `/v2/../manifests/${SECRET}`,
    `/v2/a/../../manifests/${SECRET}`,
    `/v2/a/%2e%2e/%2e%2e/manifests/${SECRET}`,
    `/v2/a%2f..%2f..%2fmanifests%2f${SECRET}`,
    `/v2//etc/manifests/${SECRET}`,
    `/v2/a/manifests/..%2f..%2f..%2fmanifests%2f${SECRET}`,
    "/v2/a/manifests/..",
    "/v2/a/blobs/..%2fmanifests%2fv1",
    "/v2/a/manifests/%00",
  ])("%s is refused", async (path) => {
    await put("a/manifests/v1", "{}");
    await put(`../manifests/${SECRET}`, "secret");
    await serve();
    expect([400, 404]).toContain(await rawStatus(path));
  });

  test("links out of it are an error, which stderr says the file of", async () => {
    await put("a/manifests/v1", "{}");
    await writeFile(directory.resolve("secret"), "secret");
    await symlink(directory.resolve("secret"), `${tree}/a/manifests/out`);
    await symlink(directory.path, `${tree}/a/blobs`);
    await serve();
    expect(await codeOf(await get("/v2/a/manifests/out"))).toEqual([500, "UNKNOWN"]);
    expect(await codeOf(await get(`/v2/a/blobs/${SECRET}`))).toEqual([500, "UNKNOWN"]);
    expect(failures()).toEqual([
      expect.stringMatching(/a\/manifests\/out": it is a link out of the tree/),
      expect.stringMatching(/a\/blobs": it is a link out of the tree/),
    ]);
  });
});

describe("what is not there, and what cannot be read", () => {
  test("is 404 with the error of the specification", async () => {
    await put("a/manifests/v1", "{}");
    await serve();
    expect(await codeOf(await get("/v2/a/manifests/v2"))).toEqual([404, "MANIFEST_UNKNOWN"]);
    expect(await codeOf(await get("/v2/b/manifests/v1"))).toEqual([404, "NAME_UNKNOWN"]);
    expect(await codeOf(await get("/v2/b/tags/list"))).toEqual([404, "NAME_UNKNOWN"]);
    const blob = `/v2/a/blobs/${digestOf("x")}`;
    expect(await codeOf(await get(blob))).toEqual([404, "BLOB_UNKNOWN"]);
    expect(failures()).toEqual([]);
  });

  test("is an error for a link to what is gone, a manifest with wrong bytes, and a directory that is gone", async () => {
    await put("a/manifests/v1", "{}");
    const digest = digestOf("right");
    await put(`a/manifests/${digest}`, "wrong");
    await symlink(digestOf("gone"), `${tree}/a/manifests/v2`);
    await serve();
    expect((await get("/v2/a/manifests/v2")).status).toBe(500);
    expect((await get(`/v2/a/manifests/${digest}`)).status).toBe(500);
    await rename(tree, directory.resolve("moved"));
    expect((await get("/v2/a/tags/list")).status).toBe(500);
    await mkdir(tree);
    expect((await get("/v2/a/tags/list")).status).toBe(500);
    expect(failures()).toEqual([
      expect.stringContaining("it is a link to what is not there"),
      expect.stringContaining("its digest is"),
      expect.stringContaining(tree),
      expect.stringContaining("another directory lies there now"),
    ]);
  });

  test("a blob with wrong bytes ends the connection before its last byte", async () => {
    await writeLayout(WEB, "v1");
    const { content, descriptor } = LARGE;
    const bytes = await buffer(content.open(0, content.size));
    bytes[5] = (bytes[5] ?? 0) ^ 1;
    await put(`blobs/${descriptor.digest}`, bytes);
    await serve();
    const answer = await get(`/v2/${REPOSITORY}/blobs/${descriptor.digest}`);
    await expect(answer.arrayBuffer()).rejects.toThrow();
    await expect.poll(failures).toEqual([expect.stringContaining("its digest is")]);
  });

  test("a blob that was right and is replaced while it is served is found out", async () => {
    await writeLayout(WEB, "v1");
    await serve();
    const { digest } = LARGE.descriptor;
    const pull = async () => {
      const response = await get(`/v2/${REPOSITORY}/blobs/${digest}`);
      return await response.arrayBuffer().then(
        (body) => digestOf(Buffer.from(body)),
        () => "cut off",
      );
    };
    expect([await pull(), await pull()]).toEqual([digest, digest]);
    await put(`blobs/${digest}`, Buffer.alloc(LARGE.descriptor.size));
    expect(await pull()).toBe("cut off");
    expect(failures()).toEqual([expect.stringContaining(`blobs/${digest}`)]);
  });

  test("a directory without repositories, and none at all, are refused at the start", async () => {
    await mkdir(tree);
    await expect(serve()).rejects.toThrow(/there is no repository in/);
    await rm(tree, { recursive: true });
    await expect(serve()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });
});

test("several trees add to each other, and what two have is taken from the first", async () => {
  await writeLayout(WEB, "v1");
  const second = directory.resolve("second");
  const manifests = `${second}/${REPOSITORY}/manifests`;
  await mkdir(manifests, { recursive: true });
  for (const tag of ["v1", "v2"]) await writeFile(`${manifests}/${tag}`, MANY.manifest.bytes);
  await serve({ trees: [tree, second] });
  const digestBy = async (tag: string) =>
    (await get(`/v2/${REPOSITORY}/manifests/${tag}`)).headers.get("docker-content-digest");
  expect(await digestBy("v1")).toBe(WEB.manifest.descriptor.digest);
  expect(await digestBy("v2")).toBe(MANY.manifest.descriptor.digest);
  const { tags } = (await (await get(`/v2/${REPOSITORY}/tags/list`)).json()) as { tags: string[] };
  expect(tags).toEqual(["v1", "v2"]);
});

test("what an export as files has written is served under the registries of its images, beside a bundle", async () => {
  const bundle = directory.resolve("bundle");
  await writeBundle(bundle, { "docker.io/library/web:1": WEB, "reg.example:5000/many:v1": MANY });
  await exportBundle({ form: "static", bundlePaths: [bundle], out: tree });
  const other = directory.resolve("other");
  await writeBundle(other, { "docker.io/library/web:2": MANY });
  await serve({ bundlePaths: [other], catalog: true });
  expect(server?.namespaces).toEqual(["docker.io", "reg.example:5000"]);
  const digest = async (path: string) =>
    (await get(`/v2/${path}`)).headers.get("docker-content-digest");
  const [web, many] = [WEB, MANY].map(({ manifest }) => manifest.descriptor.digest);
  expect(await digest("library/web/manifests/1?ns=docker.io")).toBe(web);
  expect(await digest("library/web/manifests/2?ns=docker.io")).toBe(many);
  expect(await digest("docker.io/library/web/manifests/1")).toBe(web);
  expect(await digest("many/manifests/v1?ns=reg.example:5000")).toBe(many);
  expect(await digest("reg.example-5000/many/manifests/v1")).toBe(many);
  const list = await get("/v2/docker.io/library/web/tags/list");
  expect(await list.json()).toEqual({ name: "docker.io/library/web", tags: ["1", "2"] });
  expect(await (await get("/v2/_catalog")).json()).toEqual({
    repositories: ["docker.io/library/web", "reg.example-5000/many"],
  });
});
