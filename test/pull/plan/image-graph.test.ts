import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBundleStore } from "../../../src/bundle/images/bundle-store.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../../src/oci/media-type.ts";
import { planPull } from "../../../src/pull/plan/plan-pull.ts";
import { pull } from "../../../src/pull/pull.ts";
import { parseSelection } from "../../../src/selection/grammar/parse-selection.ts";
import { walkGraph } from "../../../src/store/walk.ts";
import { verifyBundle } from "../../../src/verify/verify.ts";
import { AMD64, ARM64, artifact, image } from "../../support/artifacts.ts";
import { memorySource } from "../../support/memory-source.ts";
import { openTempDirectory, type TempDirectory } from "../../support/temp-directory.ts";

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
    // And once each for what belongs to it; for what cosign would have tagged, one list of tags serves all
    const asked = requests.map((request) => request.split(" ")[0]);
    expect(asked.filter((kind) => kind === "get")).toHaveLength(8);
    expect(asked.filter((kind) => kind === "referrers")).toHaveLength(8);
    expect(asked.filter((kind) => kind === "tags")).toHaveLength(1);
    expect(requests).toHaveLength(17);
  });
});

const WEB = "registry.test/acme/web:v1";

interface Wishes {
  readonly platforms?: readonly string[];
  readonly images?: readonly string[];
  readonly skipMissingAttestations?: boolean;
}

function planOf(tagged: Readonly<Record<string, Artifact>>, { images = [WEB], ...wishes }: Wishes) {
  const { openSource } = memorySource({ "acme/web": tagged });
  const { selection } = parseSelection({ includeImages: images, ...wishes });
  return planPull({ bundlePath: directory.path, selection, openSource });
}

/** The digests that are left out of the only image, with the reason. */
async function omittedFrom(root: Artifact, wishes: Wishes) {
  const { packages, failures } = await planOf({ v1: root }, wishes);
  expect(failures).toEqual([]);
  const [found] = packages.flatMap((item) => item.images);
  return { ...found, omitted: found?.omitted ?? [] };
}

const entry = ({ manifest }: Artifact, fields: object = {}) => ({
  ...manifest.descriptor,
  ...fields,
});
const digest = ({ manifest }: Artifact) => manifest.descriptor.digest;

const ON_AMD64 = image({ name: "amd64", platform: AMD64 });
const ON_ARM64 = image({ name: "arm64", platform: ARM64 });
const CHART = artifact({ artifactType: "application/vnd.cncf.helm.config.v1+json" });
const AMD64_ONLY = { platforms: ["linux/amd64"] };

describe("planPull() with platforms", () => {
  test("refuses a plain image whose config is for another platform, by its name", async () => {
    const { failures, packages } = await planOf({ v1: ON_ARM64 }, AMD64_ONLY);
    expect(packages).toEqual([]);
    expect(failures).toMatchObject([
      {
        code: "CONTENT_INVALID",
        subject: WEB,
        message: `Cannot use image "${WEB}": it is for linux/arm64, not for linux/amd64`,
      },
    ]);
  });

  test("takes a plain image whose config is for a wanted platform", async () => {
    expect(await omittedFrom(ON_AMD64, AMD64_ONLY)).toMatchObject({ digest: digest(ON_AMD64) });
  });

  test.each([
    ["with a type", { artifactType: "application/vnd.cncf.helm.config.v1+json" }],
    ["without a type", {}],
    ["with an unknown platform", { platform: { os: "unknown", architecture: "unknown" } }],
  ])("keeps an artifact in an index, %s", async (_, fields) => {
    const root = indexOf(
      [
        entry(ON_AMD64, { platform: AMD64 }),
        entry(ON_ARM64, { platform: ARM64 }),
        entry(CHART, fields),
      ],
      [ON_AMD64, ON_ARM64, CHART],
    );
    const { omitted } = await omittedFrom(root, AMD64_ONLY);
    expect(omitted).toEqual([
      {
        kind: "platform",
        digest: digest(ON_ARM64),
        mediaType: MEDIA_TYPE.imageManifest,
        platform: "linux/arm64",
        reason: "its platform linux/arm64 is none of linux/amd64",
      },
    ]);
  });

  test("keeps an index that has artifacts only", async () => {
    const root = indexOf([entry(CHART)], [CHART]);
    expect(await omittedFrom(root, AMD64_ONLY)).toMatchObject({
      digest: digest(root),
      omitted: [],
    });
  });

  test.each([
    ["nothing", {}],
    ["an empty platform", { platform: {} }],
    ["a platform without os", { platform: { architecture: "arm64" } }],
  ])("asks the config where an entry says %s", async (_, fields) => {
    const root = indexOf([entry(ON_AMD64, fields), entry(ON_ARM64, fields)], [ON_AMD64, ON_ARM64]);
    const found = await omittedFrom(root, AMD64_ONLY);
    expect(found.omitted.map((part) => part.digest)).toEqual([digest(ON_ARM64)]);
    expect(found.platforms).toEqual(["linux/amd64"]);
    expect(found.sourceDigest).toBe(digest(root));
  });

  test("looks into an index inside an index, and rewrites both", async () => {
    const inner = indexOf(
      [entry(ON_AMD64, { platform: AMD64 }), entry(ON_ARM64, { platform: ARM64 })],
      [ON_AMD64, ON_ARM64],
    );
    const root = indexOf([entry(inner)], [inner]);
    const { openSource } = memorySource({ "acme/web": { v1: root } });
    const { selection } = parseSelection({ includeImages: [WEB], ...AMD64_ONLY });
    const summary = await pull({ bundlePath: directory.path, selection, openSource });
    expect(summary).toMatchObject({ complete: true, failures: [] });
    await using bundle = await openBundleStore(directory.path);
    const found = await walkGraph(
      (await bundle.repository("registry.test/acme/web").fetchManifest("v1")).descriptor,
      {
        subject: WEB,
        read: async (target) =>
          (await bundle.repository("registry.test/acme/web").fetchManifest(target.digest)).bytes,
      },
    );
    expect(found.manifests.at(-1)?.descriptor.digest).toBe(digest(ON_AMD64));
    expect(found.manifests).toHaveLength(3);
    expect((await verifyBundle({ bundlePath: directory.path })).complete).toBe(true);
  });

  test("names the platforms that there are when a wanted one is missing", async () => {
    const root = indexOf([entry(ON_ARM64, { platform: ARM64 })], [ON_ARM64]);
    const { failures } = await planOf({ v1: root }, AMD64_ONLY);
    expect(failures).toMatchObject([
      { subject: WEB, hint: "Choose from its platforms: linux/arm64" },
    ]);
  });
});

