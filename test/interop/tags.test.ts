import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TagsReport } from "../../src/index.ts";
import { image, pushArtifacts } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";

const TAGS = ["1.9.9", "1.10", "1.10.0", "v1.2.3", "latest", "dev-1", "2.0.0-rc.1"];

const named = (tags: readonly string[]) =>
  Object.fromEntries(tags.map((tag) => [tag, image({ name: tag })]));

let directory: TempDirectory;
let registry: DockerRegistry;

requireTool("docker-registry").describe("the tags of a docker-registry", () => {
  beforeAll(async () => {
    directory = await openTempDirectory();
    registry = await startDockerRegistry();
    const fifty = Array.from({ length: 50 }, (_, position) => `v${position}`);
    await pushArtifacts(registry.host, "acme/web", named(TAGS));
    await pushArtifacts(registry.host, "acme/fifty", named(fifty));
  });

  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    await directory?.[Symbol.asyncDispose]();
  });

  async function tags(name: string, ...flags: readonly string[]) {
    const words = ["tags", `${registry.host}/acme/${name}`, "--json", ...flags];
    const cache = ["--cache-dir", directory.resolve("cache")];
    const env = { MIRROR_NO_CACHE: "false" };
    const { exitCode, stdout, stderr } = await runMirror([...words, ...cache], { env });
    const report =
      exitCode === 0 || exitCode === 3 ? (JSON.parse(stdout) as TagsReport) : undefined;
    return { exitCode, report, stderr, names: report?.tags.map(({ tag }) => tag) };
  }

  test("are sorted by version, and chosen by pattern", async () => {
    const { names } = await tags("web", "--match", "semver:*", "--sort", "semver");
    expect(names).toEqual(["1.10.0", "1.10", "1.9.9", "v1.2.3"]);
    expect((await tags("web", "--match", "glob:latest")).names).toEqual(["latest"]);
    expect((await tags("web", "--match", "semver:>=")).exitCode).toBe(2);
  });

  test("without the manifest of one of fifty are forty-nine and a notice that names it", async () => {
    const before = await tags("fifty", "--match", "v7", "--no-cache");
    const [row] = before.report?.tags ?? [];
    const hex = row?.digest?.slice("sha256:".length) ?? "";
    expect(hex).toHaveLength(64);
    const blobs = join(
      registry.storageDirectory,
      "docker/registry/v2/blobs/sha256",
      hex.slice(0, 2),
      hex,
    );
    await rm(blobs, { recursive: true });
    const { exitCode, report, stderr } = await tags("fifty", "--refresh");
    expect(exitCode).toBe(0);
    expect(report?.tags).toHaveLength(49);
    expect(report?.failures).toHaveLength(1);
    expect(stderr).toContain("acme/fifty:v7");
    expect((await tags("fifty", "--strict", "--refresh")).exitCode).toBe(3);
  });

  test("are told from what is known when the registry is down, and fail where nothing is", async () => {
    const first = await tags("web");
    await registry.stop();
    const { exitCode, report } = await tags("web", "--refresh");
    expect(exitCode).toBe(0);
    expect(report?.tags.map(({ tag }) => tag)).toEqual(first.names);
    expect(report?.listedAt).toBe(first.report?.listedAt);
    expect(report?.lastError?.message).toContain(registry.host);
    expect((await tags("never")).exitCode).toBe(14);
    await registry.start();
  });
});
