import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { TagsReport } from "../../src/index.ts";
import { image, seed } from "../support/artifacts.ts";
import { eachTest } from "../support/fixture.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { runInProcess } from "../support/run-cli.ts";
import { MARKER } from "../support/secrets.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const directory = eachTest(openTempDirectory);
const registry = eachTest(startFaultRegistry);

beforeEach(async () => {
  const tags = ["1.9.9", "1.10", "1.10.0", "v1.2.3", "latest", "dev-1", "2.0.0-rc.1"];
  seed(registry, "acme/web", Object.fromEntries(tags.map((tag) => [tag, image({ name: tag })])));
});

const mirror = (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runInProcess(words, { env: { HOME: directory.path, ...env } });

const web = () => `${registry.host}/acme/web`;
const firstColumn = (stdout: string) =>
  stdout
    .split("\n")
    .slice(1)
    .map((line) => line.split(" ")[0])
    .slice(0, -3);

describe("mirror tags", () => {
  test("prints what a policy takes, highest version first", async () => {
    const { status, stdout } = await mirror([
      "tags",
      web(),
      "--match",
      "semver:*",
      "--sort",
      "semver",
    ]);
    expect(status).toBe(0);
    expect(firstColumn(stdout)).toEqual(["1.10.0", "1.10", "1.9.9", "v1.2.3"]);
    expect(stdout).toContain(`${web()}: 4 of 7 tags`);
  });

  test.each(["semver:>=", "regex:(", "glob:"])("refuses --match %s as a mistake", async (match) => {
    const { status, stderr } = await mirror(["tags", web(), "--match", match]);
    expect(status).toBe(2);
    expect(stderr).toContain("--match");
    expect(registry.log.entries).toEqual([]);
  });

  test("sends no request at a second look, unless it is told to", async () => {
    await mirror(["tags", web()]);
    registry.log.clear();
    const { stdout } = await mirror(["tags", web(), "--json"]);
    expect(registry.log.entries).toEqual([]);
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      mediaType: "application/vnd.airgap-mirror.tags.v1+json",
      requests: 0,
    });
    await mirror(["tags", web(), "--refresh"]);
    expect(registry.log.count("HEAD", /manifests/)).toBe(7);
    expect(registry.log.count("GET", /manifests|blobs/)).toBe(0);
  });

  test("tells what it knew when the registry does not answer any more, and why", async () => {
    await mirror(["tags", web()]);
    await registry.close();
    const { status, stdout } = await mirror(["tags", web(), "--refresh", "--json"]);
    expect(status).toBe(0);
    const report = JSON.parse(stdout) as TagsReport;
    expect(report.tags).toHaveLength(7);
    expect(report.lastError?.message).toContain(registry.host);
    const nothing = await mirror(["tags", web(), "--no-cache"]);
    expect(nothing.status).toBe(14);
  });

  test("ends well without one tag of many, and with --strict it does not", async () => {
    const built = image({ name: "lost" });
    seed(registry, "acme/web", { lost: built });
    const repository = registry.content.repository("acme/web");
    repository.manifests.delete(built.manifest.descriptor.digest);
    const { status, stderr, stdout } = await mirror(["tags", web(), "--json"]);
    expect(status).toBe(0);
    expect((JSON.parse(stdout) as TagsReport).tags).toHaveLength(7);
    expect(stderr).toContain("acme/web:lost");
    expect((await mirror(["tags", web(), "--strict", "--no-cache"])).status).toBe(3);
  });

  test("keeps no secret in what it keeps and in nothing that it prints", async () => {
    registry.setFaults({ auth: { scheme: "basic", username: "ada", password: MARKER } });
    const words = ["tags", web(), "--username", "ada", "--progress", "json"];
    const { status } = await mirror(words, { MIRROR_PASSWORD: MARKER });
    expect(status).toBe(0);
    const cache = join(directory.path, ".cache");
    const names = await readdir(cache, { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(0);
    for (const { parentPath, name } of files) {
      const text = await readFile(join(parentPath, name), "utf8");
      expect(text).not.toContain(MARKER);
      expect(text).not.toContain(Buffer.from(`ada:${MARKER}`).toString("base64"));
    }
  });

  test("is counted and forgotten by mirror cache", async () => {
    await mirror(["tags", web()]);
    const stats = await mirror(["cache", "stats", "--json"]);
    expect(JSON.parse(stats.stdout)).toMatchObject({
      knownTags: {
        repositories: [{ repository: web(), tags: 7 }],
        totals: { repositories: 1, tags: 7 },
      },
    });
    const cleared = await mirror(["cache", "clear", web()]);
    expect(cleared.stdout).toContain("0 tags of 0 repositories");
    registry.log.clear();
    await mirror(["tags", web()]);
    expect(registry.log.entries.length).toBeGreaterThan(7);
  });
});

describe("mirror plan", () => {
  test("says with its reason what a policy takes and something else leaves out", async () => {
    const words = [
      "plan",
      directory.path,
      "--include-image",
      `${web()}@semver:*`,
      "--latest",
      "2",
      "--json",
    ];
    const { status, stdout, stderr } = await mirror(words);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      exclusions: [
        {
          repository: web(),
          tag: "1.9.9",
          reason: "--latest takes 2, and it is not among the newest",
        },
        { repository: web(), tag: "v1.2.3" },
      ],
    });
    expect(stderr).toContain("2 tags");
  });

  test("refuses a policy that cannot be read", async () => {
    const words = ["plan", directory.path, "--include-image", `${web()}@regex:(`];
    const { status, stderr } = await mirror(words);
    expect(status).toBe(2);
    expect(stderr).toContain("--include-image");
  });
});

test("mirror plan says how many of the requests that a registry has left a pull needs", async () => {
  const limited = await startFaultRegistry({
    middleware: async (request, next) => {
      const response = await next(request);
      const said = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "30;w=21600" };
      return { ...response, headers: { ...response.headers, ...said } };
    },
  });
  try {
    const tags = ["v1", "v2", "v3", "v4", "v5"];
    seed(limited, "acme/db", Object.fromEntries(tags.map((tag) => [tag, image({ name: tag })])));
    const words = ["plan", directory.path, "--include-image", `${limited.host}/acme/db@glob:*`];
    const { stdout, stderr } = await mirror([...words, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      quotas: [
        { registry: limited.host, remaining: 30, limit: 100, windowMs: 21_600_000, needed: 5 },
      ],
    });
    expect(stderr).toContain("has 30 of 100 in 6 h 00 min requests left, a pull needs 5 at most");
  } finally {
    await limited.close();
  }
});
