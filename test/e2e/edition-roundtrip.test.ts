import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { parseRepositoryReference } from "../../src/oci/reference.ts";
import { planPull } from "../../src/pull/plan/plan-pull.ts";
import { pull } from "../../src/pull/pull.ts";
import { push } from "../../src/push/push.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { parseSelection } from "../../src/selection/grammar/parse-selection.ts";
import type { ParseSelectionOptions } from "../../src/selection/grammar/selection-options.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { verifyBundle } from "../../src/verify/verify.ts";
import { buildEdition, EDITION_ROOT, seedEdition } from "../support/edition.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { MARKER } from "../support/secrets.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

async function pullFrom(
  host: string,
  path: string,
  bundlePath: string,
  wishes: ParseSelectionOptions = {},
) {
  await using client = openRegistryClient();
  const { selection } = parseSelection({ source: `${host}/${path}`, ...wishes });
  return pull({ bundlePath, selection, openSource: client.repository });
}

async function pushTo(host: string, path: string, bundlePath: string) {
  await using client = openRegistryClient();
  const target = parseRepositoryReference(`${host}/${path}`);
  return push({ bundlePath, target, openTarget: client.repository });
}

/** `repository:tag` → digest of everything below a path. */
function tagsOf({ content }: Pick<EmbeddedRegistry, "content">, path: string) {
  const tags: Record<string, string> = {};
  for (const name of content.repositories.keys()) {
    if (name !== path && !name.startsWith(`${path}/`)) continue;
    for (const [tag, digest] of content.repository(name).tags) {
      tags[`${name.slice(path.length)}:${tag}`] = digest;
    }
  }
  return tags;
}

/** `/modules/foo/release:stable`: the repository of the releases, the one of the versions, the channel. */
const CHANNEL_TAG =
  /^((.*)\/(?:release-channel|release|version)):(alpha|beta|early-access|stable|rock-solid|lts)$/;

/** `deckhousereleases.yaml` is right, in `SHA256SUMS`, and its damage is found. */
async function checkReleases(bundlePath: string): Promise<void> {
  const path = join(bundlePath, "deckhousereleases.yaml");
  const text = await readFile(path, "utf8");
  const documents = parseAllDocuments(text).map((document) => document.toJS() as unknown);
  expect(documents).toHaveLength(4);
  expect(documents[1]).toEqual({
    apiVersion: "deckhouse.io/v1alpha1",
    kind: "DeckhouseRelease",
    metadata: { name: "v1.70.3" },
    spec: {
      version: "v1.70.3",
      requirements: { k8s: "1.28" },
      disruptions: ["ingressNginx"],
      changelog: {
        candi: {
          fixes: [
            {
              summary: "Fixed: everything in v1.70.3",
              pull_request: "https://example.com/1",
            },
          ],
        },
      },
      changelogLink: "https://github.com/deckhouse/deckhouse/releases/tag/v1.70.3",
    },
  });
  expect(await readFile(join(bundlePath, "SHA256SUMS"), "utf8")).toContain(
    "deckhousereleases.yaml",
  );
  await writeFile(path, `${text}# changed\n`);
  const { problems } = await verifyBundle({ bundlePath });
  expect(problems.map(({ code }) => code)).toEqual(["BUNDLE_CORRUPT"]);
  await writeFile(path, text);
}

