import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Digest } from "../../src/oci/digest.ts";
import type { Receipt } from "../../src/push/receipt/receipt.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { pullSample } from "../crash/support/resume.ts";
import { AMD64, ARM64, image, index, randomLayer, seed } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";

const layers = [randomLayer(40_000, 61), randomLayer(50_000, 62)];
const children = [AMD64, ARM64].map((platform, position) =>
  image({ platform, layers: layers.slice(position, position + 1) }),
);
const root = index(children);

let directory: TempDirectory;
let source: EmbeddedRegistry;
let target: DockerRegistry;
/** Path of the image in the target. */
let repository: string;

requireTool("docker-registry").describe("a docker-registry that has lost content", () => {
  beforeAll(async () => {
    directory = await openTempDirectory();
    source = await openEmbeddedRegistry();
    target = await startDockerRegistry();
    seed(source, "acme/web", { v1: root });
    const bundlePath = directory.resolve("bundle");
    await pullSample(bundlePath, { includeImages: [`${source.host}/acme/web:v1`] });
    const receipt = await push();
    repository = `mirror/${receipt.images[0]?.repository}`;
    expect(await missing()).toEqual([]);
  });

  afterAll(async () => {
    await target?.[Symbol.asyncDispose]();
    await source?.close();
    await directory?.[Symbol.asyncDispose]();
  });

  test("has a layer and the children of an index again after the next push", async () => {
    const lost = await loseContent();
    expect(await missing()).toEqual(lost);
    const receipt = await push();
    expect(receipt.complete).toBe(true);
    expect(receipt.images.map(({ outcome }) => outcome)).toEqual(["pushed"]);
    expect(receipt.totals.sentBytes).toBe(layers[0]?.descriptor.size);
    expect(await missing()).toEqual([]);
  });

  requireTool("skopeo").test("gives the image to skopeo whole, with its digests", async () => {
    await loseContent();
    await push();
    const from = `docker://${target.host}/${repository}@${root.manifest.descriptor.digest}`;
    const to = `oci:${directory.resolve("copied")}:v1`;
    const args = ["copy", "--all", "--preserve-digests", "--src-tls-verify=false", from, to];
    const { exitCode, stderr } = await runProcess("skopeo", args);
    expect(exitCode, stderr).toBe(0);
  });

  test("is not asked, and stays as it is, where the target is to be trusted", async () => {
    const lost = await loseContent();
    const receipt = await push("--trust-target");
    expect(receipt).toMatchObject({ complete: true, totals: { sentBytes: 0 } });
    expect(await missing()).toEqual(lost);
  });
});

async function push(...flags: string[]): Promise<Receipt> {
  const words = ["push", "bundle", `${target.host}/mirror`, ...flags];
  const { exitCode, stderr } = await runMirror(words, { cwd: directory.path });
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(await readFile(directory.resolve("receipt.json"), "utf8")) as Receipt;
}

/** Removes the first layer and both children, as a garbage collection that went wrong does. */
async function loseContent(): Promise<string[]> {
  const manifests = children.map(({ manifest }) => manifest.descriptor.digest);
  const layer = layers[0]?.descriptor.digest ?? "?";
  const lost = [`blobs/${layer}`, ...manifests.map((digest) => `manifests/${digest}`)];
  const storage = join(target.storageDirectory, "docker/registry/v2");
  const links = join(storage, "repositories", repository);
  const pathOf = (digest: string) => digest.replace(":", "/");
  const folders = [
    join(links, "_layers", pathOf(layer)),
    ...manifests.map((digest) => join(links, "_manifests/revisions", pathOf(digest))),
    ...[layer, ...manifests].map((digest) =>
      join(storage, "blobs/sha256", digest.slice(7, 9), digest.slice(7)),
    ),
  ];
  for (const folder of folders) await rm(folder, { recursive: true });
  return lost.sort();
}

/** What the registry does not give, of all that the image consists of. */
async function missing(): Promise<string[]> {
  const images = children.map(({ manifest }) => manifest.descriptor.digest);
  const parts = [...source.content.repository("acme/web").blobs.keys()];
  const paths = [
    ...parts.map((digest: Digest) => `blobs/${digest}`),
    ...[...images, root.manifest.descriptor.digest].map((digest) => `manifests/${digest}`),
  ];
  const answers = paths.map(async (path) => {
    const accept =
      "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
    const url = `http://${target.host}/v2/${repository}/${path}`;
    const { ok, body } = await fetch(url, { headers: { accept } });
    await body?.cancel();
    return ok ? [] : [path];
  });
  return (await Promise.all(answers)).flat().sort();
}
