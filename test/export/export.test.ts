import { readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { gunzipSync } from "node:zlib";
import { decompress } from "fzstd";
import { describe, expect, onTestFinished, test } from "vitest";
import { exportBundle } from "../../src/export/export-bundle.ts";
import type { ExportForm } from "../../src/export/export-options.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import {
  entriesOf,
  ONLY_IMAGES,
  sha256,
  writeSampleBundle,
} from "../bundle/support/sample-bundle.ts";
import { AMD64, ARM64, artifact, blob, image, index } from "../support/artifacts.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const WEB = "registry.test/acme/web:2.0";

interface IndexDocument {
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform?: { readonly architecture: string };
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
}

async function readEntries(path: string): Promise<Map<string, Buffer>> {
  const tar = await readFile(path);
  const entries = await entriesOf(tar);
  return new Map(
    entries.map(({ path: name, offset, size }) => [name, tar.subarray(offset, offset + size)]),
  );
}

function parse<Document>(entries: Map<string, Buffer>, name: string): Document {
  return JSON.parse(String(entries.get(name))) as Document;
}

async function writeBundle(directory: TempDirectory, options = {}): Promise<string> {
  const path = directory.resolve("bundle");
  await writeSampleBundle(path, options);
  return path;
}

describe("exportBundle()", () => {
  test.each<ExportForm>(["docker-archive", "oci-archive", "k3s"])(
    "two runs of %s are byte-identical, from chunks too, under any umask and time zone",
    async (form) => {
      await using directory = await openTempDirectory();
      const [whole, chunked] = [directory.resolve("whole"), directory.resolve("chunked")];
      await writeSampleBundle(whole);
      await writeSampleBundle(chunked, { chunkSizeBytes: 16_000 });
      const out = [directory.resolve("one.tar"), directory.resolve("two.tar")] as const;
      const first = await exportBundle({ form, bundlePaths: [whole], out: out[0] });
      const [mask, zone] = [process.umask(0o077), process.env["TZ"]];
      try {
        process.env["TZ"] = "Pacific/Chatham";
        await exportBundle({ form, bundlePaths: [chunked], out: out[1] });
      } finally {
        process.umask(mask);
        if (zone === undefined) delete process.env["TZ"];
        else process.env["TZ"] = zone;
      }
      const [one, two] = [await readFile(out[0]), await readFile(out[1])];
      expect(one.equals(two)).toBe(true);
      expect(first).toMatchObject({ sha256: sha256(one), bytes: one.length });
    },
  );

  test("a file that has the bytes already keeps its time, and nothing is left beside it", async () => {
    await using directory = await openTempDirectory();
    const bundlePaths = [await writeBundle(directory)];
    const out = directory.resolve("out/k3s.tar");
    const options = { form: "k3s", bundlePaths, out } as const;
    expect(await exportBundle(options)).toMatchObject({ isWritten: true });
    await utimes(out, 1_000_000, 1_000_000);
    expect(await exportBundle(options)).toMatchObject({ isWritten: false });
    expect((await stat(out)).mtimeMs).toBe(1_000_000_000);
    expect(await readdir(directory.resolve("out"))).toEqual(["k3s.tar"]);
  });

  test("a k3s archive names every image for containerd and for Docker", async () => {
    await using directory = await openTempDirectory();
    const bundlePaths = [await writeBundle(directory)];
    const out = directory.resolve("k3s.tar");
    const { images } = await exportBundle({ form: "k3s", bundlePaths, out });
    const entries = await readEntries(out);
    const names = parse<IndexDocument>(entries, "index.json").manifests.map(
      ({ annotations }) => annotations?.["io.containerd.image.name"],
    );
    // kubelet asks for what is pinned by its digest, whatever tag stands before that
    const pinned = images.map(({ name, digest }) => `${name.replace(/:[^:/]*$/, "")}@${digest}`);
    const tagged = images.map(({ name }) => name).sort();
    expect(names.sort()).toEqual([...new Set([...tagged, ...pinned])].sort());
    expect(names).toContain("registry.test/acme/modules/foo:v1.1.0");
    const loaded = parse<readonly { RepoTags: readonly string[] }[]>(entries, "manifest.json");
    expect(loaded.flatMap(({ RepoTags }) => RepoTags).sort()).toEqual(tagged);
  });

  test("a platform rewrites indexes to what is there, and takes no bytes of the others", async () => {
    await using directory = await openTempDirectory();
    const bundlePaths = [await writeBundle(directory)];
    const out = directory.resolve("arm.tar");
    const { images } = await exportBundle({
      ...{ form: "k3s", bundlePaths, out, images: ["*web:*"], platforms: ["linux/arm64"] },
    });
    expect(images).toMatchObject([{ name: WEB, platforms: ["linux/arm64"] }]);
    const entries = await readEntries(out);
    const digest = String(images[0]?.digest).replace(":", "/");
    const root = parse<IndexDocument>(entries, `blobs/${digest}`);
    expect(root.manifests.map(({ platform }) => platform?.architecture)).toEqual(["arm64"]);
    const children = root.manifests.map((child) => `blobs/${child.digest.replace(":", "/")}`);
    expect([...entries.keys()]).toEqual(expect.arrayContaining(children));
    // oci-layout, index.json, manifest.json, index, manifest, config, one layer
    expect(entries.size).toBe(7);
  });

  test("what lacks a platform is left out with a notice, and not in silence", async () => {
    await using directory = await openTempDirectory();
    const repositories = {
      "acme/one": { v1: image({ name: "one", platform: AMD64 }) },
      "acme/many": {
        v1: index([image({ name: "a", platform: AMD64 }), image({ name: "b", platform: ARM64 })]),
      },
    };
    const path = directory.resolve("bundle");
    const names = ["registry.test/acme/one:v1", "registry.test/acme/many:v1"];
    await writeSampleBundle(path, {
      repositories,
      ...ONLY_IMAGES,
      includeImages: names,
    });
    const out = directory.resolve("arm.tar");
    const options = { form: "k3s", bundlePaths: [path], out, platforms: ["linux/arm64"] } as const;
    const { images, notices } = await exportBundle(options);
    expect(images.map(({ name }) => name)).toEqual([names[1]]);
    expect(notices.map(({ code }) => code)).toEqual(["PLATFORM_ABSENT"]);
  });

  test("what older Dockers do not read is told", async () => {
    await using directory = await openTempDirectory();
    const plain = image({ name: "plain" });
    const layer = blob(MEDIA_TYPE.imageLayerZstd, Buffer.from("as if it were compressed"));
    const [config] = plain.blobs;
    if (config === undefined) throw new Error("an image has a config");
    const zstd = artifact({ config, blobs: [layer] });
    const path = directory.resolve("bundle");
    const repositories = { "acme/zstd": { v1: zstd }, "acme/plain": { v1: plain } };
    const name = (repository: string) => `registry.test/acme/${repository}:v1`;
    await writeSampleBundle(path, {
      repositories,
      ...ONLY_IMAGES,
      includeImages: ["zstd", "plain"].map(name),
    });
    const codes = async (form: ExportForm, images: readonly string[]) => {
      const out = directory.resolve(`${form}.tar`);
      const { notices } = await exportBundle({ form, bundlePaths: [path], out, images });
      return notices.map(({ code }) => code);
    };
    expect(await codes("docker-archive", [name("zstd")])).toEqual(["LAYERS_ZSTD"]);
    expect(await codes("docker-archive", [name("plain")])).toEqual([]);
    expect(await codes("k3s", [name("zstd")])).toEqual([]);
  });

  test("runtimes get no artifacts, layouts do", async () => {
    await using directory = await openTempDirectory();
    const repositories = {
      "acme/web": { "2.0": image({ name: "web" }) },
      "acme/sbom": { v1: artifact({ artifactType: "application/vnd.example.sbom" }) },
    };
    const path = directory.resolve("bundle");
    await writeSampleBundle(path, {
      repositories,
      ...ONLY_IMAGES,
      includeImages: [WEB, "registry.test/acme/sbom:v1"],
    });
    const common = { bundlePaths: [path], out: directory.resolve("x") };
    const runnable = await exportBundle({ ...common, form: "k3s" });
    expect(runnable.images.map(({ name }) => name)).toEqual([WEB]);
    expect(runnable.notices.map(({ code }) => code)).toEqual(["NOT_RUNNABLE"]);
    await rm(common.out);
    const all = await exportBundle({ ...common, form: "oci-layout" });
    expect(all.images).toHaveLength(2);
    expect((await readdir(common.out)).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
    await expect(exportBundle({ ...common, form: "oci-layout" })).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });

  test("an archive that is compressed has the same tar inside, without a time", async () => {
    await using directory = await openTempDirectory();
    const bundlePaths = [await writeBundle(directory)];
    const [plain, zipped] = [directory.resolve("a.tar"), directory.resolve("a.tar.gz")];
    await exportBundle({ form: "oci-archive", bundlePaths, out: plain });
    await exportBundle({ form: "oci-archive", bundlePaths, out: zipped, compress: "gzip" });
    const bytes = await readFile(zipped);
    expect(gunzipSync(bytes).equals(await readFile(plain))).toBe(true);
    expect(bytes.readUInt32LE(4)).toBe(0);
  });

  test("an archive in zstd has the same tar inside, whatever Node.js can do itself", async () => {
    await using directory = await openTempDirectory();
    const bundlePaths = [await writeBundle(directory)];
    const [plain, zipped] = [directory.resolve("a.tar"), directory.resolve("a.tar.zst")];
    await exportBundle({ form: "k3s", bundlePaths, out: plain });
    await exportBundle({ form: "k3s", bundlePaths, out: zipped, compress: "zstd" });
    const bytes = decompress(await readFile(zipped));
    expect(Buffer.from(bytes).equals(await readFile(plain))).toBe(true);
  });

  test("a list for k3s has the names alone", async () => {
    await using directory = await openTempDirectory();
    const bundlePaths = [await writeBundle(directory)];
    const out = directory.resolve("images.txt");
    await exportBundle({ form: "k3s", bundlePaths, out, images: ["*web*"], list: true });
    expect(await readFile(out, "utf8")).toBe(`${WEB}\n`);
  });

  test("a pattern that fits nothing is refused, and names one that would", async () => {
    await using directory = await openTempDirectory();
    const bundlePaths = [await writeBundle(directory)];
    const out = directory.resolve("x.tar");
    const failing = exportBundle({ form: "k3s", bundlePaths, out, images: ["*nginx*"] });
    await expect(failing).rejects.toMatchObject({
      code: "SELECTION_UNMATCHED",
      hint: expect.stringContaining("registry.test/acme/"),
    });
    expect(await readdir(directory.path)).toEqual(["bundle"]);
  });

  test("a damaged layer ends the export, and what was there stays", async () => {
    await using directory = await openTempDirectory();
    const path = await writeBundle(directory);
    const out = directory.resolve("x.tar");
    const options = { form: "k3s", bundlePaths: [path], out, images: ["*web*"] } as const;
    await exportBundle(options);
    const before = await readFile(out);
    await damage(`${path}/images.tar`);
    await expect(exportBundle(options)).rejects.toThrow();
    expect((await readFile(out)).equals(before)).toBe(true);
    expect((await readdir(directory.path)).sort()).toEqual(["bundle", "x.tar"]);
  });

  test.each<ExportForm>(["docker-archive", "oci-archive", "k3s", "oci-layout"])(
    "an image that cannot be read is named, and the others are in the %s",
    async (form) => {
      await using directory = await openTempDirectory();
      const path = await writeBundle(directory);
      // The last one is for arm64
      await damage(`${path}/images.tar`, -2);
      const out = directory.resolve("x.tar");
      const report = await exportBundle({ form, bundlePaths: [path], out });
      expect(report).toMatchObject({
        complete: false,
        failures: [{ code: expect.stringMatching(/CORRUPT|MISMATCH/), subject: WEB }],
      });
      const names = report.images.map(({ name }) => name);
      expect(names).toContain("registry.test/acme/modules/foo:v1.1.0");
      expect(names).not.toContain(WEB);
      if (form === "oci-layout") return;
      const text = String(await readFile(out));
      expect(text).not.toContain("acme/web");
      expect(await readdir(directory.path)).toEqual(["bundle", "x.tar"]);
    },
  );

  test("what belongs to an image goes with it where the form can have it, and is named where it cannot", async () => {
    await using directory = await openTempDirectory();
    const web = image({ name: "web" });
    const subject = web.manifest.descriptor;
    const signature = artifact({ artifactType: "application/vnd.example.signature", subject });
    const path = directory.resolve("bundle");
    await writeSampleBundle(path, {
      repositories: { "acme/web": { "2.0": web, signed: signature } },
      ...ONLY_IMAGES,
      includeImages: [WEB],
    });
    const options = { bundlePaths: [path], images: ["*web:2.0"] };
    const layout = await exportBundle({
      ...{ ...options, form: "oci-layout", out: directory.resolve("layout") },
    });
    const { digest } = signature.manifest.descriptor;
    expect(layout.images.map((one) => one.name)).toEqual([WEB, `registry.test/acme/web@${digest}`]);
    const runnable = await exportBundle({
      ...{ ...options, form: "k3s", out: directory.resolve("k3s.tar") },
    });
    expect(runnable.images.map((one) => one.name)).toEqual([WEB]);
    expect(runnable.notices).toMatchObject([
      { code: "NOT_RUNNABLE", message: expect.stringContaining(digest) },
    ]);
  });
});

/** Turns a bit of the last layer of a tar, or of the one at another place. */
async function damage(path: string, at = -1): Promise<void> {
  const tar = await readFile(path);
  const { offset = 0 } = (await entriesOf(tar)).at(at) ?? {};
  tar[offset + 20] = (tar[offset + 20] ?? 0) ^ 1;
  await writeFile(path, tar);
}

describe("exportBundle() onto what must not be written over", () => {
  const form = "docker-archive";

  test.each(["images.tar", "bundle.json", "SHA256SUMS"])(
    "leaves %s of the bundle that it reads as it is",
    async (name) => {
      await using directory = await openTempDirectory();
      const bundlePath = await writeBundle(directory);
      const out = `${bundlePath}/${name}`;
      const before = sha256(await readFile(out));
      const refused = exportBundle({ form, bundlePaths: [bundlePath], out });
      await expect(refused).rejects.toMatchObject({
        code: "OPTION_INVALID",
        message: expect.stringMatching(/belongs to/),
      });
      expect(sha256(await readFile(out))).toBe(before);
      expect(await readdir(bundlePath)).not.toContain(`${name}.partial`);
    },
  );

  test("leaves a package that is named by itself, also behind a link", async () => {
    await using directory = await openTempDirectory();
    const path = `${await writeBundle(directory)}/images.tar`;
    const out = directory.resolve("link.tar");
    await symlink(path, out);
    await expect(exportBundle({ form, bundlePaths: [path], out })).rejects.toThrow(/belongs to/);
  });

  test("refuses a directory, and what is no file, before anything is written", async () => {
    await using directory = await openTempDirectory();
    const bundlePaths = [await writeBundle(directory)];
    // Never a device of this machine: it would be gone where this fails
    const socket = directory.resolve("socket");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    onTestFinished(() => void server.close());
    const refusal = (out: string) => exportBundle({ form, bundlePaths, out });
    await expect(refusal(directory.path)).rejects.toThrow(/is a directory/);
    await expect(refusal(socket)).rejects.toThrow(/is no file/);
    expect((await stat(socket)).isSocket()).toBe(true);
  });

  test("may write beside the files of a bundle, twice", async () => {
    await using directory = await openTempDirectory();
    const bundlePath = await writeBundle(directory);
    const out = `${bundlePath}/k3s.tar`;
    for (const isWritten of [true, false]) {
      expect(await exportBundle({ form, bundlePaths: [bundlePath], out })).toMatchObject({
        isWritten,
      });
    }
  });
});