describe("an attestation that the source lists and does not have", () => {
  const ATTESTATION = artifact({ annotations: { made: "by BuildKit" } });
  const attested = (children: readonly Artifact[] = []) =>
    indexOf(
      [
        entry(ON_AMD64, { platform: AMD64 }),
        entry(ATTESTATION, {
          platform: { os: "unknown", architecture: "unknown" },
          annotations: {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": digest(ON_AMD64),
          },
        }),
      ],
      [ON_AMD64, ...children],
    );

  test("stops its image by name, and not the run", async () => {
    const { openSource } = memorySource({ "acme/web": { v1: attested(), v2: ON_ARM64 } });
    const images = [WEB, "registry.test/acme/web:v2"];
    const { selection } = parseSelection({ includeImages: images });
    const summary = await pull({ bundlePath: directory.path, selection, openSource });
    expect(summary).toMatchObject({
      complete: false,
      failures: [
        {
          code: "CONTENT_MISSING",
          subject: WEB,
          message: `Cannot copy image "${WEB}": the source lacks the attestation ${digest(ATTESTATION)} of ${digest(ON_AMD64)}`,
          hint: "Take it without such attestations with `skipMissingAttestations`",
        },
      ],
    });
    expect(summary.fetchedBytes).toBeGreaterThan(0);
  });

  test("is looked for again by the next run", async () => {
    const { selection } = parseSelection({ includeImages: [WEB] });
    const pullFrom = (root: Artifact) =>
      pull({
        bundlePath: directory.path,
        selection,
        openSource: memorySource({ "acme/web": { v1: root } }).openSource,
      });
    expect((await pullFrom(attested())).complete).toBe(false);
    expect((await pullFrom(attested([ATTESTATION]))).complete).toBe(true);
  });

  test("is left out by choice, with a notice and both digests", async () => {
    const root = attested();
    const { openSource } = memorySource({ "acme/web": { v1: root } });
    const { selection } = parseSelection({ includeImages: [WEB], skipMissingAttestations: true });
    const notices: string[] = [];
    const summary = await pull({
      bundlePath: directory.path,
      selection,
      openSource,
      onEvent: (event) => {
        if (event.type === "notice") notices.push(event.message);
      },
    });
    const [found] = (summary.manifest?.packages ?? []).flatMap(({ layouts }) =>
      layouts.flatMap((layout) => layout.images),
    );
    expect(found).toMatchObject({
      sourceDigest: digest(root),
      omitted: [{ kind: "missing-attestation", digest: digest(ATTESTATION) }],
    });
    expect(found?.digest).not.toBe(digest(root));
    expect(notices).toEqual([expect.stringContaining(`${digest(root)} becomes ${found?.digest}`)]);
    expect((await verifyBundle({ bundlePath: directory.path })).complete).toBe(true);
  });

  test("is no excuse for a missing image", async () => {
    const root = indexOf([entry(ON_AMD64, { platform: AMD64 })], []);
    const { failures } = await planOf({ v1: root }, { skipMissingAttestations: true });
    expect(failures).toMatchObject([
      { code: "CONTENT_MISSING", subject: WEB, message: expect.stringContaining("linux/amd64") },
    ]);
  });
});

describe("an index that lists a schema 1 manifest", () => {
  test("fails by the name of the image and of the kind", async () => {
    const mediaType = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    const root = indexOf([entry(ON_AMD64, { mediaType })], [ON_AMD64]);
    const { failures } = await planOf({ v1: root }, {});
    expect(failures).toMatchObject([
      { code: "CONTENT_INVALID", subject: WEB, message: expect.stringContaining("schema 1") },
    ]);
  });
});
