import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, test } from "vitest";
import { recogniseBytes, recogniseText } from "../../../src/bundle/read/recognise.ts";
import { inspectBundle } from "../../../src/inspect/inspect.ts";
import { planPushAll } from "../../../src/push/push-all.ts";
import { verifyBundle } from "../../../src/verify/verify.ts";
import { image } from "../../support/artifacts.ts";
import { d8Layout, d8Package, gnuTar, writeChunks } from "../../support/d8-bundle.ts";
import { eachTest } from "../../support/fixture.ts";
import { runProcess } from "../../support/run-process.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";
import { requireTool } from "../../support/tool.ts";
import { writeSampleBundle } from "../support/sample-bundle.ts";

const directory = eachTest(openTempDirectory);

async function write(name: string, bytes: Buffer | string): Promise<string> {
  const path = directory.resolve(name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  return path;
}

async function packageOf(name = "web"): Promise<Buffer> {
  const images = [{ artifact: image({ name }), tag: "1.0", refName: `registry.test/${name}:1.0` }];
  return d8Package({ "": await d8Layout(images, { generation: "old" }) });
}

interface Said {
  readonly message: string;
  readonly hint: string;
}

/** What push, inspect and verify say; they must say the same. */
async function sayAll(bundlePath: string): Promise<Said[]> {
  const target = { registry: "registry.test", repository: "repo" };
  const errorOf = async (run: Promise<unknown>): Promise<Said> => {
    const outcome = await run.then(
      () => ({ message: "done", hint: "" }),
      (error: unknown) => error as Said,
    );
    return { message: outcome.message, hint: outcome.hint };
  };
  const verified = await verifyBundle({ bundlePath }).then(
    ({ problems }) => problems.map(({ message, hint = "" }) => ({ message, hint })),
    (error: unknown) => [error as Said],
  );
  return [
    await errorOf(planPushAll({ bundlePaths: [bundlePath], target })),
    await errorOf(inspectBundle({ bundlePath })),
    ...verified,
  ];
}

async function expectAllSay(path: string, message: string, hint: string): Promise<void> {
  const said = await sayAll(path);
  expect(said.length).toBeGreaterThanOrEqual(3);
  for (const one of said) {
    expect(one.message).toContain(message);
    expect(one.hint).toContain(hint);
    expect(one.hint).not.toMatch(/copy (?:it|the)/i);
  }
}

describe("push, inspect and verify name another kind of file and the command that helps", () => {
  test.each([
    ["web.tar.gz", "gzip -dk"],
    ["web.tgz", "gzip -dc"],
    ["web.tar", "web.tar.gz && gzip -d"],
    ["web.oci", "web.oci.gz && gzip -d"],
    ["web", "web.gz && gzip -d"],
  ])("a package that is compressed with gzip and called %s", async (name, hint) => {
    const path = await write(name, gzipSync(await packageOf()));
    await expectAllSay(path, "compressed with gzip", hint);
  });

  test.each([
    ["web.tar.zst", [0x28, 0xb5, 0x2f, 0xfd], "zstd -dk"],
    ["web.tar", [0x28, 0xb5, 0x2f, 0xfd], "zstd -d"],
    ["web.tar.xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "xz -dk"],
    ["web.tar.bz2", [0x42, 0x5a, 0x68, 0x39], "bzip2 -dk"],
    ["web.zip", [0x50, 0x4b, 0x03, 0x04], "unzip"],
    ["web.7z", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], "7z x"],
    ["web.rar", [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07, 0x01, 0x00], "unrar x"],
  ])("%s by its first bytes", async (name, head, hint) => {
    const path = await write(name, Buffer.from([...head, ...Buffer.alloc(2000, "x")]));
    await expectAllSay(path, "compressed with", hint);
  });

  requireTool("sh", "gzip", "mv").test(
    "the command for a compressed package makes one that is complete",
    async () => {
      const path = await write("web.tar", gzipSync(await packageOf()));
      const [said] = await sayAll(path);
      const command = said?.hint.split(": ")[1] ?? "";
      expect(await runProcess("sh", ["-c", command])).toMatchObject({ exitCode: 0 });
      expect(await verifyBundle({ bundlePath: path })).toMatchObject({ complete: true });
    },
  );

  test("a directory of compressed packages", async () => {
    await write("images.tar.gz", gzipSync(await packageOf()));
    await expectAllSay(directory.path, "compressed", "gzip -dk");
  });

  test("a package that was compressed and cut into chunks", async () => {
    const tar = gzipSync(await packageOf());
    await writeChunks(directory.path, "images", { tar, sizes: [200] });
    await expectAllSay(
      directory.path,
      "compressed with gzip",
      "*.chunk | gzip -d > images-whole.tar",
    );
  });

  test.each([
    ["bundle/bundle.json", "bundle/images.tar"],
    ["./images.tar.0000.chunk", "./SHA256SUMS"],
  ])("a tar of a bundle's directory, with %s", async (...names) => {
    const path = await write("b.tar", gnuTar(names.map((name) => [name, Buffer.from("x")])));
    await expectAllSay(path, "tar of the directory of a bundle", `tar -xf ${path}`);
  });

  test("an archive of imgpkg, which has a manifest.json of its own", async () => {
    const names = ["manifest.json", `sha256-${"ab".repeat(32)}.tar.gz`];
    const path = await write("i.tar", gnuTar(names.map((name) => [name, Buffer.from("[]")])));
    await expectAllSay(path, "archive of imgpkg", "imgpkg copy");
  });

  test.each([
    [["etc/passwd", "usr/bin/sh"], "docker save"],
    [["notes.txt"], "Name a bundle"],
  ])("a tar of other files: %j", async (names, hint) => {
    const path = await write("a.tar", gnuTar(names.map((name) => [name, Buffer.from("x")])));
    await expectAllSay(path, "tar of other files", hint);
  });

  requireTool("sh", "ln", "mkfifo", "tar").test(
    "a real file system, with links and devices",
    async () => {
      await write("root/etc/passwd", "root\n");
      const made = await runProcess("sh", [
        "-c",
        `cd ${directory.path}/root && ln -s passwd etc/link && mkfifo etc/pipe && tar -cf ../fs.tar etc`,
      ]);
      expect(made).toMatchObject({ exitCode: 0 });
      await expectAllSay(directory.resolve("fs.tar"), "tar of other files", "docker save");
    },
  );

  test("an empty directory", async () => {
    await expectAllSay(directory.path, "the directory is empty", "Mount the medium");
  });

  test("an unpacked archive of docker save", async () => {
    await write("manifest.json", "[]");
    await write(`${"a".repeat(64)}.json`, "{}");
    await expectAllSay(directory.path, "unpacked archive", "tar -cf saved.tar");
  });

  test("an image that skopeo wrote to dir:", async () => {
    await write("manifest.json", "{}");
    await write("version", "Directory Transport Version: 1.1\n");
    await write("a".repeat(64), "a blob");
    await expectAllSay(
      directory.path,
      'as skopeo writes it to "dir:"',
      "Let skopeo write it as an image layout",
    );
  });

  test("the medium that a bundle or a layout lies on", async () => {
    await write("lost+found/x", "");
    await write("week 1/bundle.json", "{}");
    await write("images/index.json", "{}");
    await write("images/blobs/sha256/x", "");
    const places = `${directory.resolve("images")}, '${directory.resolve("week 1")}'`;
    await expectAllSay(directory.path, "no bundle.json", `Name what is in it: ${places}`);
  });

  test("the storage of a registry", async () => {
    await write("docker/registry/v2/blobs/x", "");
    await expectAllSay(directory.path, "no bundle.json", "start one over it");
  });

  test("a tar in which another program has put a layout beside files of its own", async () => {
    const files = await d8Layout([{ artifact: image({ name: "one" }), tag: "1" }], {
      generation: "new",
    });
    const entries = [...files].map(([name, bytes]) => [`images/${name}`, bytes] as const);
    const path = await write("a.tar", gnuTar([["zarf.yaml", Buffer.from("x")], ...entries]));
    await expectAllSay(path, "zarf.yaml", 'a directory that has an image layout ("images")');
  });

  test("one file of a bundle instead of its directory", async () => {
    const path = await write("bundle.json", "{}");
    await expectAllSay(path, "one file of a bundle", "the directory");
    const index = await write("index.json", "{}");
    await expectAllSay(index, "one file of an image layout", "the directory");
  });

  test("an archive whose name says nothing is read as any other", async () => {
    const path = await write("saved-image", await packageOf());
    expect((await inspectBundle({ bundlePath: path })).totals.images).toBe(1);
    expect(await verifyBundle({ bundlePath: path })).toMatchObject({ complete: true });
  });
});

describe("of a bundle, push, inspect and verify name", () => {
  beforeEach(async () => {
    await writeSampleBundle(directory.path);
  });

  /** The first file of a package. */
  async function packageFile(): Promise<string> {
    const names = (await readdir(directory.path)).sort();
    return names.find((name) => name.includes(".tar")) ?? "";
  }

  const move = (from: string, to: string) => rename(directory.resolve(from), directory.resolve(to));

  requireTool("sh", "mv").test.each([
    ["in upper case", (name: string) => name.toUpperCase()],
    ["as a browser calls a second copy", (name: string) => name.replace(/(\.\w+)$/, " (1)$1")],
    ["as a desktop calls a copy", (name: string) => name.replace(/(\.\w+)$/, " - Copy$1")],
  ])("the file that is missing and there %s, and how to rename it", async (_, nameOf) => {
    const name = await packageFile();
    await move(name, nameOf(name));
    const said = await sayAll(directory.path);
    expect(said[0]?.message).toContain(`only "${nameOf(name)}" is there`);
    expect(said[0]?.hint).toMatch(/^Rename it: mv /);
    expect(said.map(({ hint }) => hint).join()).not.toMatch(/from the source medium/);
    const command = said[0]?.hint.slice("Rename it: ".length) ?? "";
    expect(await runProcess("sh", ["-c", command])).toMatchObject({ exitCode: 0 });
    expect(await verifyBundle({ bundlePath: directory.path })).toMatchObject({ complete: true });
  });

  test("bundle.json in upper case", async () => {
    await move("bundle.json", "BUNDLE.JSON");
    for (const { message, hint } of await sayAll(directory.path)) {
      expect(message).toContain('only "BUNDLE.JSON" is there');
      expect(hint).toMatch(/^Rename it: mv /);
    }
  });

  test("a package that is compressed, beside its name and under it", async () => {
    const name = await packageFile();
    const bytes = await readFile(directory.resolve(name));
    await write(name, gzipSync(bytes));
    const [pushed, , ...verified] = await sayAll(directory.path);
    for (const { message, hint } of [pushed, verified[0]].flatMap((said) => said ?? [])) {
      expect(message).toContain("compressed with gzip");
      expect(hint).toContain("gzip -d");
    }
    expect(verified).toHaveLength(1);
    await rm(directory.resolve(name));
    await write(`${name}.gz`, gzipSync(bytes));
    const [said] = await sayAll(directory.path);
    expect(said?.message).toContain(`only "${basename(name)}.gz" is there`);
    expect(said?.hint).toContain("gzip -dk");
  });

  requireTool("sh", "sed").test.each([
    [
      "SHA256SUMS",
      "line ends of Windows",
      (text: string) => text.replaceAll("\n", "\r\n"),
      "Windows",
    ],
    ["SHA256SUMS", "a byte order mark", (text: string) => `\ufeff${text}`, "byte order mark"],
    [
      "bundle.json",
      "line ends of Windows",
      (text: string) => text.replaceAll("\n", "\r\n"),
      "Windows",
    ],
    ["bundle.json", "a byte order mark", (text: string) => `\ufeff${text}`, "byte order mark"],
    [
      "bundle.json",
      "both",
      (text: string) => `\ufeff${text.replaceAll("\n", "\r\n")}`,
      "and its lines",
    ],
  ])("%s with %s, once, and the command that turns it back", async (name, _, change, reason) => {
    const text = await readFile(directory.resolve(name), "utf8");
    await write(name, change(text));
    const said = await sayAll(directory.path);
    expect(said).toHaveLength(3);
    for (const { message, hint } of said) {
      expect(message).toContain(reason);
      expect(hint).not.toMatch(/copy/i);
    }
    const command = said[0]?.hint.slice("Turn it back: ".length) ?? "";
    expect(await runProcess("sh", ["-c", command])).toMatchObject({ exitCode: 0 });
    expect(await verifyBundle({ bundlePath: directory.path })).toMatchObject({ complete: true });
  });

  requireTool("sh", "iconv", "mv").test(
    "SHA256SUMS that was saved as UTF-16, and the command that turns it back",
    async () => {
      const text = await readFile(directory.resolve("SHA256SUMS"), "utf8");
      await write("SHA256SUMS", Buffer.from(`\ufeff${text.replaceAll("\n", "\r\n")}`, "utf16le"));
      const [said] = await sayAll(directory.path);
      expect(said?.message).toContain("UTF-16");
      const command = (said?.hint.slice("Turn it back: ".length) ?? "").replaceAll(
        "fixed",
        directory.resolve("fixed"),
      );
      expect(await runProcess("sh", ["-c", command])).toMatchObject({ exitCode: 0 });
      expect(await verifyBundle({ bundlePath: directory.path })).toMatchObject({ complete: true });
    },
  );
});

describe("a bundle of another program", () => {
  test.each([
    "module-foo.tar.0001 (1).chunk",
    "module-foo.tar.0001.chunk (1)",
    "MODULE-FOO.TAR.0001.CHUNK",
  ])('names "%s" beside the chunk that is missing, also the last one', async (copy) => {
    const tar = d8Package({
      "modules/foo": await d8Layout([{ artifact: image(), tag: "v1" }], { generation: "new" }),
    });
    await writeChunks(directory.path, "module-foo", { tar, sizes: [1000] });
    await rename(directory.resolve("module-foo.tar.0001.chunk"), directory.resolve(copy));
    const [said] = await sayAll(directory.path);
    expect(said?.message).toContain(`only "${copy}" is there`);
    expect(said?.hint).toContain("Rename it: mv ");
  });
});

describe("recogniseBytes() and recogniseText()", () => {
  test("say nothing of a tar and of a text as it was written", async () => {
    expect(recogniseBytes("a.tar", await packageOf())).toBeUndefined();
    expect(recogniseBytes("a.tar", Buffer.alloc(0))).toBeUndefined();
    expect(recogniseText("SHA256SUMS", Buffer.from("abc  a.tar\n"))).toBeUndefined();
  });

  test("write a path with blanks and quotes as a word of a shell", () => {
    const { hint } = recogniseBytes("my 'b.tar.gz", Buffer.from([0x1f, 0x8b])) ?? {};
    expect(hint).toContain(`'my '\\''b.tar.gz'`);
  });
});
