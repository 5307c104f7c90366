import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { EDITION_ROOT, seedEdition } from "../support/edition.ts";
import { seedSigned, signedIndex } from "../support/referrers.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";

const OLD_BYTES = 400_000;

let directory: TempDirectory;
let source: EmbeddedRegistry;
let target: DockerRegistry;

requireTool("docker-registry").describe("a docker-registry that was pruned and collected", () => {
  beforeAll(async () => {
    directory = await openTempDirectory();
    source = await openEmbeddedRegistry();
    target = await startDockerRegistry();
    seedEdition(source);
    seedSigned(source, "acme/web", signedIndex("kept"));
    seedSigned(source, "acme/old", signedIndex("old"));
    // In one repository with what is kept, with a layer that both have
    const shared = randomLayer(30_000, 1);
    seed(source, "acme/app", {
      v1: image({ layers: [shared, randomLayer(OLD_BYTES, 2)] }),
      v2: image({ layers: [shared, randomLayer(20_000, 3)] }),
    });
    const old = images("acme/web:v1", "acme/old:v1", "acme/app:v1");
    await mirror("pull", "all", ...edition(), ...old);
    await mirror("pull", "kept", ...edition(), ...images("acme/web:v1", "acme/app:v2"));
    await mirror("push", "all", place());
    await mirror("push", "kept", place());
  });

  afterAll(async () => {
    await target?.[Symbol.asyncDispose]();
    await source?.close();
    await directory?.[Symbol.asyncDispose]();
  });

  test("gives everything that was kept, and has no byte of the rest", async () => {
    const before = await storedBytes();
    await mirror("prune", place(), "--keep-bundle", "kept", "--out", "list.json");
    expect(await storedBytes()).toBe(before);
    await mirror("prune", place(), "--apply", "list.json");
    await target.stop("SIGTERM");
    await target.collect();
    await target.start();
    expect(await storedBytes()).toBeLessThan(before - OLD_BYTES);
    await mirror("diff", "kept", place(), "--exit-code");
    // The push asks the target for every manifest and every layer, and has nothing to send
    const receipt = JSON.parse(await mirror("push", "kept", place(), "--json"));
    expect(receipt).toMatchObject({ complete: true, totals: { sentBytes: 0 } });
    // Every layer comes out of the target again
    const wishes = targetImages("acme/web:v1", "acme/app:v2");
    await mirror("pull", "again", "--source", place(), ...wishes);
    await mirror("verify", "again");
  });

  requireTool("skopeo").test("gives the kept image to skopeo whole, with its digests", async () => {
    const from = `docker://${place()}/${below("acme/web")}:v1`;
    const to = `oci:${directory.resolve("copied")}:v1`;
    const args = ["copy", "--all", "--preserve-digests", "--src-tls-verify=false", from, to];
    const { exitCode, stderr } = await runProcess("skopeo", args);
    expect(exitCode, stderr).toBe(0);
  });
});

const place = () => `${target.host}/mirror`;
const below = (name: string) => `${source.host.replace(":", "-")}/${name}`;
const edition = () => ["--source", `${source.host}/${EDITION_ROOT}`];
const images = (...names: string[]) =>
  names.flatMap((name) => ["--include-image", `${source.host}/${name}`]);
const targetImages = (...names: string[]) =>
  names.flatMap((name) => ["--include-image", `${place()}/${below(name)}`]);

async function mirror(command: string, ...words: string[]): Promise<string> {
  const { exitCode, stderr, stdout } = await runMirror([command, ...words], {
    cwd: directory.path,
  });
  expect(exitCode, `${stderr}${stdout}`).toBe(0);
  return stdout;
}

async function storedBytes(): Promise<number> {
  const blobs = join(target.storageDirectory, "docker/registry/v2/blobs");
  const entries = await readdir(blobs, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(join(file.parentPath, file.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
