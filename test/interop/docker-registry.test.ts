import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listFiles, sum } from "../e2e/support/bundle-directory.ts";
import { type ProductModule, pushModules } from "../e2e/support/product-module.ts";
import { runMirror } from "../support/cli.ts";
import { type CountingProxy, startCountingProxy } from "../support/counting-proxy.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";

const FOO: ProductModule = {
  name: "foo",
  versions: ["v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0", "v1.3.3", "v1.4.1"],
  bytes: 1_500_000,
};

const BAR: ProductModule = {
  name: "bar",
  versions: ["v0.4.2", "v0.4.4", "v0.5.3"],
  channels: { alpha: "v0.5.3", stable: "v0.4.4" },
  internalImages: ["agent", "webhook"],
  extraImages: { scanner: "3" },
};

const CHUNK_BYTES = 5_000_000;

let directory: TempDirectory;
let source: DockerRegistry;
let target: DockerRegistry;
let counted: CountingProxy;

requireTool("docker-registry").describe("with two docker-registry processes", () => {
  beforeAll(async () => {
    directory = await openTempDirectory();
    source = await startDockerRegistry();
    target = await startDockerRegistry();
    counted = await startCountingProxy(target.host);
    await pushModules(source.host, "acme", [FOO, BAR]);
  });

  afterAll(async () => {
    await counted?.[Symbol.asyncDispose]();
    await target?.[Symbol.asyncDispose]();
    await source?.[Symbol.asyncDispose]();
    await directory?.[Symbol.asyncDispose]();
  });

  describe("a module without release channels", () => {
    const wanted = ["v1.3.0", "v1.3.3", "v1.4.1"];

    beforeAll(async () => {
      const args = ["--source", `${source.host}/acme`, "-i", "foo@^1.3.0", "-c", "0.005"];
      await mirror("pull", "./b", ...args);
    });

    test("mirror pull -i foo@^1.3.0 takes exactly the versions of the range", async () => {
      const { packages } = await inspect("./b");
      expect(packages.map(({ name }) => name)).toEqual(["module-foo"]);
      expect(imagesOf(packages)).toEqual(
        await digestsAt(source.host, "acme/modules/foo", wanted, "modules/foo"),
      );
    });

    test("mirror pull -c 0.005 makes chunk files of at most 5,000,000 bytes", async () => {
      const files = await listFiles(directory.resolve("b"));
      expect(Object.keys(files)).toEqual([
        "SHA256SUMS",
        "bundle.json",
        "module-foo.tar.0000.chunk",
        "module-foo.tar.0001.chunk",
      ]);
      expect(files["module-foo.tar.0000.chunk"]).toBe(CHUNK_BYTES);
      expect(files["module-foo.tar.0001.chunk"]).toBeLessThanOrEqual(CHUNK_BYTES);
    });

    requireTool("sha256sum").test(
      "mirror pull writes SHA256SUMS that sha256sum accepts",
      async () => {
        const { exitCode, stdout } = await shell("sha256sum -c SHA256SUMS", "b");
        expect(exitCode).toBe(0);
        expect(stdout.trim().split("\n").sort()).toEqual([
          "bundle.json: OK",
          "module-foo.tar.0000.chunk: OK",
          "module-foo.tar.0001.chunk: OK",
        ]);
      },
    );

    requireTool("tar").test(
      "mirror pull makes chunk files that cat joins to a tar of layouts",
      async () => {
        const listed = await shell("cat module-foo.tar.*.chunk | tar t", "b");
        expect(listed).toMatchObject({ exitCode: 0, stderr: "" });
        const [first, second, ...rest] = listed.stdout.trim().split("\n");
        expect([first, second]).toEqual(["modules/foo/oci-layout", "modules/foo/index.json"]);
        for (const name of rest)
          expect(name).toMatch(/^modules\/foo\/blobs\/sha256\/[0-9a-f]{64}$/);
        const verbose = await shell("cat module-foo.tar.*.chunk | tar tv --numeric-owner", "b");
        expect(verbose.stdout.split("\n")[0]).toMatch(/^-rw-r--r-- 0\/0 .* 1970-01-01 00:00/);
      },
    );

    test("mirror push keeps every digest and makes the discovery tag", async () => {
      const { stdout } = await mirror("push", "./b", `${counted.host}/repo`);
      expect(stdout).toContain("3 tags read back");
      expect(await repositoriesOf(target.host)).toEqual(["repo/modules", "repo/modules/foo"]);
      expect(await tagsOf(target.host, "repo/modules/foo")).toEqual(wanted);
      expect(await tagsOf(target.host, "repo/modules")).toEqual(["foo"]);
      expect(await digestsAt(target.host, "repo/modules/foo", wanted, "")).toEqual(
        await digestsAt(source.host, "acme/modules/foo", wanted, ""),
      );
    });

    requireTool("skopeo").test(
      "mirror push makes images that skopeo reads, with the digests of the source",
      async () => {
        for (const tag of wanted) {
          const [there, here] = await Promise.all([
            skopeo(`docker://${source.host}/acme/modules/foo:${tag}`),
            skopeo(`docker://${target.host}/repo/modules/foo:${tag}`),
          ]);
          expect(here.Digest).toBe(there.Digest);
          expect(here.Layers).toEqual(there.Layers);
        }
      },
    );

    test("mirror push writes a receipt of every tag as it was read back", async () => {
      const bundle = await readFile(directory.resolve("b", "bundle.json"));
      const digests = await digestsAt(source.host, "acme/modules/foo", wanted, "");
      const receipt = await readReceipt("receipt.json");
      expect(receipt).toEqual({
        schemaVersion: 1,
        mediaType: "application/vnd.airgap-mirror.receipt.v1+json",
        bundle: `sha256:${createHash("sha256").update(bundle).digest("hex")}`,
        target: `${counted.host}/repo`,
        complete: true,
        failures: [],
        notices: [],
        images: wanted.map((tag) => ({
          repository: "modules/foo",
          tag,
          planned: digests[`:${tag}`],
          found: digests[`:${tag}`],
          outcome: "pushed",
        })),
        totals: expect.objectContaining({
          images: 3,
          tags: 3,
          mountedBytes: 0,
          alreadyThereBytes: 0,
        }),
      });
      expect(receipt.totals.sentBytes).toBeLessThanOrEqual(counted.uploadedBytes);
    });

    test("mirror push sends no blob bytes the second time, and one HEAD per tag, blob and repository", async () => {
      counted.reset();
      await mirror("push", "./b", `${counted.host}/repo`, "--receipt", "second.json");
      expect(counted.uploadedBytes).toBe(0);
      expect(sum(counted.requests.map(({ requestBytes }) => requestBytes))).toBe(0);
      expect(counted.requests.filter(({ method }) => method !== "HEAD")).toEqual([]);
      const { complete, images, totals } = await readReceipt("second.json");
      // Beside the tags: the discovery tag and its two blobs
      expect(counted.requests.length).toBeLessThanOrEqual(wanted.length + totals.blobs + 3);
      expect(complete).toBe(true);
      expect(images.map(({ outcome }) => outcome)).toEqual(wanted.map(() => "already-there"));
      expect(totals.sentBytes).toBe(0);
    });
  });

  describe("a module with release channels and further images", () => {
    beforeAll(async () => {
      await mirror("pull", "./c", "--source", `${source.host}/acme`, "-i", "bar");
    });

    test("mirror pull -i bar takes the versions of the channels and all they list", async () => {
      const images = Object.keys(imagesOf((await inspect("./c")).packages)).sort();
      expect(images.filter((name) => !/:[0-9a-f]{64}$/.test(name))).toEqual([
        "modules/bar/extra/scanner:3",
        "modules/bar/release:alpha",
        "modules/bar/release:stable",
        "modules/bar/release:v0.4.4",
        "modules/bar/release:v0.5.3",
        "modules/bar:v0.4.4",
        "modules/bar:v0.5.3",
      ]);
      expect(images.filter((name) => /^modules\/bar:[0-9a-f]{64}$/.test(name))).toHaveLength(4);
    });

    test("mirror push makes all of them, with the digests of the source", async () => {
      await mirror("push", "./c", `${target.host}/other`, "--receipt", "c.json");
      expect(await repositoriesOf(target.host)).toEqual(
        expect.arrayContaining([
          "other/modules",
          "other/modules/bar",
          "other/modules/bar/extra/scanner",
          "other/modules/bar/release",
        ]),
      );
      for (const [image, digest] of Object.entries(imagesOf((await inspect("./c")).packages))) {
        const [repository = "", tag = ""] = image.split(":");
        const [path, reference] = [`other/${repository}`, tag];
        expect(await digestsAt(target.host, path, [reference], repository)).toEqual({
          [image]: digest,
        });
        // Images without a tag at the source are found under their digest in the target
        expect(await headDigest(target.host, path, digest)).toBe(digest);
        expect(await headDigest(source.host, `acme/${repository}`, digest)).toBe(digest);
      }
    });

    test("mirror pull takes the pushed modules as a source again", async () => {
      await mirror("pull", "./d", "--source", `${target.host}/other`);
      const [first, again] = [await inspect("./c"), await inspect("./d")];
      expect(imagesOf(again.packages)).toEqual(imagesOf(first.packages));
    });
  });
});