describe("pull() and push(): the synthetic edition", () => {
  test("keep every digest from the source to a second target", async () => {
    await using source = await openEmbeddedRegistry();
    await using first = await openEmbeddedRegistry();
    await using second = await openEmbeddedRegistry();
    await using directory = await openTempDirectory();
    seedEdition(source);
    const [one, two] = [directory.resolve("one"), directory.resolve("two")];
    expect((await pullFrom(source.host, EDITION_ROOT, one)).complete).toBe(true);
    expect(await verifyBundle({ bundlePath: one })).toMatchObject({ complete: true, problems: [] });
    await checkReleases(one);
    expect((await pushTo(first.host, "mirror/ee", one)).complete).toBe(true);
    expect((await pullFrom(first.host, "mirror/ee", two)).complete).toBe(true);
    expect((await pushTo(second.host, "deep/path/ee", two)).complete).toBe(true);

    const there = tagsOf(source, EDITION_ROOT);
    const here = tagsOf(first, "mirror/ee");
    for (const [name, digest] of Object.entries(here)) {
      if (/^\/(?:modules|packages|deckhouse-cli\/plugins):/.test(name)) continue;
      const hex = /:([0-9a-f]{64})$/.exec(name)?.[1];
      if (hex !== undefined) expect(digest).toBe(`sha256:${hex}`);
      else if (/^\/(?:installer|deckhouse-cli)/.test(name)) expect(digest).toBeDefined();
      else expect([name, there[name]]).toEqual([name, digest]);
    }
    expect(Object.keys(here)).toEqual(
      expect.arrayContaining([
        ":v1.70.3",
        "/install:stable",
        "/install-standalone:v1.70.3",
        "/release-channel:alpha",
        "/security/trivy-db:2",
        "/installer:latest",
        "/modules:console",
        "/modules/console/release:stable",
        "/packages:postgres",
        "/packages/postgres/version:v2.1.0",
        "/deckhouse-cli/plugins:console-tool",
        "/deckhouse-cli/plugins/console-tool:v1.1.0",
      ]),
    );
    expect(tagsOf(second, "deep/path/ee")).toEqual(here);
  });

  test("bundles pushed one after the other leave no channel without its version", async () => {
    await using source = await openEmbeddedRegistry();
    await using target = await openEmbeddedRegistry();
    await using directory = await openTempDirectory();
    seedEdition(source);
    const rest = { noInstaller: true, noSecurityDb: true, noPackageVersions: true };
    const selections: readonly ParseSelectionOptions[] = [
      { includeModules: ["console@=v1.3.0+stable"], platformTag: "pr12345" },
      { includeModules: ["console@~1.1.0"], includePackages: ["postgres"], noPlatform: true },
      { includeModules: ["console@=v1.0.0"], includePlatform: "=v1.69.4+rock-solid" },
    ];
    for (const [position, wishes] of selections.entries()) {
      const bundlePath = directory.resolve(String(position));
      await pullFrom(source.host, EDITION_ROOT, bundlePath, {
        ...rest,
        noPackages: true,
        ...wishes,
      });
      expect((await pushTo(target.host, "mirror", bundlePath)).complete).toBe(true);
      const tags = tagsOf(target, "mirror");
      const there = Object.entries(tags).filter(([name]) => CHANNEL_TAG.test(name));
      expect(there.length).toBeGreaterThan(0);
      for (const [name, digest] of there) {
        const [releases = "", parent = ""] = CHANNEL_TAG.exec(name)?.slice(1) ?? [];
        const same = Object.keys(tags).filter(
          (tag) => tag.startsWith(`${releases}:`) && !CHANNEL_TAG.test(tag) && tags[tag] === digest,
        );
        const versions = same.map((tag) => tags[tag.replace(releases, parent)]);
        expect([name, versions]).toEqual([name, [expect.stringContaining("sha256:")]]);
      }
    }
  });

  test("A17: what was pulled by lts is pulled from the target without a flag", async () => {
    await using source = await openEmbeddedRegistry();
    await using target = await openEmbeddedRegistry();
    await using directory = await openTempDirectory();
    seedEdition(source, buildEdition("cse"));
    const [one, two] = [directory.resolve("one"), directory.resolve("two")];
    await pullFrom(source.host, EDITION_ROOT, one, { platformTag: "lts" });
    await pushTo(target.host, "mirror", one);
    const names = Object.keys(tagsOf(target, "mirror"));
    for (const channel of ["alpha", "beta", "early-access", "stable", "rock-solid"]) {
      expect(names).toContain(`/release-channel:${channel}`);
      expect(names).not.toContain(`:${channel}`);
    }
    const { manifest } = await pullFrom(target.host, "mirror", two);
    const platform = manifest?.packages.find(({ name }) => name === "platform");
    const release = platform?.layouts.find(({ path }) => path === "install");
    expect(release?.images.flatMap(({ tags }) => tags)).toContain("v1.70.3");
  });

  test("plan lists to the byte what a pull then writes, as docs/plan.md says", async () => {
    await using registry = await startFaultRegistry();
    await using directory = await openTempDirectory();
    seedEdition(registry);
    await using client = openRegistryClient();
    const { selection } = parseSelection({ source: `${registry.host}/${EDITION_ROOT}` });
    const bundlePath = directory.resolve("bundle");
    const options = {
      bundlePath,
      selection,
      openSource: client.repository,
      chunkSizeBytes: 50_000,
    };
    const plan = await planPull(options);
    const { manifest, bytes } = await pull(options);
    const written = manifest?.packages.map(({ layouts, files, ...item }) => ({
      ...item,
      files: files.map(({ name, size }) => ({ name, size })),
      images: layouts.flatMap(({ images }) => images),
    }));
    expect(plan.packages).toEqual(written);
    expect(plan.extraFiles).toEqual(
      manifest?.extraFiles?.map(({ name, size }) => ({ name, size })),
    );
    expect(plan.totals).toEqual(manifest?.totals);
    expect(plan.fetchBytes).toBe(manifest?.totals.uniqueBytes);
    expect(plan.bytes).toBe(bytes);
    for (const { name, size } of plan.packages.flatMap(({ files }) => files)) {
      expect([name, (await stat(join(bundlePath, name))).size]).toEqual([name, size]);
    }
    const kinds = plan.packages.flatMap(({ images }) => images.map(({ kind }) => kind));
    expect(new Set(kinds)).toEqual(new Set(["attestation", "extra", "image", "release-channel"]));
    const page = await readFile(new URL("../../docs/plan.md", import.meta.url), "utf8");
    const rows = [...page.matchAll(/^\| `(\w+).*$/gm)];
    // What is not always there is there where somebody asks for it
    const fields = rows.flatMap(([row, name = ""]) =>
      name in plan || !/optional/.test(row) ? [name] : [],
    );
    expect([...new Set(fields)].sort()).toEqual(Object.keys(plan).sort());
  });

  test.each<["plan" | "pull", ParseSelectionOptions]>([
    ["plan", {}],
    ["pull", {}],
    [
      "pull",
      {
        includePlatform: ">=1.69",
        includeModules: ["console@^1.0", "neuvector"],
        includePackages: ["postgres@>=2"],
        includePlugins: ["stronghold@>=0.9"],
      },
    ],
    ["pull", { proxyRegistry: true, includePlatform: "^1.69.5", includeModules: ["console@^1.0"] }],
  ])("%s %j asks for nothing twice, and for one token per repository", async (command, wishes) => {
    const user = { username: "license-token", password: MARKER };
    await using registry = await startFaultRegistry({
      faults: { auth: { scheme: "bearer", credentials: user } },
    });
    await using directory = await openTempDirectory();
    seedEdition(registry);
    const credentials = async () => ({ kind: "password" as const, ...user, origin: "test" });
    await using client = openRegistryClient({ credentials });
    const source = `${registry.host}/${EDITION_ROOT}`;
    const { selection } = parseSelection({ source, ...wishes });
    const bundlePath = directory.resolve("bundle");
    const run = command === "plan" ? planPull : pull;
    await run({ bundlePath, selection, openSource: client.repository });
    const { entries } = registry.log;
    // The first answer tells where tokens are to be had
    expect(entries.filter(({ status }) => status === 401)).toHaveLength(1);
    const answered = entries.filter(({ status }) => status !== 401);
    // Whatever its method, a request asks for what its path names
    const keys = answered.map(({ path, query }) => `${path}?${query}`);
    expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
    expect(keys.filter((key) => key.includes("_catalog"))).toEqual([]);
    const asked = keys.flatMap(
      (key) => /^\/v2\/(.+)\/(?:manifests|blobs|tags)\//.exec(key)?.[1] ?? [],
    );
    const tokens = keys.filter((key) => key.includes("scope="));
    expect(tokens).toHaveLength(new Set(asked).size);
  });
});
