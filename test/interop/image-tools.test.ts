import { mkdir, readdir, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { AMD64, ARM64, artifact, image, index, layer, seed } from "../support/artifacts.ts";
import { type ChartServer, chartArchive, chartIndex, startChartServer } from "../support/charts.ts";
import { runMirror } from "../support/cli.ts";
import { type ProcessResult, runProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireDaemon, requireTool } from "../support/tool.ts";
import { openPodman, startContainerd, startDockerd } from "./support/container-daemons.ts";

const BASE = layer({ "etc/base.txt": "shared by all\n" });

const ONE = image({ name: "one", layers: [BASE, layer({ "one.txt": "1\n" })] });

const DOCKER = image({
  name: "docker",
  format: "docker",
  layers: [BASE, layer({ "docker.txt": "d\n" })],
});

const ON_AMD64 = image({ name: "amd64", platform: AMD64, layers: [BASE, layer({ a: "amd64\n" })] });
const ON_ARM64 = image({ name: "arm64", platform: ARM64, layers: [BASE, layer({ a: "arm64\n" })] });

/** The platform that most machines have comes second. */
const MANY = index([ON_ARM64, ON_AMD64]);

const SIGNATURE = artifact({ artifactType: "application/vnd.example.signature" });

const PINNED = image({ name: "pinned" });

let directory: TempDirectory;
let registry: EmbeddedRegistry;
let charts: ChartServer;

/** Full name of an image at the source. */
const name = (repository: string, tag: string) => `${registry.host}/acme/${repository}:${tag}`;

const pinnedName = () => `${registry.host}/acme/pinned@${digestOf(PINNED)}`;

describe("images.tar", () => {
  beforeAll(async () => {
    directory = await openTempDirectory();
    registry = await openEmbeddedRegistry();
    seed(registry, "acme/one", { v1: ONE, stable: ONE });
    seed(registry, "acme/docker", { v1: DOCKER });
    seed(registry, "acme/many", { v1: MANY });
    seed(registry, "acme/signature", { v1: SIGNATURE });
    seed(registry, "acme/pinned", { v1: PINNED });
    const pinned = `${registry.host}/acme/pinned@${digestOf(PINNED)}`;
    const all = [
      name("one", "v1"),
      name("one", "stable"),
      name("docker", "v1"),
      name("many", "v1"),
    ];
    await pull("all", [...all, pinned]);
    await pull("one", [name("one", "v1")]);
    await pull("many", [name("many", "v1")]);
    const archive = chartArchive();
    charts = await startChartServer({
      "/stable/nginx-1.2.3.tgz": archive,
      "/stable/index.yaml": chartIndex([{ name: "nginx", version: "1.2.3", archive }]),
    });
    await writeFile(directory.resolve("setup.iso"), "what a plant wants to have\n");
    await pull(
      "mixed",
      [name("one", "v1"), name("signature", "v1"), name("docker", "v1")],
      [
        ...["--include-chart", `http://${charts.host}/stable#nginx`],
        ...["--include-file", `${directory.resolve("setup.iso")}:tools/setup:1.0`],
      ],
    );
  });

  afterAll(async () => {
    await registry?.close();
    await charts?.[Symbol.asyncDispose]();
    await directory?.[Symbol.asyncDispose]();
  });

  requireTool("skopeo").describe("read by skopeo", () => {
    test("oci-archive: takes the only image without a name", async () => {
      const { Digest, Layers } = await skopeo(`oci-archive:${archive("one")}`);
      expect(Digest).toBe(digestOf(ONE));
      expect(Layers).toEqual(layersOf(ONE));
    });

    test.each([
      ["one", "v1", ONE],
      ["one", "stable", ONE],
      ["many", "v1", MANY],
    ])(
      "oci-archive: finds %s:%s among several by its full name",
      async (repository, tag, built) => {
        const found = await skopeo(`oci-archive:${archive("all")}:${name(repository, tag)}`);
        expect(found.Digest).toBe(digestOf(built));
      },
    );

    // Of several images, containers/image 5.22 finds those of Docker's media types by docker-archive: only
    test("docker-archive: takes the only image without a name", async () => {
      const { Architecture, Os } = await skopeo(`docker-archive:${archive("one")}`);
      expect(`${Os}/${Architecture}`).toBe("linux/amd64");
    });

    test("docker-archive: finds an image among several by its full name", async () => {
      await skopeo(`docker-archive:${archive("all")}:${name("docker", "v1")}`);
    });

    test("docker-archive: has the image for linux/amd64 of an index", async () => {
      const { Architecture } = await skopeo(`docker-archive:${archive("many")}`);
      expect(Architecture).toBe("amd64");
    });

    test("oci-archive: copies an index with all its platforms into a layout", async () => {
      const from = `oci-archive:${archive("all")}:${name("many", "v1")}`;
      const args = ["copy", "--all", from, `oci:${directory.resolve("copied")}:many`];
      expectDone(await runProcess("skopeo", args));
      const raw = await runProcess("skopeo", [
        ...["inspect", "--raw", `oci:${directory.resolve("copied")}:many`],
      ]);
      expect(raw.stdout).toBe(MANY.manifest.bytes.toString());
    });
  });

  test("holds nothing that cannot be run: signatures, charts and files have packages of their own", async () => {
    const names = (await readdir(directory.resolve("mixed"))).filter((file) => /tar$/.test(file));
    expect(names.sort()).toEqual(["artifacts.tar", "files.tar", "images.tar"]);
    const verified = await runMirror(["verify", directory.resolve("mixed")]);
    expectDone(verified);
  });

  requireTool("tar", "umoci").describe("unpacked by GNU tar", () => {
    test("umoci lists and unpacks the images of the layout", async () => {
      const unpacked = directory.resolve("unpacked");
      await mkdir(unpacked);
      expectDone(await runProcess("tar", ["-xf", archive("all"), "-C", unpacked]));
      const { stdout } = expectDone(await runProcess("umoci", ["ls", "--layout", unpacked]));
      expect(stdout.trim().split("\n").sort()).toEqual(
        [
          name("docker", "v1"),
          name("many", "v1"),
          name("one", "stable"),
          name("one", "v1"),
          pinnedName(),
        ].sort(),
      );
      const rootfs = directory.resolve("rootfs");
      const image = `${unpacked}:${name("one", "v1")}`;
      expectDone(await runProcess("umoci", ["unpack", "--rootless", "--image", image, rootfs]));
      expect(await readdir(`${rootfs}/rootfs`)).toEqual(["etc", "one.txt"]);
    });
  });

  requireTool("podman").describe("read by podman", () => {
    test("podman load loads every image under its full name", async () => {
      await using podman = await openPodman();
      expectDone(await podman.run("load", "--input", archive("all")));
      const { stdout } = expectDone(await podman.run("images", "--format", NAME_FORMAT));
      expect(stdout.split("\n")).toEqual(expect.arrayContaining(taggedNames()));
    });

    test("podman load loads every image of a selection with a chart and a file", async () => {
      await using podman = await openPodman();
      expectDone(await podman.run("load", "--input", archive("mixed")));
      const { stdout } = expectDone(await podman.run("images", "--format", NAME_FORMAT));
      expect(stdout.trim().split("\n").sort()).toEqual([name("docker", "v1"), name("one", "v1")]);
    });
  });

  requireDaemon("containerd", "ctr").describe("read by containerd", () => {
    test("ctr images import names every image, keeps its digest and unpacks it", async () => {
      await using containerd = await startContainerd();
      expectDone(await containerd.run("images", "import", "--all-platforms", archive("all")));
      const { stdout } = expectDone(await containerd.run("images", "check"));
      const found = stdout.trim().split("\n").slice(1).map(parseChecked).sort();
      expect(found).toEqual(
        [
          [name("docker", "v1"), digestOf(DOCKER), "complete", "true"],
          [name("many", "v1"), digestOf(MANY), "complete", "true"],
          [name("one", "stable"), digestOf(ONE), "complete", "true"],
          [name("one", "v1"), digestOf(ONE), "complete", "true"],
          [pinnedName(), digestOf(PINNED), "complete", "true"],
        ].sort(),
      );
    });

    test("ctr images import unpacks every image of a selection with a chart and a file", async () => {
      await using containerd = await startContainerd();
      expectDone(await containerd.run("images", "import", "--all-platforms", archive("mixed")));
      const { stdout } = await containerd.run("images", "list", "--quiet");
      expect(stdout.trim().split("\n")).toEqual([name("docker", "v1"), name("one", "v1")]);
    });
  });

  requireDaemon("containerd", "dockerd", "docker").describe("read by dockerd", () => {
    test("docker load loads every image under its full name, an index for this machine", async () => {
      await using containerd = await startContainerd();
      await using docker = await startDockerd(containerd.socket);
      expectDone(await docker.run("load", "--input", archive("all")));
      const { stdout } = expectDone(await docker.run("images", "--format", NAME_FORMAT));
      expect(stdout.split("\n")).toEqual(expect.arrayContaining(taggedNames()));
      const format = "{{.Id}} {{.Architecture}}";
      const inspected = await docker.run("image", "inspect", "-f", format, name("many", "v1"));
      const [config] = ON_AMD64.blobs;
      expect(expectDone(inspected).stdout.trim()).toBe(`${config?.descriptor.digest} amd64`);
    });

    test("docker load loads every image of a selection with a chart and a file", async () => {
      await using containerd = await startContainerd();
      await using docker = await startDockerd(containerd.socket);
      expectDone(await docker.run("load", "--input", archive("mixed")));
      const { stdout } = expectDone(await docker.run("images", "--format", NAME_FORMAT));
      expect(stdout.trim().split("\n").sort()).toEqual([name("docker", "v1"), name("one", "v1")]);
    });
  });
});

const NAME_FORMAT = "{{.Repository}}:{{.Tag}}";

function taggedNames(): string[] {
  return [name("docker", "v1"), name("many", "v1"), name("one", "stable"), name("one", "v1")];
}

/** A line of `ctr images check`: reference, digest, whether all content is there, whether it is unpacked. */
function parseChecked(line: string): string[] {
  const [reference = "", , digest = "", status = "", ...rest] = line.trim().split(/\s+/);
  return [reference, digest, status, rest.at(-1) ?? ""];
}

async function pull(
  bundle: string,
  images: readonly string[],
  others: readonly string[] = [],
): Promise<void> {
  const flags = images.flatMap((reference) => ["--include-image", reference]);
  expectDone(await runMirror(["pull", directory.resolve(bundle), ...flags, ...others]));
}

function archive(bundle: string): string {
  return directory.resolve(bundle, "images.tar");
}

interface SkopeoImage {
  readonly Digest: string;
  readonly Layers: readonly string[];
  readonly Architecture: string;
  readonly Os: string;
}

async function skopeo(reference: string): Promise<SkopeoImage> {
  const { stdout } = expectDone(await runProcess("skopeo", ["inspect", reference]));
  return JSON.parse(stdout) as SkopeoImage;
}

function expectDone(result: ProcessResult): ProcessResult {
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return result;
}

function digestOf({ manifest }: ReturnType<typeof image>): string {
  return manifest.descriptor.digest;
}

function layersOf({ blobs }: ReturnType<typeof image>): string[] {
  return blobs.slice(1).map(({ descriptor }) => descriptor.digest);
}
