import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { openBundleStore } from "../../../src/bundle/images/bundle-store.ts";
import { push } from "../../../src/push/push.ts";
import { planPushAll } from "../../../src/push/push-all.ts";
import { openRegistryClient } from "../../../src/registry/registry-client.ts";
import { image } from "../../support/artifacts.ts";
import { type D8Image, d8Layout, d8Package } from "../../support/d8-bundle.ts";
import { eachTest } from "../../support/fixture.ts";
import { startFaultRegistry } from "../../support/registry.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";

const directory = eachTest(openTempDirectory);
const registry = eachTest(startFaultRegistry);

const target = () => ({ registry: registry.host, repository: "repo" });

const release = (version: string, tag: string): D8Image => ({
  artifact: image({ layers: 0, files: { "version.json": JSON.stringify({ version }) } }),
  tag,
});

interface Packed {
  readonly versions: readonly string[];
  /** Tag → version that its `version.json` names. */
  readonly releases: Readonly<Record<string, string>>;
}

/** A package of one repository of versions and the repository of its releases. */
async function writePackage(
  name: string,
  [versionPath, releasePath]: readonly [string, string],
  { versions, releases }: Packed,
): Promise<string> {
  const built = versions.map((tag) => ({ artifact: image({ name: tag }), tag }));
  const channels = Object.entries(releases).map(([tag, version]) => release(version, tag));
  const tar = d8Package({
    [versionPath]: await d8Layout(built, { generation: "new" }),
    [releasePath]: await d8Layout(channels, { generation: "new" }),
  });
  const path = directory.resolve(`${name}.tar`);
  await writeFile(path, tar);
  return path;
}

async function pushTo(bundlePath: string, modulesPathSuffix = "modules") {
  await using client = openRegistryClient();
  const openTarget = client.repository;
  return push({ bundlePath, target: target(), openTarget, modulesPathSuffix });
}

function tagsOf(path: string): string[] {
  return [...registry.content.repository(`repo${path}`).tags.keys()].sort();
}

const MODULE = ["modules/foo", "modules/foo/release"] as const;
const BOTH: Packed = {
  versions: ["v1.0.0"],
  releases: { "v1.0.0": "v1.0.0", stable: "v1.0.0", alpha: "v2.0.0", "v2.0.0": "v2.0.0" },
};

describe("push() of a release channel whose version the bundle lacks", () => {
  test.each([
    ["a module", "module-foo", MODULE, "/modules/foo", "/release"],
    [
      "a package",
      "package-foo",
      ["packages/foo", "packages/foo/version"],
      "/packages/foo",
      "/version",
    ],
    ["the platform", "platform", ["", "release-channel"], "", "/release-channel"],
  ] as const)(
    "withholds the channel of %s and no other tag",
    async (_, name, paths, versions, releases) => {
      const receipt = await pushTo(await writePackage(name, paths, BOTH));
      expect(receipt.complete).toBe(false);
      expect(receipt.failures).toMatchObject([
        {
          code: "CONTENT_MISSING",
          message: expect.stringContaining(`"${paths[0]}:v2.0.0", which neither`),
          hint: expect.stringContaining("Push a bundle that has this version"),
        },
      ]);
      expect(tagsOf(versions)).toEqual(["v1.0.0"]);
      expect(tagsOf(versions + releases)).toEqual(["stable", "v1.0.0", "v2.0.0"]);
    },
  );

  test("moves it if the target has the version from another bundle", async () => {
    const newer = { versions: ["v2.0.0"], releases: { "v2.0.0": "v2.0.0" } };
    await pushTo(await writePackage("module-foo", MODULE, newer), "/");
    const receipt = await pushTo(await writePackage("module-foo", MODULE, BOTH), "/");
    expect(receipt.failures).toEqual([]);
    expect(tagsOf("/foo/release")).toEqual(["alpha", "stable", "v1.0.0", "v2.0.0"]);
  });

  test("leaves a channel where it is that would move to nothing", async () => {
    const older = { versions: ["v1.0.0"], releases: { alpha: "v1.0.0" } };
    await pushTo(await writePackage("module-foo", MODULE, older));
    const before = registry.content.repository("repo/modules/foo/release").tags.get("alpha");
    await pushTo(await writePackage("module-foo", MODULE, BOTH));
    const after = registry.content.repository("repo/modules/foo/release").tags.get("alpha");
    expect(after).toBe(before);
  });

  test("takes a version for there whose tag has no v", async () => {
    const bare = { versions: ["1.0.0"], releases: { stable: "1.0.0" } };
    expect((await pushTo(await writePackage("module-foo", MODULE, bare))).complete).toBe(true);
  });

  test("publishes what names no version", async () => {
    const tar = d8Package({
      "modules/foo/release": await d8Layout([{ artifact: image(), tag: "stable" }], {
        generation: "new",
      }),
    });
    await writeFile(directory.resolve("module-foo.tar"), tar);
    expect((await pushTo(directory.path)).complete).toBe(true);
  });
});

