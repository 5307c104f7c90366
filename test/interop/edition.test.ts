import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BundleManifest, PullPlanReport, Receipt } from "../../src/index.ts";
import { runMirror } from "../support/cli.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import {
  buildEdition,
  EDITION_ROOT,
  type EditionVariant,
  pushEdition,
} from "../support/edition.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";
import { proxyTo, startNginx } from "./support/nginx.ts";

const FIVE = ["alpha", "beta", "early-access", "rock-solid", "stable"];
const RELEASES = ["v1.69.5", "v1.70.3", "v1.71.2", "v1.72.1"];
const VARIANTS: readonly EditionVariant[] = ["full", "cse", "ce", "suspended", "dev", "plain"];

let directory: TempDirectory;
let source: DockerRegistry;
let target: DockerRegistry;

requireTool("docker-registry", "nginx").describe(
  "mirror with the synthetic edition in docker-registry",
  () => {
    beforeAll(async () => {
      directory = await openTempDirectory();
      source = await startDockerRegistry();
      target = await startDockerRegistry();
      for (const variant of VARIANTS) {
        const placed = Object.entries(buildEdition(variant)).map(
          ([repository, tagged]) => [`${variant}/${repository}`, tagged] as const,
        );
        await pushEdition(source.host, Object.fromEntries(placed));
      }
    });

    afterAll(async () => {
      await target?.[Symbol.asyncDispose]();
      await source?.[Symbol.asyncDispose]();
      await directory?.[Symbol.asyncDispose]();
    });

    test.each<[string, string[], Record<string, string[]>]>([
      [
        "a plain pull",
        [],
        {
          "release-channel": [...FIVE, ...RELEASES],
          install: [...FIVE, ...RELEASES],
          "modules/console": ["v1.2.0", "v1.3.3", "v1.4.1"],
          "modules/neuvector": ["v0.4.4", "v0.5.3", "v0.6.1"],
          "modules/empty-mod": [],
          "security/trivy-db": ["2"],
          "security/trivy-bdu": ["1"],
          "security/trivy-java-db": ["1"],
          "security/trivy-checks": ["0"],
        },
      ],
      [
        "above rock-solid",
        ["--since-version", "1.70.0"],
        { "release-channel": [...FIVE, ...RELEASES] },
      ],
      [
        "below rock-solid",
        ["--since-version", "1.68.0"],
        { "release-channel": [...FIVE, "v1.68.9", ...RELEASES] },
      ],
      ["a channel", ["--deckhouse-tag", "stable"], { "release-channel": [...FIVE, "v1.70.3"] }],
      ["any tag", ["--deckhouse-tag", "pr12345"], { "release-channel": [...FIVE, "pr12345"] }],
      [
        "a range",
        ["--include-platform", ">=1.70 <1.72"],
        { "release-channel": ["beta", "early-access", "stable", "v1.70.0", "v1.70.3", "v1.71.2"] },
      ],
      [
        "an unreleased tag",
        ["-i", "console@=bobV1", "--no-platform"],
        { "modules/console": ["bobV1"], "modules/console/release": [], install: [] },
      ],
      [
        "a tag for one channel",
        ["-i", "console@=v1.3.0+stable", "--no-platform"],
        { "modules/console/release": ["stable", "v1.3.0"], "modules/neuvector": [] },
      ],
      [
        "a range of a module",
        ["-i", "console@~1.3.0", "--no-platform"],
        { "modules/console": ["v1.2.0", "v1.3.0", "v1.3.3", "v1.4.1"] },
      ],
    ])("mirror plan takes for %s: %j", async (_, flags, expected) => {
      const { packages } = await plan("full", ...flags);
      for (const [repository, tags] of Object.entries(expected)) {
        expect([repository, tagsIn(packages, repository)]).toEqual([repository, tags.toSorted()]);
      }
    });

    test("mirror plan lists attestations and extra images with their bytes", async () => {
      const { packages, extraFiles } = await plan("full");
      expect(extraFiles).toEqual([
        { name: "deckhousereleases.yaml", size: expect.any(Number) as number },
      ]);
      const images = packages.flatMap((item) => item.images);
      for (const kind of ["attestation", "extra", "release-channel"]) {
        const found = images.filter((image) => image.kind === kind);
        expect(found.length).toBeGreaterThan(0);
        for (const { size } of found) expect(size).toBeGreaterThan(0);
      }
    });

    test("mirror plan -i nosuch ends with 11 and names the module", async () => {
      const { exitCode, stderr } = await runPlan("full", "-i", "nosuch");
      expect(exitCode).toBe(11);
      expect(stderr).toContain('module "nosuch"');
    });

    test.each<[EditionVariant, string[], number, string | RegExp]>([
      ["cse", [], 0, ""],
      ["ce", [], 0, /no security databases/],
      ["suspended", [], 11, /suspended release channel "alpha"/],
      ["suspended", ["--ignore-suspend"], 0, ""],
      ["dev", [], 11, /has none \(checked: alpha/],
      ["dev", ["--platform-tag", "pr17405"], 0, ""],
      ["plain", [], 0, /no platform/],
      ["plain", ["--platform-tag", "stable"], 11, /release channel "stable"/],
    ])(
      "mirror plan of variant %s with %j ends with %d",
      async (variant, flags, status, message) => {
        const { exitCode, stderr } = await runPlan(variant, ...flags);
        expect(stderr).toMatch(message);
        expect(exitCode).toBe(status);
      },
    );

    describe("behind a server that refuses some repositories", () => {
      const root = `/v2/full/${EDITION_ROOT}`;
      const refuse = (path: string, status: number) => `location ^~ ${path} { return ${status}; }`;
      const unlisted = (path: string) =>
        `location ^~ ${path} { add_header WWW-Authenticate 'Basic realm="x"' always; return 401; }`;

      test.each<[string, string[], string[], number, RegExp]>([
        [
          "403 for plugins and 401 for packages leave both out, with a notice for each",
          [refuse("/v2/full/deckhouse/deckhouse-cli/", 403), unlisted(`${root}/packages/`)],
          ["installer", "module-console", "module-neuvector", "platform", "security"],
          0,
          /^(?=[\s\S]*deckhouse-cli\/plugins" is denied)(?=[\s\S]*ee\/packages" is denied)/,
        ],
        [
          "403 for the platform ends the run, and the flag to leave it out is named",
          [refuse(`${root}/release-channel/`, 403)],
          [],
          10,
          /^error: Cannot read the platform: [\s\S]*because: .*403[\s\S]*--no-platform/m,
        ],
        [
          "403 behind the first request of a component ends the run",
          [refuse(`${root}/modules/console/release/`, 403)],
          [],
          10,
          /^error: .*modules\/console\/release/m,
        ],
        [
          "503 is never taken for something that is missing",
          [refuse(`${root}/security/trivy-java-db/`, 503)],
          [],
          13,
          /^error: .*security\/trivy-java-db/m,
        ],
        [
          "404 is",
          [refuse(`${root}/security/trivy-java-db/`, 404)],
          ["security"],
          0,
          /notice: .*trivy-java-db/,
        ],
      ])("%s", async (_, locations, packages, status, message) => {
        const server = `${locations.join("\n")} ${proxyTo(source.host)}`;
        await using nginx = await startNginx(directory.resolve("nginx"), server);
        const from = ["--source", `${nginx.host}/full/${EDITION_ROOT}`, "--retry-timeout", "0"];
        const words = ["plan", "--json", ...from];
        const { exitCode, stderr, stdout } = await runMirror(words, { cwd: directory.path });
        expect(stderr).toMatch(message);
        expect(exitCode).toBe(status);
        const found = status === 0 ? (JSON.parse(stdout) as PullPlanReport).packages : [];
        expect(found.map(({ name }) => name)).toEqual(expect.arrayContaining(packages));
        if (packages.length > 1) expect(found).toHaveLength(packages.length);
      });
    });

    test("mirror pull and push keep every digest over two registries", async () => {
      const from = ["--source", `${source.host}/full/${EDITION_ROOT}`];
      await mirror("pull", "one", ...from);
      await mirror("verify", "one");
      await mirror("push", "one", `${target.host}/mirror/ee`, "--receipt", "one.json");
      await mirror("pull", "two", "--source", `${target.host}/mirror/ee`);
      await mirror("push", "two", `${target.host}/again/ee`, "--receipt", "two.json");
      const [one, two] = [await digestsOf("one.json"), await digestsOf("two.json")];
      expect(Object.keys(one).length).toBeGreaterThan(60);
      expect(two).toEqual(one);
      expect(imagesOf(await readJson("two/bundle.json"))).toEqual(
        imagesOf(await readJson("one/bundle.json")),
      );
    });
  },
);

type PlannedPackages = PullPlanReport["packages"];

function tagsIn(packages: PlannedPackages, repository: string): string[] {
  const images = packages.flatMap((item) => item.images);
  return images
    .filter((image) => image.repository === repository)
    .flatMap(({ tags }) => tags)
    .filter((tag) => !/[0-9a-f]{64}/.test(tag))
    .sort();
}

function runPlan(variant: EditionVariant, ...flags: readonly string[]) {
  const from = ["--source", `${source.host}/${variant}/${EDITION_ROOT}`];
  return runMirror(["plan", "--json", ...from, ...flags], { cwd: directory.path });
}

async function plan(variant: EditionVariant, ...flags: readonly string[]): Promise<PullPlanReport> {
  const { exitCode, stderr, stdout } = await runPlan(variant, ...flags);
  expect([exitCode, stderr]).toEqual([0, stderr]);
  return JSON.parse(stdout) as PullPlanReport;
}

async function mirror(...words: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await runMirror(words, { cwd: directory.path });
  expect([words[0], exitCode, stderr]).toEqual([words[0], 0, stderr]);
}

async function readJson<Value = BundleManifest>(name: string): Promise<Value> {
  return JSON.parse(await readFile(directory.resolve(name), "utf8")) as Value;
}

/** `repository:tag` → digest as it was read back. */
async function digestsOf(receipt: string): Promise<Record<string, string | undefined>> {
  const { images, complete } = await readJson<Receipt>(receipt);
  expect(complete).toBe(true);
  return Object.fromEntries(
    images.map(({ repository, tag, found }) => [`${repository}:${tag}`, found]),
  );
}

function imagesOf({ packages }: BundleManifest) {
  return packages.map(({ name, layouts }) => ({
    name,
    images: layouts.flatMap((layout) =>
      layout.images.map(({ repository, tags, digest, size, kind }) => ({
        ...{ repository, tags, digest, size, kind },
      })),
    ),
  }));
}
