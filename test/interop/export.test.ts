import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { AMD64, ARM64, artifact, image, index, layer, seed } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { type ProcessResult, runProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireDaemon, requireTool } from "../support/tool.ts";
import { openPodman, startContainerd, startDockerd } from "./support/container-daemons.ts";

const ONE = image({ name: "one", layers: [layer({ "one.txt": "1\n" })] });
const ON_AMD64 = image({ name: "amd64", platform: AMD64, layers: [layer({ a: "amd64\n" })] });
const ON_ARM64 = image({ name: "arm64", platform: ARM64, layers: [layer({ a: "arm64\n" })] });
const MANY = index([ON_ARM64, ON_AMD64]);
const SIGNATURE = artifact({ artifactType: "application/vnd.example.signature" });

const TAR_FORMS = ["k3s", "docker-archive", "oci-archive"] as const;

let directory: TempDirectory;
let registry: EmbeddedRegistry;

const name = (repository: string) => `${registry.host}/acme/${repository}:v1`;
const path = (form: string) => directory.resolve(`${form}.out`);

describe("mirror export", () => {
  beforeAll(async () => {
    directory = await openTempDirectory();
    registry = await openEmbeddedRegistry();
    seed(registry, "acme/one", { v1: ONE });
    seed(registry, "acme/many", { v1: MANY });
    seed(registry, "acme/signature", { v1: SIGNATURE });
    const images = ["one", "many", "signature"].flatMap((it) => ["--include-image", name(it)]);
    // Smaller chunks than an image
    const chunks = ["--images-bundle-chunk-size", "4KiB"];
    expectDone(await runMirror(["pull", directory.resolve("bundle"), ...images, ...chunks]));
    for (const form of [...TAR_FORMS, "oci-layout"]) await exportTo(path(form), form);
    const arm = ["--platform", "linux/amd64", "--image", "*many*"];
    await exportTo(path("amd64"), "k3s", ...arm);
    await exportTo(path("gzip"), "k3s", "--compress", "gzip");
  }, 60_000);

  afterAll(async () => {
    await registry?.close();
    await directory?.[Symbol.asyncDispose]();
  });

  requireTool("skopeo").describe("read by skopeo", () => {
    test.each([
      ["k3s", "oci-archive:"],
      ["oci-archive", "oci-archive:"],
      ["oci-layout", "oci:"],
    ])("%s has by its full name the digest of the source", async (form, transport) => {
      for (const [repository, built] of [
        ["one", ONE],
        ["many", MANY],
      ] as const) {
        const { stdout } = expectDone(
          await runProcess("skopeo", [
            ...["inspect", "--raw", `${transport}${path(form)}:${name(repository)}`],
          ]),
        );
        expect(stdout).toBe(built.manifest.bytes.toString());
      }
    });

    test("docker-archive of one image has its config and layers", async () => {
      const out = directory.resolve("single.tar");
      await exportTo(out, "docker-archive", "--image", "*many*", "--platform", "linux/arm64");
      const { stdout } = expectDone(
        await runProcess("skopeo", ["inspect", `docker-archive:${out}`]),
      );
      expect(JSON.parse(stdout)).toMatchObject({ Architecture: "arm64", Os: "linux" });
    });
  });

  requireTool("zstd").test(
    "zstd finds no fault in an archive, and the same tar in it",
    async () => {
      const out = directory.resolve("k3s.tar.zst");
      await exportTo(out, "k3s", "--compress", "zstd");
      expectDone(await runProcess("zstd", ["-t", out]));
      const unpacked = directory.resolve("k3s.unpacked.tar");
      expectDone(await runProcess("zstd", ["-d", "--memory=32MiB", out, "-o", unpacked]));
      expect((await readFile(unpacked)).equals(await readFile(path("k3s")))).toBe(true);
    },
  );

  describe("an image in a layout without manifest.json", () => {
    const only = (form: string) => directory.resolve(`only-${form}`);

    beforeAll(async () => {
      for (const form of ["oci-archive", "oci-layout"]) {
        await exportTo(only(form), form, "--image", "*one*");
      }
    });

    requireTool("podman").test("oci-archive of one image is loaded by podman", async () => {
      await using podman = await openPodman();
      expectDone(await podman.run("load", "--input", only("oci-archive")));
      const { stdout } = expectDone(await podman.run("images", "--format", "{{.Digest}}"));
      expect(stdout).toContain(ONE.manifest.descriptor.digest);
    });

    requireDaemon("containerd", "ctr").test("oci-archive is imported by containerd", async () => {
      await using containerd = await startContainerd();
      const words = ["images", "import", "--all-platforms", only("oci-archive")];
      expectDone(await containerd.run(...words));
      const { stdout } = await containerd.run("images", "ls");
      expect(stdout).toMatch(new RegExp(`${name("one")} .*${ONE.manifest.descriptor.digest}`));
    });

    requireTool("umoci").test("oci-layout is listed by umoci", async () => {
      const { stdout } = expectDone(
        await runProcess("umoci", ["ls", "--layout", only("oci-layout")]),
      );
      expect(stdout.trim()).toBe(name("one"));
    });
  });

  requireTool("podman").describe("read by podman", () => {
    test.each(["k3s", "docker-archive"])(
      "podman load takes every runnable image of %s under its full name",
      async (form) => {
        await using podman = await openPodman();
        expectDone(await podman.run("load", "--input", path(form)));
        const { stdout } = expectDone(await podman.run("images", "--no-trunc", "--format", FORMAT));
        expect(stdout.trim().split("\n").sort()).toEqual(loaded());
      },
    );
  });

  requireDaemon("containerd", "ctr").describe("read by containerd", () => {
    test("ctr images import takes k3s with all platforms, and keeps the digests, by which kubelet asks for what is pinned", async () => {
      const pinned = (image: typeof ONE, of: string) =>
        `${name(of).replace(/:[^:]*$/, "")}@${digestOf(image)}`;
      expect(await importAll("k3s")).toEqual(
        [
          [name("many"), digestOf(MANY), "complete"],
          [pinned(MANY, "many"), digestOf(MANY), "complete"],
          [name("one"), digestOf(ONE), "complete"],
          [pinned(ONE, "one"), digestOf(ONE), "complete"],
        ].sort(([left = ""], [right = ""]) => (left < right ? -1 : 1)),
      );
    });

    test("an index that was cut to a platform imports with --all-platforms", async () => {
      const [only, ...others] = await importAll("amd64");
      expect([only?.[0], only?.[2]]).toEqual([name("many"), "complete"]);
      expect(only?.[1]).not.toBe(digestOf(MANY));
      expect(others).toEqual([]);
    });

    test("ctr images import takes docker-archive under the full names", async () => {
      const found = await importAll("docker-archive");
      expect(found.map(([reference, , status]) => [reference, status])).toEqual([
        [name("many"), "complete"],
        [name("one"), "complete"],
      ]);
    });
  });

  requireDaemon("containerd", "dockerd", "docker").describe("read by dockerd", () => {
    test.each(["k3s", "docker-archive", "gzip"])(
      "docker load takes every runnable image of %s, with the config of the source as its id",
      async (form) => {
        await using containerd = await startContainerd();
        await using docker = await startDockerd(containerd.socket);
        expectDone(await docker.run("load", "--input", path(form)));
        const { stdout } = expectDone(await docker.run("images", "--no-trunc", "--format", FORMAT));
        expect(stdout.trim().split("\n").sort()).toEqual(loaded());
      },
    );
  });
});

const FORMAT = "{{.Repository}}:{{.Tag}} {{.ID}}";

function loaded(): string[] {
  return [
    `${name("many")} ${ON_AMD64.blobs[0]?.descriptor.digest}`,
    `${name("one")} ${ONE.blobs[0]?.descriptor.digest}`,
  ];
}

async function exportTo(out: string, form: string, ...flags: readonly string[]): Promise<void> {
  const bundle = directory.resolve("bundle");
  expectDone(await runMirror(["export", form, bundle, "--out", out, ...flags]));
}

/** Reference, digest and whether all content is there, of each image after an import. */
async function importAll(form: string): Promise<string[][]> {
  await using containerd = await startContainerd();
  const args = ["--namespace", "k8s.io", "images"];
  expectDone(await containerd.run(...args, "import", "--all-platforms", path(form)));
  const { stdout } = expectDone(await containerd.run(...args, "check"));
  return stdout
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => {
      const [reference = "", , digest = "", status = ""] = line.trim().split(/\s+/);
      return [reference, digest, status];
    })
    .sort();
}

function expectDone(result: ProcessResult): ProcessResult {
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return result;
}

function digestOf({ manifest }: ReturnType<typeof image>): string {
  return manifest.descriptor.digest;
}
