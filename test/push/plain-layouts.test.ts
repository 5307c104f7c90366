import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { buildLayer } from "../../src/demo/image-builder.ts";
import { storeArtifact } from "../../src/demo/store-artifact.ts";
import { exportBundle } from "../../src/export/export-bundle.ts";
import { inspectBundle } from "../../src/inspect/inspect.ts";
import { type CosignSuffix, formatCosignTag } from "../../src/oci/cosign-tag.ts";
import { push } from "../../src/push/push.ts";
import { pushAll } from "../../src/push/push-all.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { verifyBundle } from "../../src/verify/verify.ts";
import { AMD64, ARM64, image, index } from "../support/artifacts.ts";
import { type D8Image, d8Layout, d8Package, gnuLink, gnuTar } from "../support/d8-bundle.ts";
import { eachTest } from "../support/fixture.ts";
import { referrer, SIGSTORE, SPDX } from "../support/referrers.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const directory = eachTest(openTempDirectory);
const registry = eachTest(startFaultRegistry);

async function write(name: string, bytes: Buffer | string): Promise<string> {
  const path = directory.resolve(name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  return path;
}

const [ONE, TWO] = [image({ name: "one" }), image({ name: "two" })];

const digestOf = ({ manifest }: typeof ONE) => manifest.descriptor.digest;

const tagged = (artifact: typeof ONE, refName: string): D8Image => ({ artifact, refName });

async function layoutTar(images: readonly D8Image[]): Promise<string> {
  return await write("web.tar", d8Package({ "": await d8Layout(images, { generation: "old" }) }));
}

async function pushTo(bundlePath: string, tag?: string) {
  await using client = openRegistryClient();
  const receipt = await push({
    bundlePath,
    target: { registry: registry.host, repository: "acme/web" },
    openTarget: (reference) => client.repository(reference),
    tag,
  });
  const pushed = receipt.images.map(({ repository, tag, found }) => [
    `${repository}:${tag}`,
    found,
  ]);
  return { receipt, pushed: Object.fromEntries(pushed) };
}

describe("push() of an image layout whose names say no repository", () => {
  test("a single image goes to the target itself, under its tag", async () => {
    const path = await layoutTar([tagged(ONE, "1.0")]);
    expect((await pushTo(path)).pushed).toEqual({ ":1.0": digestOf(ONE) });
    const { tags } = registry.content.repository("acme/web");
    expect(tags.get("1.0")).toBe(digestOf(ONE));
  });

  test("several go to the target, each under its tag", async () => {
    const path = await layoutTar([tagged(ONE, "1.0"), tagged(TWO, "2.0"), tagged(TWO, "latest")]);
    expect((await pushTo(path)).pushed).toEqual({
      ":1.0": digestOf(ONE),
      ":2.0": digestOf(TWO),
      ":latest": digestOf(TWO),
    });
    const { packages } = await inspectBundle({ bundlePath: path });
    expect(packages[0]?.layouts[0]?.images).toHaveLength(3);
  });

  test("full names count also in a directory that is packed with its own name", async () => {
    const files = await d8Layout([tagged(ONE, "host:5000/acme/one:1.0"), tagged(TWO, "two")], {
      generation: "old",
    });
    const path = await write("web.tar", d8Package({ "my-layout": files }));
    expect((await pushTo(path)).pushed).toEqual({
      "host-5000/acme/one:1.0": digestOf(ONE),
      "my-layout:two": digestOf(TWO),
    });
  });

  test("a directory is read as an archive is", async () => {
    const files = await d8Layout([tagged(ONE, "1.0")], { generation: "old" });
    for (const [name, bytes] of files) await write(`layout/${name}`, bytes);
    const { pushed } = await pushTo(directory.resolve("layout"));
    expect(pushed).toEqual({ ":1.0": digestOf(ONE) });
  });

  describe("with what belongs to the image", () => {
    const SBOM = referrer(ONE, SPDX, "an SBOM");
    const SIGNATURE = referrer(SBOM, SIGSTORE, "a signature of the SBOM");
    const [SIG, ATT] = [image({ name: "sig" }), image({ name: "att" })];
    const cosign = (artifact: typeof ONE, kind: string): D8Image => ({
      ...tagged(artifact, ""),
      annotations: { kind: `dev.cosignproject.cosign/${kind}` },
    });
    const COSIGN = [cosign(ONE, "image"), cosign(SIG, "sigs"), cosign(ATT, "atts")];
    const held = () => registry.content.repository("acme/web");
    const tagOf = (suffix: CosignSuffix) => formatCosignTag({ subject: digestOf(ONE), suffix });

    test("as oras writes it, each referrer goes there by its digest, and children of an index need no tag", async () => {
      const INDEX = index([ONE]);
      const path = await layoutTar([
        tagged(INDEX, "1.0"),
        ...[ONE, SIGNATURE, SBOM].map((one) => tagged(one, "")),
      ]);
      const { receipt } = await pushTo(path);
      expect(receipt.complete).toBe(true);
      expect(receipt.notices.map(({ code }) => code)).toEqual(["NO_MANIFEST"]);
      for (const one of [SBOM, SIGNATURE]) expect(held().manifests.has(digestOf(one))).toBe(true);
      expect([...held().tags.keys()]).toEqual(["1.0"]);
    });

    test("what belongs to nothing in it is told", async () => {
      const path = await layoutTar([tagged(TWO, "1.0"), tagged(SBOM, "")]);
      const { receipt } = await pushTo(path);
      expect(receipt.notices.map(({ code }) => code)).toContain("UNNAMED_MANIFESTS");
      expect(held().manifests.has(digestOf(SBOM))).toBe(false);
    });

    test("as cosign saves it, signatures get the tags that they had; the image gets the one that is asked for", async () => {
      const path = await layoutTar(COSIGN);
      expect((await pushTo(path, "1.0")).receipt.complete).toBe(true);
      expect(Object.fromEntries(held().tags)).toEqual({
        "1.0": digestOf(ONE),
        [tagOf("sig")]: digestOf(SIG),
        [tagOf("att")]: digestOf(ATT),
      });
      await expect(pushTo(path)).rejects.toMatchObject({ code: "CONTENT_INVALID" });
    });

    test("as cosign 3 saves it, bundles that its index does not list come too", async () => {
      const files = await d8Layout([...COSIGN, tagged(SBOM, "")], { generation: "old" });
      const listed = JSON.parse(String(files.get("index.json")));
      listed.manifests = listed.manifests.slice(0, COSIGN.length);
      const all = new Map([...files, ["index.json", Buffer.from(JSON.stringify(listed))] as const]);
      await pushTo(await write("web.tar", d8Package({ "": all })), "1.0");
      expect(held().manifests.has(digestOf(SBOM))).toBe(true);
    });

    test("as hauler writes it, an image keeps its name, and what shares it gets the places of a registry", async () => {
      const BOM = image({ name: "bom" });
      const stored = (artifact: typeof ONE, kind: string) => ({
        ...tagged(artifact, "acme/one:1.0"),
        annotations: {
          kind: `dev.hauler/${kind}`,
          "io.containerd.image.name": "registry.test/acme/one:1.0",
        },
      });
      const path = await layoutTar([
        stored(ONE, "image"),
        stored(SIG, "sigs"),
        stored(ATT, "atts"),
        stored(BOM, "sboms"),
        stored(SBOM, `referrers/${digestOf(SBOM).slice("sha256:".length)}`),
        { ...tagged(TWO, "hauler/chart:2.0"), annotations: { kind: "dev.hauler/image" } },
      ]);
      const { receipt } = await pushTo(path);
      expect(receipt.complete).toBe(true);
      expect(receipt.notices.map(({ code }) => code)).toEqual(["NO_MANIFEST"]);
      const { manifests, tags } = registry.content.repository("acme/web/registry.test/acme/one");
      expect(Object.fromEntries(tags)).toEqual({
        "1.0": digestOf(ONE),
        [tagOf("sig")]: digestOf(SIG),
        [tagOf("att")]: digestOf(ATT),
        [tagOf("sbom")]: digestOf(BOM),
      });
      expect(manifests.has(digestOf(SBOM))).toBe(true);
    });

    test("as hauler writes it, a signature without its image does not take the name of it", async () => {
      const annotations = { kind: "dev.cosignproject.cosign/sigs" };
      const path = await layoutTar([
        { ...tagged(SIG, "registry.test/acme/one:1.0"), annotations },
        tagged(TWO, "registry.test/acme/two:1.0"),
      ]);
      const { receipt, pushed } = await pushTo(path);
      expect(pushed).toEqual({ "registry.test/acme/two:1.0": digestOf(TWO) });
      expect(receipt.notices.map(({ code }) => code)).toContain("UNNAMED_MANIFESTS");
    });

    test("as regctl writes it, the list behind a fallback tag does not take the place of one that has more", async () => {
      const list = index([SBOM]);
      const fallback = digestOf(ONE).replace(":", "-");
      const path = await layoutTar([tagged(ONE, "1.0"), tagged(list, fallback)]);
      registry.setFaults({ referrers: 404, subjectHeader: "absent" });
      const theirs = referrer(ONE, SIGSTORE, "made in the target");
      const before = index([theirs]);
      storeArtifact(held(), before, [fallback]);
      await pushTo(path);
      const bytes = held().manifests.get(held().tags.get(fallback) ?? "")?.bytes;
      const { manifests } = JSON.parse(String(bytes));
      expect(manifests.map(({ digest }: { digest: string }) => digest)).toEqual(
        [theirs, SBOM].map(digestOf),
      );
    });
  });

  test("an image without a tag gets the one that is asked for, and is refused without", async () => {
    const path = await layoutTar([tagged(ONE, "")]);
    await expect(pushTo(path)).rejects.toMatchObject({
      code: "CONTENT_INVALID",
      message: expect.stringContaining(digestOf(ONE)),
      hint: "Name it with `tag`",
    });
    expect((await pushTo(path, "1.0")).pushed).toEqual({ ":1.0": digestOf(ONE) });
    const target = `${registry.host}/acme/other`;
    const flags = ["--insecure", "--receipt", directory.resolve("receipt.json")];
    const { status } = await runInProcess(["push", path, target, "--tag", "2.0", ...flags]);
    expect(status).toBe(0);
    expect(registry.content.repository("acme/other").tags.get("2.0")).toBe(digestOf(ONE));
  });

  test("of two images with one name, the last one counts, and the other one is told", async () => {
    const name = "registry.test/acme/one:1.0";
    const path = await layoutTar([tagged(ONE, name), tagged(TWO, name)]);
    const { receipt, pushed } = await pushTo(path);
    expect(pushed).toEqual({ [name]: digestOf(TWO) });
    const told = { code: "NAMES_REPEATED", message: expect.stringContaining(digestOf(ONE)) };
    expect(receipt.notices).toContainEqual(told);
    expect((await inspectBundle({ bundlePath: path })).notices).toContainEqual(told);
    expect((await verifyBundle({ bundlePath: path })).notices).toContainEqual(told);
  });

  test("two platforms of one image under one name, without an index, are refused", async () => {
    const files = await d8Layout(
      [ONE, TWO].map((one) => tagged(one, "registry.test/one:1.0")),
      {
        generation: "old",
      },
    );
    const listed = JSON.parse(String(files.get("index.json")));
    listed.manifests[1].platform = { os: "linux", architecture: "arm64" };
    const all = new Map([...files, ["index.json", Buffer.from(JSON.stringify(listed))] as const]);
    const path = await write("web.tar", d8Package({ "": all }));
    const message = expect.stringContaining("linux/amd64 and for linux/arm64 under one name");
    await expect(pushTo(path)).rejects.toMatchObject({ code: "CONTENT_INVALID", message });
    expect((await verifyBundle({ bundlePath: path })).problems).toMatchObject([
      { file: "web.tar", entry: "index.json", message },
    ]);
  });

  test("its digest beside its tag, as archives for containerd have it, is no other tag", async () => {
    const name = "registry.test/acme/one";
    const names = [`${name}:1.0`, `${name}@${digestOf(ONE)}`];
    const path = await layoutTar(names.map((one) => tagged(ONE, one)));
    expect((await pushTo(path)).pushed).toEqual({ "registry.test/acme/one:1.0": digestOf(ONE) });
    const alone = await layoutTar([tagged(ONE, names[1] ?? "")]);
    expect(Object.keys((await pushTo(alone)).pushed)).toHaveLength(1);
  });

  test.each(["branch:of:mine", "Feature/Login:1", "web:1@sha256:short"])(
    "a name that is no reference (%s) says no place, and is no damage",
    async (name) => {
      const path = await layoutTar([tagged(ONE, name)]);
      await expect(pushTo(path)).rejects.toMatchObject({
        code: "CONTENT_INVALID",
        hint: "Name it with `tag`",
      });
      expect((await pushTo(path, "1.0")).pushed).toEqual({ ":1.0": digestOf(ONE) });
    },
  );

  test("beside others, the one without a tag gets it, or a notice names it", async () => {
    const path = await layoutTar([tagged(ONE, "1.0"), tagged(TWO, "")]);
    const { receipt } = await pushTo(path);
    expect(receipt.notices).toMatchObject([
      { code: "UNNAMED_MANIFESTS", message: expect.stringContaining(digestOf(TWO)) },
      { code: "NO_MANIFEST" },
    ]);
    const { pushed } = await pushTo(path, "2.0");
    expect(pushed).toEqual({ ":1.0": digestOf(ONE), ":2.0": digestOf(TWO) });
  });

  test("an image that is listed with and without its tag needs no other", async () => {
    const path = await layoutTar([tagged(ONE, "1.0"), tagged(ONE, "")]);
    const { receipt } = await pushTo(path);
    expect(receipt.notices.map(({ code }) => code)).toEqual(["NO_MANIFEST"]);
  });

  test.each([
    ["where none is missing", [tagged(ONE, "1.0")], "2.0", "has a tag"],
    ["where several are missing", [tagged(ONE, ""), tagged(TWO, "")], "2.0", "2 images of"],
    ["that is none", [tagged(ONE, "")], "a/b", "takes a tag"],
  ])("a tag %s is refused before anything is sent", async (_, images, tag, message) => {
    const path = await layoutTar(images);
    await expect(pushTo(path, tag)).rejects.toThrow(message);
    expect(registry.log.entries).toEqual([]);
  });

  test("two images of one tag are refused: one would take the other's place", async () => {
    const path = await layoutTar([tagged(ONE, "latest"), tagged(TWO, "latest")]);
    await expect(pushTo(path)).rejects.toMatchObject({
      code: "CONTENT_INVALID",
      message: expect.stringContaining('both have the tag "latest"'),
    });
    expect(registry.log.entries).toEqual([]);
  });

  test("two archives of a directory with one tag are refused likewise", async () => {
    const pack = async (item: D8Image) =>
      d8Package({ "": await d8Layout([item], { generation: "old" }) });
    await write("a.tar", await pack(tagged(ONE, "latest")));
    await write("b.tar", await pack(tagged(TWO, "latest")));
    await expect(pushTo(directory.path)).rejects.toThrow('both have the tag "latest"');
  });
});

test("pushAll() refuses archives of one tag: the last would take the place of the first", async () => {
  const pack = async (item: D8Image) =>
    d8Package({ "": await d8Layout([item], { generation: "old" }) });
  const a = await write("a.oci", await pack(tagged(ONE, "latest")));
  const b = await write("b.oci", await pack(tagged(TWO, "latest")));
  await using client = openRegistryClient();
  const all = pushAll({
    bundlePaths: [a, b],
    target: { registry: registry.host, repository: "acme/web" },
    openTarget: (reference) => client.repository(reference),
  });
  await expect(all).rejects.toThrow('both have the tag "latest"');
  expect(registry.log.entries).toEqual([]);
});

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

/** A plain tar as layers of `docker save` are. */
async function plainLayer(name: string): Promise<Buffer> {
  const { content, descriptor } = buildLayer({ [name]: `${name}\n` });
  const bytes = Buffer.concat(await content.open(0, descriptor.size).toArray());
  return bytes[0] === 0x1f ? gunzipSync(bytes) : bytes;
}

interface SavedImage {
  readonly tags: readonly string[] | null;
  readonly layers: readonly Buffer[];
}

/** The files of `docker save` before version 25: layers in directories, doubles as links, the list last. */
function oldArchive(images: readonly SavedImage[]): Map<string, Buffer | { link: string }> {
  const files = new Map<string, Buffer | { link: string }>();
  const seen = new Map<string, string>();
  const list = images.map(({ tags, layers }) => {
    const diffIds = layers.map((layer) => `sha256:${sha256(layer)}`);
    const config = Buffer.from(
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        config: { Labels: { maintainer: "a", Maintainer: "b" }, Healthcheck: { Test: ["NONE"] } },
        rootfs: { type: "layers", diff_ids: diffIds },
      }),
    );
    const names = layers.map((layer, position) => {
      const id = sha256(Buffer.from(`${position} of ${sha256(config)}`));
      const [name, known] = [`${id}/layer.tar`, seen.get(sha256(layer))];
      files.set(`${id}/VERSION`, Buffer.from("1.0"));
      files.set(`${id}/json`, Buffer.from("{}"));
      files.set(name, known === undefined ? layer : { link: `../${known}` });
      if (known === undefined) seen.set(sha256(layer), name);
      return name;
    });
    files.set(`${sha256(config)}.json`, config);
    return { Config: `${sha256(config)}.json`, RepoTags: tags, Layers: names };
  });
  files.set("manifest.json", Buffer.from(JSON.stringify(list)));
  files.set("repositories", Buffer.from("{}"));
  return files;
}

