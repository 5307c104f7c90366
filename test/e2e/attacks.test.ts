import { readFileSync } from "node:fs";
import { access, chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { bufferContent } from "../../src/server/memory-content.ts";
import { createAuthority } from "../registry/support/authority.ts";
import { type Answer, send, startServer } from "../registry/support/server.ts";
import { image, seed } from "../support/artifacts.ts";
import { eachTest } from "../support/fixture.ts";
import { type Faults, startFaultRegistry } from "../support/registry.ts";
import { runInProcess } from "../support/run-cli.ts";
import { findSecret, MARKER } from "../support/secrets.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";

const openssl = requireTool("openssl");

/**
 * What registries, and those who write bundles and configuration files, could try: attack → the tests that show that it
 * fails. Those of this file run whole commands against the hostile side; the others try what cannot be told apart from
 * outside, or all variants. The last test of this file keeps the table right.
 */
const TESTED: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "credentials follow a redirect": {
    "e2e/attacks": ["gives the login to no other origin", "gives it to none that asks for one"],
    "registry/security": ["do not follow a %i to another origin", "of a token request do not"],
    "registry/transport/redirect": ["from HTTPS to plain HTTP", "to cloud metadata"],
    "registry/tls": ["is not shown to a host that the registry redirects to"],
  },
  "an upload goes on at another host": {
    "e2e/attacks": ["uploads to another origin without the login"],
    "registry/push": ["does not go where a session leads that is not of this registry"],
  },
  "a realm that is not the registry's": {
    "e2e/attacks": ["gives no password to a realm without TLS"],
    "registry/security": ["do not go to the realm %s"],
    "registry/transport/redirect": ["https://169.254.169.254/token"],
  },
  "pages on other hosts, or without end": {
    "e2e/attacks": ["does not follow pages to another host", "ends with pages that do not"],
    "registry/security": ["of more than eight megabytes are refused"],
  },
  "layers with addresses of their own": { "e2e/attacks": ["asks no address that a layer names"] },
  "a digest that is a path": {
    "e2e/attacks": ["makes no path of a digest"],
    "oci/descriptor": ["a digest that is a path"],
    "registry/security": ["of digests are checked before they become a path: %s"],
  },
  "other content than the digest says": {
    "e2e/attacks": ["takes no other manifest for a digest", "takes no other blob for a digest"],
    "registry/security": ["that contradict their own digest header are refused"],
  },
  "documents that readers understand differently": {
    "e2e/attacks": ["refuses a manifest that"],
    "oci/manifest": ["manifest and index at once, served as manifest (CVE-2021-41190)"],
    "oci/strict-json": ["a key with the long s, which Go takes for s"],
  },
  "sizes that are not true": {
    "e2e/attacks": ["refuses a layer whose size is"],
    "registry/security": ["with more bytes than the descriptor says"],
    "oci/descriptor": ["a negative size"],
  },
  "answers that are too large": {
    "e2e/attacks": [
      "refuses a manifest beyond its limit",
      "shows megabytes of error text as a line",
    ],
    "registry/security": ["of a token server are read up to a limit"],
  },
  "paths and links in archives": {
    "e2e/bad-input": ["climbs out of the bundle", "is an absolute path"],
    "tar/scan": ["a link", "a hard link"],
    "bundle/read/bundle-reader": ["modules/../../index.json"],
    "tar/extract": ["refuses a wanted name that is a %s", "what lies outside of the root"],
  },
  "layers that expand without end": {
    "tar/extract": ["refuses a layer that expands without end"],
  },
  "names of credential helpers": { "e2e/attacks": ["runs no helper but those by name"] },
  "names that end a header": {
    "e2e/attacks": ["sends no name that would end a header"],
    "registry/security": ["with a token that would end the header are refused"],
  },
  "secrets in output and files": { "e2e/secrets": ["no output and no file has a secret"] },
  "control characters for the terminal": {
    "e2e/attacks": ["shows no control characters of a server"],
    "registry/security": ["with control characters are shown without them"],
    "cli/output/sanitize": ["sanitize"],
  },
};

const BASIC = { auth: { scheme: "basic", username: "ada", password: MARKER } } as const;
const WEB = image({ layers: 2 });

