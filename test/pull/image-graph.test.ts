import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { planPull } from "../../src/pull/plan-pull.ts";
import { parseSelection } from "../../src/selection/grammar/parse-selection.ts";
import { image } from "../support/artifacts.ts";
import { memorySource } from "../support/memory-source.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

type Artifact = ReturnType<typeof image>;

let directory: TempDirectory;

beforeEach(async () => {
  directory = await openTempDirectory();
});

afterEach(() => directory[Symbol.asyncDispose]());

/** An index with these entries, and the artifacts that it names. */
function indexOf(entries: readonly object[], children: readonly Artifact[]): Artifact {
  const fields = { schemaVersion: 2, mediaType: MEDIA_TYPE.imageIndex, manifests: entries };
  const bytes = Buffer.from(JSON.stringify(fields));
  const descriptor = {
    mediaType: MEDIA_TYPE.imageIndex,
    digest: digestOf(bytes),
    size: bytes.length,
  };
  return { manifest: { descriptor, bytes }, blobs: [], children };
}

describe("an index that names one child 30 times, seven deep", () => {
  test("is read once per document", async () => {
    let top: Artifact = image();
    for (let level = 0; level < 7; level++) {
      top = indexOf(
        Array.from({ length: 30 }, () => top.manifest.descriptor),
        [top],
      );
    }
    const { openSource, requests } = memorySource({ "acme/web": { v1: top } });
    const { selection } = parseSelection({ includeImages: ["registry.test/acme/web:v1"] });
    const plan = await planPull({ bundlePath: directory.path, selection, openSource });
    expect(plan.totals).toMatchObject({ images: 1, manifests: 8, blobs: 2 });
    expect(requests).toHaveLength(8);
  });
});