describe("planPushAll()", () => {
  test("says which channels point at what the bundle does not have", async () => {
    const path = await writePackage("module-foo", MODULE, BOTH);
    const { notices } = await planPushAll({ bundlePaths: [path], target: target() });
    expect(
      notices.map(({ message }) => message).filter((text) => text.includes("points at")),
    ).toEqual([
      expect.stringContaining('"modules/foo/release:alpha" points at "modules/foo:v2.0.0"'),
    ]);
    expect(registry.log.entries).toEqual([]);
  });

  test("refuses a layout that lacks a blob", async () => {
    const files = new Map(await d8Layout([release("v1.0.0", "stable")], { generation: "new" }));
    const [, layer = ""] = [...files.keys()].filter((name) => name.startsWith("blobs/"));
    files.delete(layer);
    await writeFile(directory.resolve("module-foo.tar"), d8Package({ "modules/foo": files }));
    const plan = planPushAll({ bundlePaths: [directory.path], target: target() });
    await expect(plan).rejects.toMatchObject({
      code: "BUNDLE_CORRUPT",
      message: expect.stringContaining(`lacks blob ${layer.slice(6).replace("/", ":")}`),
    });
  });
});

describe("push() of installers", () => {
  const platform = async (installers: readonly string[], releases: Packed["releases"]) => {
    const versions = ["v1.70.3", "1.71.0"];
    const built = (tags: readonly string[]) =>
      d8Layout(
        tags.map((tag) => ({
          artifact: image({ name: tag.replace(/^.*@/, "") }),
          tag: tag.replace(/@.*/, ""),
        })),
        { generation: "new" },
      );
    const channels = Object.entries(releases).map(([tag, version]) => release(version, tag));
    const path = directory.resolve("platform.tar");
    await writeFile(
      path,
      d8Package({
        "": await built(versions),
        install: await built(installers),
        "release-channel": await d8Layout(channels, { generation: "new" }),
      }),
    );
    return path;
  };
  const digestOf = (tag: string) => registry.content.repository("repo/install").tags.get(tag);

  test("tags the installer of each release channel with the channel, also of older bundles", async () => {
    const path = await platform(["v1.70.3", "1.71.0"], {
      stable: "v1.70.3",
      "rock-solid": "v1.70.3",
      alpha: "v1.71.0",
      "v1.70.3": "v1.70.3",
    });
    const { images } = await planPushAll({ bundlePaths: [path], target: target() });
    const planned = images.filter(({ repository }) => repository === "install");
    expect(planned.map(({ tags }) => tags)).toEqual([
      ["v1.70.3", "stable", "rock-solid"],
      ["1.71.0", "alpha"],
    ]);
    const receipt = await pushTo(path);
    expect(receipt.complete).toBe(true);
    expect(tagsOf("/install")).toEqual(["1.71.0", "alpha", "rock-solid", "stable", "v1.70.3"]);
    expect(digestOf("stable")).toEqual(digestOf("v1.70.3"));
    expect(digestOf("alpha")).toEqual(digestOf("1.71.0"));
    expect(receipt.images).toContainEqual(
      expect.objectContaining({ repository: "install", tag: "stable", outcome: "pushed" }),
    );
  });

  test("has the same tags where the bundle is read as a store, as a server does", async () => {
    const path = await platform(["v1.70.3"], { stable: "v1.70.3", alpha: "v1.71.0" });
    await using store = await openBundleStore(path);
    const installers = store.repository("install");
    const stable = await installers.resolve("stable");
    expect(stable.digest).toBe((await installers.resolve("v1.70.3")).digest);
    await expect(installers.resolve("alpha")).rejects.toMatchObject({ code: "CONTENT_MISSING" });
  });

  test("leaves the tags that the bundle has, and channels whose installer it lacks", async () => {
    const path = await platform(["v1.70.3", "stable@other"], {
      stable: "v1.70.3",
      alpha: "v1.71.0",
    });
    await pushTo(path);
    expect(tagsOf("/install")).toEqual(["stable", "v1.70.3"]);
    expect(digestOf("stable")).not.toEqual(digestOf("v1.70.3"));
  });
});