function packed(files: ReadonlyMap<string, Buffer | { link: string }>): Buffer {
  const end = Buffer.alloc(1024);
  const entries = [...files].map(([name, content]) =>
    "link" in content ? gnuLink(name, content.link) : gnuTar([[name, content]]).subarray(0, -1024),
  );
  return Buffer.concat([...entries, end]);
}

describe("an archive of docker save with fewer platforms than its index", () => {
  const HERE = image({ name: "here", platform: AMD64 });
  const ELSEWHERE = image({ name: "elsewhere", platform: ARM64 });
  const annotations = { "io.containerd.image.name": "docker.io/acme/web:1.0" };

  // As the containerd store of Docker 29 writes it: the index is whole, what was not pulled is not there
  async function save(): Promise<string> {
    const artifact = index([HERE, ELSEWHERE]);
    const saved = [{ ...tagged(artifact, "1.0"), annotations }];
    const files = new Map(await d8Layout(saved, { generation: "old" }));
    const absent = [ELSEWHERE.manifest, ...ELSEWHERE.blobs].map(({ descriptor }) => descriptor);
    for (const { digest } of absent) files.delete(`blobs/${digest.replace(":", "/")}`);
    return await write("web.tar", d8Package({ "": files }));
  }

  test("is no damage that copying mends, and says which way there is", async () => {
    const bundlePath = await save();
    const { problems } = await verifyBundle({ bundlePath });
    expect(problems).toEqual([
      expect.objectContaining({ hint: expect.stringContaining("`exportBundle` and `platforms`") }),
    ]);
    await expect(
      exportBundle({ bundlePaths: [bundlePath], form: "oci-layout", out: directory.resolve("x") }),
    ).rejects.toMatchObject({
      code: "CONTENT_MISSING",
      hint: expect.stringContaining("platforms"),
    });
  });

  test("gives the platforms that are there when they are chosen", async () => {
    const out = directory.resolve("layout");
    await exportBundle({
      bundlePaths: [await save()],
      form: "oci-layout",
      out,
      platforms: ["linux/amd64"],
    });
    const { receipt } = await pushTo(out);
    expect(receipt.complete).toBe(true);
    expect(registry.content.repository("acme/web/docker.io/acme/web").tags.has("1.0")).toBe(true);
  });
});