const directory = eachTest(openTempDirectory);
const registry = eachTest(startFaultRegistry);

beforeEach(async () => {
  seed(registry, "acme/web", { v1: WEB });
});

/** A command of somebody with a login for the registry. */
async function mirror(host: string, ...words: readonly string[]) {
  const auth = Buffer.from(`ada:${MARKER}`).toString("base64");
  const env = {
    HOME: directory.path,
    DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [host]: { auth } } }),
  };
  return await runInProcess([...words, "--retry-timeout", "200ms"], { env });
}

const bundle = () => directory.resolve("bundle");

async function pull(faults: Faults = {}, reference = ":v1") {
  registry.setFaults(faults);
  const name = `${registry.host}/acme/web${reference}`;
  return await mirror(registry.host, "pull", bundle(), "--include-image", name);
}

/** Whether a pull left what could be taken for a bundle. */
async function hasBundle(): Promise<boolean> {
  const names: readonly string[] = await readdir(bundle()).catch(() => []);
  return names.includes("bundle.json");
}

/** Puts a manifest of these bytes behind `v1`. */
function replaceManifest(document: unknown, mediaType: string = MEDIA_TYPE.imageManifest): string {
  const bytes = Buffer.from(typeof document === "string" ? document : JSON.stringify(document));
  const { manifests, tags } = registry.content.repository("acme/web");
  const digest = digestOf(bytes);
  manifests.set(digest, { mediaType, bytes });
  tags.set("v1", digest);
  return digest;
}

const DOCUMENT = JSON.parse(WEB.manifest.bytes.toString()) as {
  readonly config: object;
  readonly layers: readonly { readonly size: number; readonly digest: string }[];
};
const [LAYER, ...OTHERS] = DOCUMENT.layers;

