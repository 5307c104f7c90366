import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Streebog256 } from "../../src/gost/streebog.ts";
import { image } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { d8Layout, d8Package, writeChunks } from "../support/d8-bundle.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";

const named = (name: string, tag: string = name) => ({ artifact: image({ name }), tag });

const VERSION = named("v1.0.0");
const CHANNEL = named("channel", "stable");
const DATABASE = named("database", "2");

let directory: TempDirectory;
let target: DockerRegistry;

requireTool("docker-registry").describe("bundles of d8 mirror and docker-registry", () => {
  beforeAll(async () => {
    directory = await openTempDirectory();
    target = await startDockerRegistry();
    const module = d8Package({
      "": await d8Layout([VERSION], { generation: "old" }),
      release: await d8Layout([CHANNEL], { generation: "old" }),
      extra: await d8Layout([], { generation: "old" }),
    });
    await writeChunks(directory.path, "module-foo", { tar: module, sizes: [1500, 2000] });
    const security = d8Package({ "trivy-db": await d8Layout([DATABASE], { generation: "old" }) });
    await writeFile(directory.resolve("security.tar"), security);
    const sum = new Streebog256().update(security).digest();
    await writeFile(directory.resolve("security.tar.gostsum"), sum);
  });

  afterAll(async () => {
    await target?.[Symbol.asyncDispose]();
    await directory?.[Symbol.asyncDispose]();
  });

  test("mirror verify accepts them and says what they lack", async () => {
    const { exitCode, stdout } = await runMirror(["verify", directory.path]);
    expect(stdout).toContain("is complete and undamaged");
    expect(stdout).toContain("notice: The bundle has no bundle.json");
    expect(exitCode).toBe(0);
  });

  test("mirror inspect lists their images", async () => {
    const { stdout } = await runMirror(["inspect", directory.path]);
    expect(stdout).toContain("modules/foo:v1.0.0");
    expect(stdout).toContain("security/trivy-db:2");
  });

  test("mirror push puts them at their paths with their digests", async () => {
    const receipt = directory.resolve("receipt.json");
    const words = ["push", directory.path, `${target.host}/repo`, "--receipt", receipt];
    const { exitCode, stderr } = await runMirror(words);
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(await readFile(receipt, "utf8"))).toMatchObject({ complete: true });
    for (const [path, { artifact }] of [
      ["modules/foo/manifests/v1.0.0", VERSION],
      ["modules/foo/release/manifests/stable", CHANNEL],
      ["security/trivy-db/manifests/2", DATABASE],
    ] as const) {
      const { digest, mediaType } = artifact.manifest.descriptor;
      const url = `http://${target.host}/v2/repo/${path}`;
      const response = await fetch(url, { method: "HEAD", headers: { accept: mediaType } });
      expect([path, response.headers.get("docker-content-digest")]).toEqual([path, digest]);
    }
    const tags = await fetch(`http://${target.host}/v2/repo/modules/tags/list`);
    expect(await tags.json()).toMatchObject({ tags: ["foo"] });
  });
});
