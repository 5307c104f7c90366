import { rm, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { inspectBundle } from "../../src/inspect/inspect.ts";
import { formatEntryHeader } from "../../src/tar/entry-header.ts";
import { writeSampleBundle } from "../bundle/support/sample-bundle.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

describe("inspectBundle()", () => {
  test("says what bundle.json says", async () => {
    await using directory = await openTempDirectory();
    const { schemaVersion, source, selection, packages, totals } = await writeSampleBundle(
      directory.path,
    );
    expect(await inspectBundle({ bundlePath: directory.path })).toEqual({
      schemaVersion,
      mediaType: "application/vnd.airgap-mirror.inspect.v1+json",
      source,
      selection,
      packages,
      totals,
      notices: [],
    });
  });

  test("finds the same images without bundle.json, and says what it cannot tell", async () => {
    await using directory = await openTempDirectory();
    const manifest = await writeSampleBundle(directory.path, { chunkSizeBytes: 16_000 });
    await rm(directory.resolve("bundle.json"));
    // It would say that the manifest is missing, not that there is none
    await rm(directory.resolve("SHA256SUMS"));
    const found = await inspectBundle({ bundlePath: directory.path });
    const list = (packages: typeof found.packages) =>
      packages.flatMap(({ layouts }) =>
        layouts.flatMap(({ path, images }) =>
          images.flatMap(({ repository, tags, digest, size }) =>
            tags.map((tag) => ({ path, repository, tag, digest, size })),
          ),
        ),
      );
    const byTag = (left: { readonly tag: string }, right: { readonly tag: string }) =>
      left.tag < right.tag ? -1 : 1;
    expect(list(found.packages).sort(byTag)).toEqual(list(manifest.packages).sort(byTag));
    expect(found.packages[0]?.files[0]).not.toHaveProperty("sha256");
    expect(found.totals).not.toHaveProperty("manifests");
    expect(found.notices).toEqual([
      {
        code: "NO_MANIFEST",
        message: "The bundle has no bundle.json: nothing says whether files of it are missing",
      },
    ]);
  });

  test("counts manifests that have no tag", async () => {
    await using directory = await openTempDirectory();
    const descriptor = {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: `sha256:${"a".repeat(64)}`,
      size: 1,
    };
    const index = JSON.stringify({ schemaVersion: 2, manifests: [descriptor] });
    const tar = Buffer.concat([
      formatEntryHeader({ path: "modules/foo/index.json", size: index.length }),
      Buffer.from(index.padEnd(512, "\0")),
      Buffer.alloc(1024),
    ]);
    await writeFile(directory.resolve("module-foo.tar"), tar);
    const { notices, totals } = await inspectBundle({ bundlePath: directory.path });
    expect(notices[0]?.message).toMatch(/^1 manifests have no tag, and .* is pushed: sha256:/);
    expect(totals).toEqual({ images: 0, blobs: 0, uniqueBytes: 0 });
  });

  test('reads "manifests": null as an empty layout', async () => {
    await using directory = await openTempDirectory();
    const index = '{"schemaVersion":2,"manifests":null}';
    const tar = Buffer.concat([
      formatEntryHeader({ path: "modules/foo/extra/index.json", size: index.length }),
      Buffer.from(index.padEnd(512, "\0")),
      Buffer.alloc(1024),
    ]);
    await writeFile(directory.resolve("module-foo.tar"), tar);
    const { packages } = await inspectBundle({ bundlePath: directory.path });
    expect(packages[0]?.layouts).toEqual([{ path: "modules/foo/extra", images: [] }]);
  });

  test("refuses a bundle with a missing chunk and names it", async () => {
    await using directory = await openTempDirectory();
    await writeSampleBundle(directory.path, { chunkSizeBytes: 16_000 });
    await rm(directory.resolve("module-foo.tar.0001.chunk"));
    await expect(inspectBundle({ bundlePath: directory.path })).rejects.toMatchObject({
      code: "CONTENT_MISSING",
      path: directory.resolve("module-foo.tar.0001.chunk"),
    });
  });
});