describe("mirror pull", () => {
  test("gives the login to no other origin", async () => {
    expect((await pull({ ...BASIC, redirect: {} })).status).toBe(0);
    const { entries } = registry.other.log;
    expect(entries.length).toBeGreaterThan(0);
    expect(findSecret(JSON.stringify(entries.map(({ headers }) => headers)))).toBeUndefined();
  });

  test("gives it to none that asks for one", async () => {
    await using thief = await startServer((_, response) =>
      send(response, 401, { "www-authenticate": 'Basic realm="the registry, really"' }),
    );
    await using own = await startFaultRegistry({
      faults: BASIC,
      content: registry.content,
      middleware: async (request, next) => {
        const response = await next(request);
        if (!/\/blobs\/sha256/.test(request.path) || request.method !== "GET") return response;
        return { status: 307, headers: { location: `http://${thief.host}${request.path}` } };
      },
    });
    const name = `${own.host}/acme/web:v1`;
    const { status } = await mirror(own.host, "pull", bundle(), "--include-image", name);
    expect(status).not.toBe(0);
    expect(thief.seen.length).toBeGreaterThan(0);
    expect(thief.seen.filter(({ headers }) => headers.authorization)).toEqual([]);
  });

  openssl.test("gives no password to a realm without TLS", async () => {
    const authority = await createAuthority(directory.path);
    const certificate = await authority.issue("registry");
    await using thief = await startServer((_, response) =>
      send(response, 200, {}, '{"token":"t"}'),
    );
    const challenge: Answer = (_, response) =>
      send(response, 401, { "www-authenticate": `Bearer realm="http://${thief.host}/token"` });
    await using server = await startServer(challenge, certificate);
    const { host } = server;
    const words = ["--include-image", `${host}/a:v1`, "--ca-file", authority.certificatePath];
    const { status, stderr } = await mirror(host, "pull", bundle(), ...words);
    expect(stderr).toMatch(/is plain HTTP while the registry uses HTTPS/);
    expect(status).toBe(10);
    expect(thief.seen).toEqual([]);
  });

  test("does not follow pages to another host", async () => {
    seed(registry, "acme/web", { "1.1.0": WEB, "1.2.0": WEB });
    const { status, stderr } = await pull({ tagPages: { size: 1, link: "foreign" } }, "@^1");
    expect(stderr).toMatch(/its next page is on another host/);
    expect(status).not.toBe(0);
    expect(registry.other.log.entries).toEqual([]);
  });

  test("ends with pages that do not", async () => {
    let pages = 0;
    await using server = await startServer(({ url }, response) => {
      if (!url.includes("/tags/list")) return send(response, 404);
      pages += 1;
      const link = `</v2/acme/web/tags/list?last=${pages}>; rel="next"`;
      send(response, 200, { link }, JSON.stringify({ name: "acme/web", tags: [`1.0.${pages}`] }));
    });
    const name = `${server.host}/acme/web@^1`;
    const { status, stderr } = await mirror(server.host, "plan", "--include-image", name);
    expect(stderr).toMatch(/its pages do not come to an end/);
    expect(status).not.toBe(0);
  });

  test("asks no address that a layer names", async () => {
    await using thief = await startServer((_, response) => send(response, 200));
    const urls = [`http://${thief.host}/layer`];
    const mediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    const foreign = { mediaType, digest: `sha256:${"1".repeat(64)}`, size: 5, urls };
    replaceManifest({ ...DOCUMENT, layers: [{ ...LAYER, urls }, ...OTHERS, foreign] });
    const { status, stdout } = await pull();
    expect(stdout).toMatch(/^CONTENT_MISSING \(1\):\n.*an address is not HTTPS/);
    expect(stdout).toContain("Use --skip-foreign-layers");
    expect(status).toBe(3);
    expect(thief.seen).toEqual([]);
    expect(await hasBundle()).toBe(false);
  });

  test("makes no path of a digest", async () => {
    const digest = "sha256:../../../../../../etc/passwd";
    replaceManifest({ ...DOCUMENT, layers: [{ ...LAYER, digest }] });
    const { status, stdout } = await pull();
    expect(stdout).toMatch(
      /^CONTENT_INVALID \(1\):\n.*passwd" is not a sha256, sha384 or sha512 digest/,
    );
    expect(status).toBe(3);
    expect(registry.log.entries.filter(({ path }) => path.includes("passwd"))).toEqual([]);
    expect(await hasBundle()).toBe(false);
  });

  test("takes no other manifest for a digest", async () => {
    const { manifests } = registry.content.repository("acme/web");
    const wanted = digestOf(Buffer.from("what was signed"));
    manifests.set(wanted, { mediaType: MEDIA_TYPE.imageManifest, bytes: WEB.manifest.bytes });
    const { status } = await pull({ contentDigest: "absent" }, `@${wanted}`);
    expect(status).toBe(20);
    expect(await hasBundle()).toBe(false);
  });

  test("takes no other blob for a digest", async () => {
    const { size = 0, digest = "" } = LAYER ?? {};
    const { blobs } = registry.content.repository("acme/web");
    blobs.set(digest, bufferContent(Buffer.alloc(size, 0x78)));
    const { status, stdout, stderr } = await pull();
    expect(status).not.toBe(0);
    expect(stdout + stderr).toContain(digest.slice(7, 19));
    expect(await hasBundle()).toBe(false);
  });

  test.each<[string, unknown]>([
    ["is an index too", { ...DOCUMENT, manifests: [] }],
    ["has a key twice", JSON.stringify(DOCUMENT).replace("{", '{"layers":[],')],
    ["has a key in another case", JSON.stringify(DOCUMENT).replace("{", '{"Layers":[],')],
    ["says that it is something else", { ...DOCUMENT, mediaType: MEDIA_TYPE.imageIndex }],
  ])("refuses a manifest that %s", async (_, document) => {
    replaceManifest(document);
    expect((await pull()).status).not.toBe(0);
    expect(await hasBundle()).toBe(false);
  });

  test.each([
    ["negative", -1],
    ["no safe number", 2 ** 53],
    ["more than there is space", 2 ** 52],
    ["one byte too small", (LAYER?.size ?? 0) - 1],
    ["one byte too large", (LAYER?.size ?? 0) + 1],
  ])("refuses a layer whose size is %s", async (_, size) => {
    replaceManifest({ ...DOCUMENT, layers: [{ ...LAYER, size }, ...OTHERS] });
    const before = process.memoryUsage.rss();
    expect((await pull()).status).not.toBe(0);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200_000_000);
    expect(await hasBundle()).toBe(false);
  });

  test("refuses a manifest beyond its limit", async () => {
    replaceManifest(`${JSON.stringify(DOCUMENT)}${" ".repeat(5_000_000)}`);
    const { status, stderr } = await pull();
    expect(stderr).toMatch(/larger than \d+ bytes/);
    expect(status).not.toBe(0);
  });

  test("shows megabytes of error text as a line", async () => {
    const errors = [{ code: "DENIED", message: "no ".repeat(3_000_000) }];
    await using server = await startServer((_, response) =>
      send(response, 403, {}, JSON.stringify({ errors })),
    );
    const name = `${server.host}/acme/web:v1`;
    const { stdout, stderr } = await mirror(server.host, "plan", "--include-image", name);
    expect((stdout + stderr).length).toBeLessThan(3_000);
  });

  test("shows no control characters of a server", async () => {
    const evil = "\u001b]0;owned\u0007\u001b[2J\u009b31m\r\nhint: all is well\u202e";
    const errors = [{ code: `DENIED${evil}`, message: evil }];
    const headers = { warning: '299 - "\u009b31mred"', "content-type": "application/json" };
    await using server = await startServer((_, response) =>
      send(response, 403, headers, JSON.stringify({ errors })),
    );
    const words = ["plan", "--include-image", `${server.host}/acme/web:v1`, "--debug"];
    const { stdout, stderr } = await mirror(server.host, ...words);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the subject
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(stderr).toContain("DENIED");
    expect(stderr).not.toMatch(/^hint: all is well/m);
  });

  test.each(["../evil", "evil;touch pwned", "evil touch", "/evil", "evil\u0000"])(
    "runs no helper but those by name, not %j",
    async (helper) => {
      const evil = `#!/bin/sh\ntouch ${directory.resolve("pwned")}\n`;
      for (const path of ["evil", "docker-credential-evil", "bin/docker-credential-evil"]) {
        await mkdir(directory.resolve("bin"), { recursive: true });
        await writeFile(directory.resolve(path), evil);
        await chmod(directory.resolve(path), 0o755);
      }
      const config = JSON.stringify({ credsStore: helper });
      const env = {
        HOME: directory.path,
        PATH: `${directory.resolve("bin")}:${process.env["PATH"]}`,
        DOCKER_AUTH_CONFIG: config,
      };
      const name = `${registry.host}/acme/web:v1`;
      registry.setFaults(BASIC);
      const result = await runInProcess(["plan", "--include-image", name], { env });
      expect(result.stderr).toMatch(/Credential helper .* is not used/);
      await expect(access(directory.resolve("pwned"))).rejects.toMatchObject({ code: "ENOENT" });
    },
  );

  test.each([
    "acme/web:v1\r\nx-evil: 1",
    "acme/web\r\nx:v1",
    "acme/web:v1?x=1",
    "acme/../_catalog:v1",
  ])("sends no name that would end a header or leave its path: %j", async (name) => {
    const words = ["plan", "--include-image", `${registry.host}/${name}`];
    expect((await mirror(registry.host, ...words)).status).toBe(2);
    expect(registry.log.entries).toEqual([]);
  });
});

describe("mirror push", () => {
  test("uploads to another origin without the login", async () => {
    expect((await pull()).status).toBe(0);
    registry.setFaults({ ...BASIC, location: "other-origin" });
    const receipt = ["--receipt", directory.resolve("receipt.json")];
    const target = `${registry.host}/team/mirror`;
    const { status } = await mirror(registry.host, "push", bundle(), target, ...receipt);
    expect(status).toBe(0);
    const { entries } = registry.other.log;
    expect(entries.length).toBeGreaterThan(0);
    expect(findSecret(JSON.stringify(entries))).toBeUndefined();
  });
});

test.each(Object.entries(TESTED))("the tests against %s are where the table says", (_, files) => {
  for (const [name, titles] of Object.entries(files)) {
    const source = readFileSync(new URL(`../${name}.test.ts`, import.meta.url), "utf8");
    // what the table itself says does not count
    const tests = source.slice(source.search(/^(?:describe|test)\b/m));
    for (const title of titles) expect(tests, `${name}: ${title}`).toContain(title);
  }
});