/** Runs the program to a good end. */
async function mirror(...args: readonly string[]) {
  const result = await runMirror(args, { cwd: directory.path });
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return result;
}

interface Inspected {
  readonly packages: readonly {
    readonly name: string;
    readonly layouts: readonly {
      readonly images: readonly {
        readonly repository: string;
        readonly tags: readonly string[];
        readonly digest: string;
      }[];
    }[];
  }[];
}

async function inspect(bundle: string): Promise<Inspected> {
  const { stdout } = await mirror("inspect", bundle, "--json");
  return JSON.parse(stdout) as Inspected;
}

/** `repository:tag` → digest. */
function imagesOf(packages: Inspected["packages"]): Record<string, string> {
  const images = packages.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  return Object.fromEntries(
    images.flatMap(({ repository, tags, digest }) =>
      tags.map((tag) => [`${repository}:${tag}`, digest]),
    ),
  );
}

async function readReceipt(name: string) {
  return JSON.parse(await readFile(directory.resolve(name), "utf8")) as {
    readonly complete: boolean;
    readonly images: readonly { readonly outcome: string }[];
    readonly totals: { readonly sentBytes: number; readonly blobs: number };
  };
}

function shell(command: string, path: string) {
  const env = { ...process.env, LC_ALL: "C", TZ: "UTC" };
  return runProcess("sh", ["-c", command], { cwd: join(directory.path, path), env });
}