describe("push() of an archive of docker save, old form", () => {
  test("makes the manifest, sends the layers as they are and says the digest", async () => {
    const [base, top] = [await plainLayer("base"), await plainLayer("top")];
    const images = [
      { tags: ["web:1.0", "registry.test/acme/web:latest"], layers: [base, top] },
      { tags: ["other:1"], layers: [base] },
    ];
    const path = await write("saved.tar", packed(oldArchive(images)));
    const { receipt, pushed } = await pushTo(path);
    const web = pushed["docker.io/library/web:1.0"];
    expect(Object.keys(pushed).sort()).toEqual([
      "docker.io/library/other:1",
      "docker.io/library/web:1.0",
      "registry.test/acme/web:latest",
    ]);
    expect(pushed["registry.test/acme/web:latest"]).toBe(web);
    const made = receipt.notices.filter(({ code }) => code === "MANIFEST_MADE");
    expect(made.some(({ message }) => message.includes(String(web)))).toBe(true);
    const { blobs, manifests } = registry.content.repository("acme/web/docker.io/library/web");
    expect([...blobs.keys()]).toEqual(
      expect.arrayContaining([`sha256:${sha256(base)}`, `sha256:${sha256(top)}`]),
    );
    expect(manifests.has(String(web))).toBe(true);
    expect(await verifyBundle({ bundlePath: path })).toMatchObject({
      complete: true,
      problems: [],
    });
    const { packages } = await inspectBundle({ bundlePath: path });
    const listed = packages[0]?.layouts[0]?.images.map(({ digest }) => digest);
    expect(new Set(listed)).toEqual(new Set(receipt.images.map(({ found }) => found)));
  });

  test("the same archive makes the same digest", async () => {
    const images = [{ tags: ["web:1.0"], layers: [await plainLayer("a")] }];
    const first = await pushTo(await write("a.tar", packed(oldArchive(images))));
    const second = await pushTo(await write("b.tar", packed(oldArchive(images))));
    expect(second.pushed).toEqual(first.pushed);
    expect(second.receipt.images[0]?.outcome).toBe("already-there");
  });

  test("an image that was saved by its id gets the tag that is asked for", async () => {
    const images = [{ tags: null, layers: [await plainLayer("a")] }];
    const path = await write("a.tar", packed(oldArchive(images)));
    await expect(pushTo(path)).rejects.toMatchObject({ hint: "Name it with `tag`" });
    expect(Object.keys((await pushTo(path, "1.0")).pushed)).toEqual([":1.0"]);
  });

  test("a layer that is compressed goes as it is", async () => {
    const layer = await plainLayer("a");
    const files = oldArchive([{ tags: ["web:1.0"], layers: [layer] }]);
    const name = [...files.keys()].find((path) => path.endsWith("layer.tar")) ?? "";
    files.set(name, gzipSync(layer));
    const path = await write("a.tar", packed(files));
    await pushTo(path);
    const { blobs } = registry.content.repository("acme/web/docker.io/library/web");
    expect(blobs.has(`sha256:${sha256(gzipSync(layer))}`)).toBe(true);
  });

  test("verify names what is damaged, and push sends no damaged layer", async () => {
    const layer = await plainLayer("a");
    const files = oldArchive([{ tags: ["web:1.0"], layers: [layer] }]);
    const name = [...files.keys()].find((path) => path.endsWith("layer.tar")) ?? "";
    files.set(name, Buffer.alloc(layer.length, "x"));
    const path = await write("a.tar", packed(files));
    const { problems, complete } = await verifyBundle({ bundlePath: path });
    expect(complete).toBe(false);
    expect(problems).toMatchObject([
      {
        code: "CONTENT_MISMATCH",
        entry: name,
        digest: `sha256:${sha256(layer)}`,
        images: ["docker.io/library/web:1.0"],
      },
    ]);
    expect((await pushTo(path)).receipt.complete).toBe(false);
  });

  test.each([
    ["the list", (path: string) => path === "manifest.json", 'no "manifest.json"'],
    ["a layer", (path: string) => path.endsWith("layer.tar"), "does not have"],
    ["a config", (path: string) => /^[0-9a-f]{64}\.json$/.test(path), "does not have"],
  ])("verify and push refuse one that lacks %s", async (_, isLost, message) => {
    const files = oldArchive([{ tags: ["web:1.0"], layers: [await plainLayer("a")] }]);
    for (const path of [...files.keys()].filter(isLost)) files.delete(path);
    const path = await write("a.tar", packed(files));
    const { problems } = await verifyBundle({ bundlePath: path });
    expect(problems.map((problem) => problem.message).join()).toContain(message);
    expect(problems.map(({ hint }) => hint).join()).toContain("docker save");
    await expect(pushTo(path)).rejects.toThrow(message);
  });

  test("verify finds damage in a config by its name", async () => {
    const files = oldArchive([{ tags: ["web:1.0"], layers: [await plainLayer("a")] }]);
    const name = [...files.keys()].find((path) => /^[0-9a-f]{64}\.json$/.test(path)) ?? "";
    const config = Buffer.from(String(files.get(name)).replace("amd64", "arm64"));
    const path = await write("a.tar", packed(files.set(name, config)));
    const { problems } = await verifyBundle({ bundlePath: path });
    expect(problems).toMatchObject([{ code: "CONTENT_MISMATCH" }]);
  });
});

describe("verifyBundle() does not call complete", () => {
  const EMPTY = { code: "CONTENT_MISSING", message: expect.stringContaining("no image") };

  test.each([
    ["a package without entries", () => Buffer.alloc(1024)],
    ["an archive of docker save without an image", () => packed(oldArchive([]))],
    [
      "a layout without an image",
      async () => d8Package({ "": await d8Layout([], { generation: "old" }) }),
    ],
  ])("%s", async (_, make) => {
    const path = await write("a.tar", await make());
    const { complete, problems } = await verifyBundle({ bundlePath: path });
    expect(problems).toMatchObject([EMPTY]);
    expect(complete).toBe(false);
    await expect(pushTo(path)).rejects.toMatchObject({ code: "CONTENT_MISSING" });
  });

  test("a layout whose index.json has no list of manifests", async () => {
    const path = await write("a.tar", gnuTar([["index.json", Buffer.from('{"schemaVersion":2}')]]));
    const { complete, problems } = await verifyBundle({ bundlePath: path });
    expect(problems[0]?.message).toContain("manifests is missing");
    expect(complete).toBe(false);
    await expect(pushTo(path)).rejects.toThrow("manifests is missing");
  });
});
