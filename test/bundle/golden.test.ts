import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { openBundle } from "../../src/bundle/read/bundle-reader.ts";
import { inspectBundle } from "../../src/inspect/inspect.ts";
import { verifyBundle } from "../../src/verify/verify.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { findTool, requireTool } from "../support/tool.ts";

const SCRIPT = fileURLToPath(new URL("../../fixtures/bundle/make.mjs", import.meta.url));
const FIXTURES = fileURLToPath(new URL("../../fixtures/bundle/v1", import.meta.url));

const IMAGES = {
  minimal: ["modules/foo:v1.0.0"],
  chunked: [
    "modules/foo/release:stable,v1.1.0",
    "modules/foo:v1.0.0",
    "modules/foo:v1.1.0",
    "registry.test/acme/web:2.0",
  ],
};

describe.each(["minimal", "chunked"] as const)("the golden bundle v1/%s", (name) => {
  const bundlePath = join(FIXTURES, name);

  test("is made again byte for byte by the writer", async () => {
    await using directory = await openTempDirectory();
    const made = await runProcess(process.execPath, [SCRIPT, directory.path]);
    expect(made).toMatchObject({ exitCode: 0, stderr: "" });
    const files = await readdir(bundlePath);
    expect(await readdir(directory.resolve(name))).toEqual(files);
    for (const file of files) {
      const [wanted, found] = await Promise.all([
        readFile(join(bundlePath, file)),
        readFile(directory.resolve(name, file)),
      ]);
      expect(found.equals(wanted), file).toBe(true);
    }
  });

  test("is complete and undamaged", async () => {
    expect(await verifyBundle({ bundlePath })).toMatchObject({ complete: true, problems: [] });
  });

  test("holds the images that it was made of", async () => {
    const { packages } = await inspectBundle({ bundlePath });
    const images = packages.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
    expect(images.map(({ repository, tags }) => `${repository}:${tags.join(",")}`).sort()).toEqual(
      IMAGES[name],
    );
  });

  test("gives every blob with its digest", async () => {
    await using reader = await openBundle(bundlePath);
    for (const layout of reader.layouts) {
      for (const digest of layout.blobs.keys()) {
        await expect(reader.readDocument(layout, digest)).resolves.toBeInstanceOf(Buffer);
      }
    }
  });

  requireTool("sha256sum").test("passes sha256sum -c", async () => {
    const args = ["-c", "--strict", "SHA256SUMS"];
    const checked = await runProcess(findTool("sha256sum") ?? "", args, { cwd: bundlePath });
    expect(checked).toMatchObject({ exitCode: 0, stderr: "" });
  });

  requireTool("tar").test("is listed by cat and tar", async () => {
    const script = `cat module-foo.tar* | ${findTool("tar")} -t`;
    const { exitCode, stdout } = await runProcess("sh", ["-c", script], { cwd: bundlePath });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^modules\/foo\/oci-layout\nmodules\/foo\/index\.json\n/);
  });
});