async function skopeo(name: string): Promise<{ Digest: string; Layers: readonly string[] }> {
  const result = await runProcess("skopeo", ["inspect", "--tls-verify=false", name]);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return JSON.parse(result.stdout) as { Digest: string; Layers: readonly string[] };
}

/** `<name>:<tag>` → digest, as the registry itself says. */
async function digestsAt(host: string, repository: string, tags: readonly string[], name: string) {
  const digests = tags.map(
    async (tag) => [`${name}:${tag}`, await headDigest(host, repository, tag)] as const,
  );
  return Object.fromEntries(await Promise.all(digests));
}

async function headDigest(host: string, repository: string, reference: string) {
  const url = `http://${host}/v2/${repository}/manifests/${reference}`;
  const accept = "application/vnd.oci.image.manifest.v1+json";
  const { headers, status } = await fetch(url, { method: "HEAD", headers: { accept } });
  expect(status, url).toBe(200);
  return headers.get("docker-content-digest") ?? "";
}

async function tagsOf(host: string, repository: string): Promise<string[]> {
  const response = await fetch(`http://${host}/v2/${repository}/tags/list`);
  return ((await response.json()) as { readonly tags: string[] }).tags.sort();
}

async function repositoriesOf(host: string): Promise<string[]> {
  const response = await fetch(`http://${host}/v2/_catalog`);
  return ((await response.json()) as { readonly repositories: string[] }).repositories.sort();
}
