import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { planPackage } from "../../src/bundle/format/bundle-plan.ts";
import type { ImageContents } from "../../src/contents/contents.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import type { VerifyReport } from "../../src/verify/report.ts";
import { verifyBundle } from "../../src/verify/verify.ts";
import { type Blobs, bytesOf, imageContents, packageContents } from "../bundle/support/contents.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

function document(blobs: Blobs, mediaType: string, fields: object): Descriptor {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
  const digest = digestOf(bytes);
  blobs.set(digest, bytes);
  return { mediaType, digest, size: bytes.length };
}

/** An image below as many indexes as are wanted, whose layer the package does not have. */
function nestedWithoutLayer(blobs: Blobs, levels: number): ImageContents {
  const { documents, layers, ...contents } = imageContents(blobs, "v1.0.0");
  const config = documents[1];
  const all = [document(blobs, MEDIA_TYPE.imageManifest, { config, layers })];
  for (let level = 0; level < levels; level++) {
    all.unshift(document(blobs, MEDIA_TYPE.imageIndex, { manifests: all.slice(0, 1) }));
  }
  const [root = contents.root] = all;
  return { ...contents, root, documents: [...all, ...(config ? [config] : [])], layers: [] };
}

async function verifyNested(levels: number): Promise<VerifyReport> {
  await using directory = await openTempDirectory();
  const blobs: Blobs = new Map();
  const plan = planPackage(packageContents([nestedWithoutLayer(blobs, levels)]));
  await writeFile(directory.resolve("module-foo.tar"), bytesOf(plan, blobs));
  return await verifyBundle({ bundlePath: directory.path });
}

describe("verifyBundle() of indexes in indexes", () => {
  test.each([1, 8])("misses a layer %i levels deep", async (levels) => {
    const { complete, problems } = await verifyNested(levels);
    expect(complete).toBe(false);
    expect(problems).toMatchObject([
      {
        code: "BUNDLE_CORRUPT",
        images: ["modules/foo:v1.0.0"],
        message: expect.stringMatching(/lacks blob/),
      },
    ]);
  });

  test("refuses what is nested deeper than a push accepts", async () => {
    const { complete, problems } = await verifyNested(9);
    expect(complete).toBe(false);
    expect(problems).toMatchObject([
      {
        code: "CONTENT_INVALID",
        file: "module-foo.tar",
        images: ["modules/foo:v1.0.0"],
        message: "Cannot use image modules/foo:v1.0.0: its indexes are nested too deeply",
      },
    ]);
  });
});
