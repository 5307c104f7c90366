import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { inspectBundle } from "../../src/inspect/inspect.ts";
import type { PushEvent } from "../../src/push/events.ts";
import { push } from "../../src/push/push.ts";
import { planPushAll } from "../../src/push/push-all.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { verifyBundle } from "../../src/verify/verify.ts";
import { AMD64, ARM64, image, index } from "../support/artifacts.ts";
import {
  type D8Image,
  type D8LayoutOptions,
  d8Layout,
  d8Package,
  gnuTar,
  writeChunks,
} from "../support/d8-bundle.ts";
import { eachTest } from "../support/fixture.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const GENERATIONS = ["old", "new"] as const;

const directory = eachTest(openTempDirectory);
const registry = eachTest(startFaultRegistry);

const named = (name: string, tag: string = name): D8Image => ({ artifact: image({ name }), tag });

function layout(images: readonly D8Image[], options: Partial<D8LayoutOptions> = {}) {
  return d8Layout(images, { generation: "new", ...options });
}

async function write(name: string, bytes: Buffer | string): Promise<void> {
  const path = directory.resolve(name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

async function pushTo(bundlePath = directory.path, modulesPathSuffix = "modules") {
  const events: PushEvent[] = [];
  await using client = openRegistryClient();
  const receipt = await push({
    bundlePath,
    target: { registry: registry.host, repository: "repo" },
    openTarget: (reference) => client.repository(reference),
    modulesPathSuffix,
    onEvent: (event) => events.push(event),
  });
  const notices = events.flatMap((event) => (event.type === "notice" ? [event.code] : []));
  const pushed = Object.fromEntries(
    receipt.images.map(({ repository, tag, found }) => [`${repository}:${tag}`, found]),
  );
  return { receipt, notices, pushed };
}

const digestOf = ({ artifact }: D8Image) => artifact.manifest.descriptor.digest;

async function expectSound(bundlePath = directory.path): Promise<void> {
  const { problems, complete } = await verifyBundle({ bundlePath });
  expect(problems).toEqual([]);
  expect(complete).toBe(true);
}

describe.each(GENERATIONS)("push() of a bundle of d8 mirror, %s generation", (generation) => {
  const hex = digestOf(named("component")).slice("sha256:".length);
  const component: D8Image = { artifact: image({ name: "component" }), tag: hex };
  const [version, install, channel] = [named("v1"), named("install"), named("channel", "stable")];

  async function platform(): Promise<Buffer> {
    return d8Package({
      "": await layout([version, component], { generation }),
      install: await layout([{ ...install, tag: "v1" }], { generation }),
      "install-standalone": await layout([], { generation }),
      "release-channel": await layout([channel], { generation }),
    });
  }

  const expected = {
    ":v1": digestOf(version),
    [`:${hex}`]: digestOf(component),
    "install:v1": digestOf(install),
    "release-channel:stable": digestOf(channel),
  };

  test("puts the platform at its paths, with its digests", async () => {
    await write("platform.tar", await platform());
    await expectSound();
    const { pushed, receipt, notices } = await pushTo();
    expect(pushed).toEqual(expected);
    expect(receipt.complete).toBe(true);
    expect(notices).toEqual(["NO_MANIFEST"]);
  });

  test("joins chunks whose sizes overshoot, also with an empty last one", async () => {
    const tar = await platform();
    const sizes = [1000, 1024, 1500, 3000, tar.length - 6524];
    await writeChunks(directory.path, "platform", { tar, sizes });
    await write("platform.tar.0000.chunk.gostsum.txt", "foreign");
    await expectSound();
    expect((await pushTo()).pushed).toEqual(expected);
  });

  test("takes one file of the bundle", async () => {
    await write("platform.tar", await platform());
    await write("module-foo.tar", "not a tar");
    expect((await pushTo(directory.resolve("platform.tar"))).pushed).toEqual(expected);
  });

  test("takes several chunks that are named for one package", async () => {
    await writeChunks(directory.path, "platform", { tar: await platform(), sizes: [5000] });
    const bundlePaths = [1, 0].map((at) => directory.resolve(`platform.tar.000${at}.chunk`));
    const target = { registry: registry.host, repository: "repo" };
    const { images } = await planPushAll({ bundlePaths, target });
    expect(images).toHaveLength(Object.keys(expected).length);
  });
});

describe("push() of a module of d8 mirror", () => {
  const [version, channel, extra] = [named("v1"), named("stable"), named("scanner", "3")];
  const expected = {
    "modules/foo:v1": digestOf(version),
    "modules/foo/release:stable": digestOf(channel),
    "modules/foo/extra/scanner:3": digestOf(extra),
  };

  async function layouts(prefix: string) {
    return {
      [prefix]: await layout([version]),
      [`${prefix}${prefix && "/"}release`]: await layout([channel]),
      [`${prefix}${prefix && "/"}extra/scanner`]: await layout([extra]),
    };
  }

  test("puts a module of the new generation where its path says", async () => {
    await write("module-foo.tar", d8Package(await layouts("modules/foo")));
    expect((await pushTo()).pushed).toEqual(expected);
  });

  test("puts a module without inner path where its file name says", async () => {
    const tar = d8Package({ ...(await layouts("")), extra: await layout([]) });
    await write("module-foo.tar", tar);
    await expectSound();
    expect((await pushTo()).pushed).toEqual(expected);
    const tags = registry.content.repository("repo/modules").tags;
    expect([...tags.keys()]).toEqual(["foo"]);
  });

  test.each([
    ["", "modules/foo", "repo/modules"],
    ["/modules", "modules/foo", "repo/modules"],
    ["modules/", "modules/foo", "repo/modules"],
    ["/", "foo", "repo"],
    ["/my/mods", "my/mods/foo", "repo/my/mods"],
    ["my/mods/", "my/mods/foo", "repo/my/mods"],
  ])(
    "the suffix %j moves it to %s, with its name in %s, and nothing else",
    async (suffix, path, catalog) => {
      const install = named("v1.76.2");
      await write("module-foo.tar", d8Package(await layouts("")));
      await write("platform.tar", d8Package({ install: await layout([install]) }));
      const { notices, pushed } = await pushTo(directory.path, suffix);
      expect(notices.includes("MODULES_MOVED")).toBe(path !== "modules/foo");
      const moved = Object.entries(expected).map(([name, digest]) => [
        name.replace("modules/foo", path),
        digest,
      ]);
      const others = { "install:v1.76.2": digestOf(install) };
      expect(pushed).toEqual({ ...Object.fromEntries(moved), ...others });
      expect([...registry.content.repository(catalog).tags.keys()]).toEqual(["foo"]);
    },
  );

  test("refuses a suffix that is no path before it sends anything", async () => {
    await write("module-foo.tar", d8Package(await layouts("")));
    await expect(pushTo(directory.path, "../mods")).rejects.toThrow("`modulesPathSuffix`");
    expect(registry.log.entries).toEqual([]);
  });

  test("reads entries whose names need a GNU long link", async () => {
    const name = "a-module-with-a-name-that-is-too-long-for-one-header-block";
    await write(`module-${name}.tar`, d8Package({ [`modules/${name}`]: await layout([version]) }));
    await expectSound();
    expect((await pushTo()).pushed).toEqual({ [`modules/${name}:v1`]: digestOf(version) });
  });
});

describe("push() of the security databases of d8 mirror", () => {
  const [db, checks] = [named("db", "2"), named("checks", "0")];

  test.each([
    ["with", "security/"],
    ["without", ""],
  ])("lands in security/<db> %s the inner prefix", async (_, prefix) => {
    const tar = d8Package({
      [`${prefix}trivy-db`]: await layout([db]),
      [`${prefix}trivy-checks`]: await layout([checks]),
    });
    await write("security.tar", tar);
    await expectSound();
    expect((await pushTo()).pushed).toEqual({
      "security/trivy-db:2": digestOf(db),
      "security/trivy-checks:0": digestOf(checks),
    });
  });
});

describe("push() of what d8 mirror leaves in its packages", () => {
  const version = named("v1");
  const path = "modules/foo";
  const stray = `blobs/sha256/${"a".repeat(64)}123456`;

  test("takes the last of several descriptors of one tag", async () => {
    const other = named("other", "v1");
    await write("module-foo.tar", d8Package({ [path]: await layout([other, version]) }));
    await expectSound();
    expect((await pushTo()).pushed).toEqual({ "modules/foo:v1": digestOf(version) });
  });

  test("says that a descriptor without a short tag is not pushed", async () => {
    const tar = d8Package({ [path]: await layout([version, { artifact: image({ name: "x" }) }]) });
    await write("module-foo.tar", tar);
    const { pushed, notices } = await pushTo();
    expect(Object.keys(pushed)).toEqual(["modules/foo:v1"]);
    expect(notices).toContain("UNNAMED_MANIFESTS");
    expect((await verifyBundle({ bundlePath: directory.path })).notices[0]?.message).toMatch(
      /have no tag/,
    );
  });

  test("says which package has nothing to push", async () => {
    await write("module-foo.tar", d8Package({ [path]: await layout([version]) }));
    await write("platform.tar", d8Package({ "": await layout([]), install: await layout([]) }));
    const { notices } = await pushTo();
    expect(notices).toEqual(["EMPTY_PACKAGES", "NO_MANIFEST"]);
    const { complete, problems } = await verifyBundle({ bundlePath: directory.path });
    expect(complete).toBe(false);
    expect(problems).toMatchObject([{ code: "CONTENT_MISSING", file: "platform.tar" }]);
  });

  test("passes over half-downloaded blobs with a notice, and needs no oci-layout", async () => {
    const files = await layout([version], { extra: { [stray]: "x" }, withoutOciLayout: true });
    await write("module-foo.tar", d8Package({ [path]: files }));
    await expectSound();
    const { pushed, notices } = await pushTo();
    expect(pushed).toEqual({ "modules/foo:v1": digestOf(version) });
    expect(notices).toEqual(["STRAY_FILES", "NO_MANIFEST"]);
    const { notices: inspected } = await inspectBundle({ bundlePath: directory.path });
    expect(inspected[0]?.message).toContain(stray);
  });

  test("passes over directories", async () => {
    const files = [...(await layout([version]))].map(([name, bytes]) => [name, bytes] as const);
    const directories = [`${path}/`, `${path}/blobs/`].map(
      (name) => [name, Buffer.alloc(0)] as const,
    );
    const entries = files.map(([name, bytes]) => [`${path}/${name}`, bytes] as const);
    await write("module-foo.tar", gnuTar([...directories, ...entries]));
    expect(Object.keys((await pushTo()).pushed)).toEqual(["modules/foo:v1"]);
  });

  test.each([
    `${path}/blobs/sha256/..`,
    `${path}/blobs/sha256/../../x`,
    `../blobs/sha256/${"a".repeat(64)}1`,
    `/blobs/sha256/${"a".repeat(64)}1`,
    `${path}/run.sh`,
  ])('refuses the name "%s"', async (name) => {
    const files = [...(await layout([version]))].map(([file, bytes]) => [`${path}/${file}`, bytes]);
    const entries = [...files, [name, Buffer.from("x")]] as [string, Buffer][];
    await write("module-foo.tar", gnuTar(entries));
    await expect(pushTo()).rejects.toMatchObject({ code: "BUNDLE_CORRUPT" });
  });

  test("refuses a plain tar and chunks of the same package", async () => {
    const tar = d8Package({ [path]: await layout([version]) });
    await write("module-foo.tar", tar);
    await writeChunks(directory.path, "module-foo", { tar, sizes: [1000] });
    await expect(pushTo()).rejects.toMatchObject({
      code: "BUNDLE_CORRUPT",
      message: expect.stringContaining('claims the same part of package "module-foo"'),
      hint: expect.stringContaining("Remove the one"),
    });
  });

  test("goes on after a push that kept its state beside the bundle", async () => {
    await write("module-foo.tar", d8Package({ [path]: await layout([version]) }));
    await write(".mirror/push-0123456789abcdef.journal", "");
    expect(Object.keys((await pushTo()).pushed)).toEqual(["modules/foo:v1"]);
    await rm(directory.resolve(".mirror"), { recursive: true, force: true });
  });
});

describe("push() of a plain image layout", () => {
  const web = index([image({ name: "a", platform: AMD64 }), image({ name: "b", platform: ARM64 })]);
  const digest = web.manifest.descriptor.digest;
  const CONTAINERD = "io.containerd.image.name";

  async function writeAs(form: "directory" | "archive", item: D8Image): Promise<string> {
    const files = await layout([item], { generation: "old" });
    if (form === "archive") {
      await write("Some Image.tar", d8Package({ "": files }));
      return directory.resolve("Some Image.tar");
    }
    for (const [name, bytes] of files) await write(`layout/${name}`, bytes);
    await write("layout/blobs/sha256/notes.txt", "foreign");
    return directory.resolve("layout");
  }

  test.each([
    ["directory", "registry.test:5000/acme/web:1.0", "registry.test-5000/acme/web:1.0"],
    ["archive", "registry.test/acme/web:1.0", "registry.test/acme/web:1.0"],
    ["archive", "acme/web", "docker.io/acme/web:latest"],
  ] as const)("places the image of a %s that is called %s", async (form, refName, place) => {
    const path = await writeAs(form, { artifact: web, refName });
    await expectSound(path);
    expect((await pushTo(path)).pushed).toEqual({ [place]: digest });
    expect((await inspectBundle({ bundlePath: path })).totals.images).toBe(1);
  });

  test("takes the full name where there is one beside a bare tag", async () => {
    const annotations = { [CONTAINERD]: "docker.io/acme/web:2.0" };
    const path = await writeAs("archive", { artifact: web, refName: "2.0", annotations });
    expect((await pushTo(path)).pushed).toEqual({ "docker.io/acme/web:2.0": digest });
  });

  test("finds damage in a blob of a directory", async () => {
    const path = await writeAs("directory", { artifact: web, refName: "registry.test/web:1" });
    const hex = digest.slice("sha256:".length);
    await write(`layout/blobs/sha256/${hex}`, Buffer.alloc(web.manifest.bytes.length, "x"));
    const { problems } = await verifyBundle({ bundlePath: path });
    expect(problems).toMatchObject([{ file: hex, digest, images: ["registry.test/web:1"] }]);
  });
});
