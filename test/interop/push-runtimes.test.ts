import { readdir, readFile, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import type { Receipt } from "../../src/push/receipt/receipt.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { entriesOf } from "../bundle/support/sample-bundle.ts";
import {
  AMD64,
  ARM64,
  artifact,
  image,
  index,
  layer,
  randomLayer,
  seed,
} from "../support/artifacts.ts";
import { MAIN, runMirror } from "../support/cli.ts";
import { allTests } from "../support/fixture.ts";
import { type ProcessResult, runProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { requireDaemon, requireTool } from "../support/tool.ts";
import { openPodman, startContainerd, startDockerd } from "./support/container-daemons.ts";

const BASE = layer({ "base.txt": "shared\n" });
const ONE = image({ name: "one", layers: [BASE, layer({ "one.txt": "1\n" })] });
const ON_AMD64 = image({ name: "amd64", platform: AMD64, layers: [layer({ a: "amd64\n" })] });
const ON_ARM64 = image({ name: "arm64", platform: ARM64, layers: [layer({ a: "arm64\n" })] });
const MANY = index([ON_ARM64, ON_AMD64]);
// More than a pipe holds: who is to read the end of it has read the rest
const LARGE = image({ name: "large", layers: [randomLayer(2 ** 20), layer({ a: "end\n" })] });
const CHART = artifact({ artifactType: "application/vnd.example.chart" });

let bundle: string;

const name = (repository: string) => `${registry.host}/acme/${repository}`;

const directory = allTests(openTempDirectory);
const registry = allTests(openEmbeddedRegistry);

beforeAll(async () => {
  seed(registry, "acme/one", { v1: ONE, v2: ONE });
  seed(registry, "acme/many", { v1: MANY });
  seed(registry, "acme/large", { v1: LARGE });
  seed(registry, "acme/chart", { v1: CHART });
  bundle = directory.resolve("bundle");
  const images = ["one:v1", "one:v2", "many:v1", "chart:v1"];
  const flags = images.flatMap((it) => ["--include-image", `${registry.host}/acme/${it}`]);
  const chunks = ["--images-bundle-chunk-size", "4KiB"];
  expectDone(await runMirror(["pull", bundle, ...flags, ...chunks]));
});

requireDaemon("containerd", "ctr").describe("push into containerd", () => {
  test("loads every image with all platforms, reads each back, and sends nothing twice", async () => {
    await using containerd = await startContainerd();
    const target = `containerd://${containerd.socket}?namespace=k8s.io`;
    const first = await push(bundle, target);
    expect(first).toMatchObject({ complete: true, target, failures: [] });
    expect(outcomesOf(first)).toEqual([
      [`${name("many")}:v1`, digestOf(MANY), "pushed"],
      [`${name("one")}:v1`, digestOf(ONE), "pushed"],
      [`${name("one")}:v2`, digestOf(ONE), "pushed"],
    ]);
    expect(first.notices).toContainEqual({
      code: "NOT_RUNNABLE",
      message: expect.stringContaining(`"${name("chart")}:v1"`),
    });
    const { stdout } = await containerd.run("--namespace", "k8s.io", "content", "ls", "--quiet");
    for (const built of [ON_AMD64, ON_ARM64]) {
      expect(stdout).toContain(digestOf(built));
      for (const { descriptor } of built.blobs) expect(stdout).toContain(descriptor.digest);
    }

    const second = await push(bundle, target);
    expect(second.images.map(({ outcome }) => outcome)).toEqual(Array(3).fill("already-there"));
    const { bytes } = first.totals;
    expect(second.totals).toMatchObject({ sentBytes: 0, alreadyThereBytes: bytes, bytes });
  });

  test("takes what is chosen, with indexes cut to the platforms that are wanted", async () => {
    await using containerd = await startContainerd();
    const target = `containerd://${containerd.socket}?namespace=k8s.io`;
    const flags = ["--image", "*many*", "--platform", "linux/arm64"];
    const { images } = await push(bundle, target, 0, {}, flags);
    expect(images.map(({ repository, outcome }) => [repository, outcome])).toEqual([
      [name("many"), "pushed"],
    ]);
    const args = ["--namespace", "k8s.io", "content", "ls", "--quiet"];
    const { stdout } = await containerd.run(...args);
    expect(stdout).toContain(digestOf(ON_ARM64));
    expect(stdout).not.toContain(digestOf(ON_AMD64));
  });

  test("an image that lost a layer is brought again, and only that one", async () => {
    await using containerd = await startContainerd();
    const target = `containerd://${containerd.socket}?namespace=k8s.io`;
    await push(bundle, target);
    const lost = ON_ARM64.blobs.at(-1)?.descriptor.digest ?? "";
    expectDone(await containerd.run("--namespace", "k8s.io", "content", "rm", lost));
    const outcomes = outcomesOf(await push(bundle, target)).map(([, , outcome]) => outcome);
    expect(outcomes).toEqual(["pushed", "already-there", "already-there"]);
  });

  test("an image that cannot be read fails by its name, and the others are loaded", async () => {
    await using containerd = await startContainerd();
    const damaged = await pullDamaged("many", ON_ARM64);
    const receipt = await push(damaged, `containerd://${containerd.socket}`, 3);
    expect(outcomesOf(receipt)).toEqual([
      [`${name("many")}:v1`, undefined, "failed"],
      [`${name("one")}:v1`, digestOf(ONE), "pushed"],
    ]);
    expect(receipt.failures).toMatchObject([{ subject: `${name("many")}:v1` }]);
  });

  test.each([
    ["an index", "index.json"],
    ["a layer", `blobs/${ONE.blobs.at(1)?.descriptor.digest.replace(":", "/")}`],
  ])("goes on behind an import that was cut within %s", async (_, path) => {
    await using containerd = await startContainerd();
    const cut = ["content", "ingest", "--expected-size", "4194304", `tar-${path}`];
    const input = Buffer.alloc(2 ** 21, "x");
    const args = ["--address", containerd.socket, "--namespace", "k8s.io", ...cut];
    expect((await runProcess("ctr", args, { input })).exitCode).toBe(1);
    const active = await containerd.run("--namespace", "k8s.io", "content", "active");
    expect(active.stdout).toContain(path);
    const receipt = await push(bundle, `containerd://${containerd.socket}`);
    expect(receipt).toMatchObject({ complete: true, failures: [] });
  });

  test("what is not there is told before a byte of the bundle is read", async () => {
    const missing = directory.resolve("missing.sock");
    const result = await runMirror(["push", "/nonexistent", `containerd://${missing}`], {
      cwd: directory.path,
    });
    expect(result.exitCode).toBe(16);
    expect(result.stderr).toMatch(/there is no such socket/);
    expect(result.stderr).toMatch(/k3s/);
  });
});

describe("push into a runtime whose program is not there", () => {
  test.each(["docker", "podman"])("names %s, and what to do", async (runtime) => {
    const result = await runProcess(
      process.execPath,
      [MAIN, "push", "/nonexistent", `${runtime}://local`],
      { cwd: directory.path, env: { PATH: directory.path } },
    );
    expect(result.exitCode).toBe(16);
    expect(result.stderr).toContain(`the program "${runtime}" is not installed`);
  });
});

requireDaemon("containerd", "dockerd", "docker").describe("push into Docker", () => {
  test("loads the machine's platform of each image, compared by the id of its config", async () => {
    await using containerd = await startContainerd();
    await using docker = await startDockerd(containerd.socket);
    const target = `docker://${docker.socket}`;
    const first = await push(bundle, target);
    expect(first.complete).toBe(true);
    expect(outcomesOf(first)).toEqual([
      [`${name("many")}:v1`, configOf(ON_AMD64), "pushed"],
      [`${name("one")}:v1`, configOf(ONE), "pushed"],
      [`${name("one")}:v2`, configOf(ONE), "pushed"],
    ]);
    expect(first.images.map(({ manifest }) => manifest)).toEqual([MANY, ONE, ONE].map(digestOf));
    const { stdout } = await docker.run("images", "--no-trunc", "--format", FORMAT);
    expect(stdout).toContain(`${name("many")}:v1 ${configOf(ON_AMD64)}`);
    const second = await push(bundle, target);
    expect(second.images.map(({ outcome }) => outcome)).toEqual(Array(3).fill("already-there"));
    expect(second.totals.sentBytes).toBe(0);
  });

  test("loads the platform that is wanted, whatever the machine is", async () => {
    await using containerd = await startContainerd();
    await using docker = await startDockerd(containerd.socket);
    const flags = ["--image", "*many*", "--platform", "linux/arm64"];
    const receipt = await push(bundle, `docker://${docker.socket}`, 0, {}, flags);
    expect(outcomesOf(receipt)).toEqual([[`${name("many")}:v1`, configOf(ON_ARM64), "pushed"]]);
    expect(receipt.notices.map(({ code }) => code)).not.toContain("PLATFORM_ABSENT");
  });

  test("a daemon that is not there is told in the words of its client", async () => {
    const target = `docker://${directory.resolve("none.sock")}`;
    const result = await runMirror(["push", "/nonexistent", target], { cwd: directory.path });
    expect(result.exitCode).toBe(16);
    expect(result.stderr).toMatch(/daemon/);
  });
});

requireTool("podman").describe("push into podman", () => {
  test("loads the machine's platform of each image, compared by the id of its config", async () => {
    await using podman = await openPodman();
    const first = await push(bundle, "podman://local", 0, podman.env);
    expect(outcomesOf(first)).toEqual([
      [`${name("many")}:v1`, configOf(ON_AMD64), "pushed"],
      [`${name("one")}:v1`, configOf(ONE), "pushed"],
      [`${name("one")}:v2`, configOf(ONE), "pushed"],
    ]);
    const second = await push(bundle, "podman://local", 0, podman.env);
    expect(second.images.map(({ outcome }) => outcome)).toEqual(Array(3).fill("already-there"));
  });

  test("leaves nothing behind of what it copied before an image could not be read", async () => {
    await using podman = await openPodman();
    await using copies = await openTempDirectory();
    const env = { ...podman.env, TMPDIR: copies.path };
    const receipt = await push(await pullDamaged("large", LARGE), "podman://local", 3, env);
    expect(outcomesOf(receipt)).toEqual([
      [`${name("large")}:v1`, undefined, "failed"],
      [`${name("one")}:v1`, configOf(ONE), "pushed"],
    ]);
    expect(await readdir(copies.path)).toEqual([]);
  });
});

/** Of an image that is whole, and of another whose last layer is damaged. */
async function pullDamaged(
  repository: string,
  { blobs }: ReturnType<typeof image>,
): Promise<string> {
  const damaged = directory.resolve("damaged");
  const flags = ["one:v1", `${repository}:v1`].flatMap((it) => ["--include-image", name(it)]);
  expectDone(await runMirror(["pull", damaged, ...flags, "--force"]));
  const tar = await readFile(`${damaged}/images.tar`);
  const bad = blobs.at(-1)?.descriptor.digest.replace(":", "/");
  const { offset = 0 } = (await entriesOf(tar)).find(({ path }) => path === `blobs/${bad}`) ?? {};
  tar[offset + 3] = (tar[offset + 3] ?? 0) ^ 1;
  await writeFile(`${damaged}/images.tar`, tar);
  return damaged;
}

const FORMAT = "{{.Repository}}:{{.Tag}} {{.ID}}";

async function push(
  path: string,
  target: string,
  status = 0,
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<Receipt> {
  const file = directory.resolve("receipt.json");
  const result = await runMirror(["push", path, target, ...flags, "--receipt", file], { env });
  expect(result, result.stderr).toMatchObject({ exitCode: status });
  return JSON.parse(await readFile(file, "utf8")) as Receipt;
}

function outcomesOf({ images }: Receipt) {
  return images.map(({ repository, tag, found, outcome }) => [
    `${repository}:${tag}`,
    found,
    outcome,
  ]);
}

function expectDone(result: ProcessResult): ProcessResult {
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return result;
}

function digestOf({ manifest }: ReturnType<typeof image>): string {
  return manifest.descriptor.digest;
}

function configOf({ blobs }: ReturnType<typeof image>): string {
  return blobs[0]?.descriptor.digest ?? "";
}
