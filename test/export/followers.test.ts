import { writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exportBundle } from "../../src/export/export-bundle.ts";
import type { ExportOptions, ExportReport } from "../../src/export/export-options.ts";
import { openServer } from "../../src/serve/open-server.ts";
import { ONLY_IMAGES, writeSampleBundle } from "../bundle/support/sample-bundle.ts";
import { d8Layout, d8Package } from "../support/d8-bundle.ts";
import { type MemorySource, memorySource, NotFoundError } from "../support/memory-source.ts";
import { digestOfArtifact, type SignedIndex, signedIndex } from "../support/referrers.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const WEB = "registry.test/acme/web:v1";

const signed = signedIndex();
const { amd64, arm64 } = signed.children;
const { cyclonedx, signature, spdx } = signed.referrers;
const [indexSignature, amd64Attestation, arm64Sbom] = Object.values(signed.cosign);
const ALL = [spdx, cyclonedx, signature, indexSignature, amd64Attestation, arm64Sbom];

let directory: TempDirectory;

beforeEach(async () => {
  directory = await openTempDirectory();
});

afterEach(() => directory[Symbol.asyncDispose]());

function source(failures: Record<string, Error> = {}): MemorySource {
  return memorySource({ "acme/web": repositoryOf(signed) }, { failures });
}

function repositoryOf({ index: built, cosign, referrers }: SignedIndex) {
  const hidden = Object.entries(referrers).map(([name, one]) => [`@${name}`, one] as const);
  return { v1: built, ...cosign, ...Object.fromEntries(hidden) };
}

async function exported(options: Partial<ExportOptions>): Promise<ExportReport> {
  const out = directory.resolve("layout");
  return await exportBundle({ form: "oci-layout", bundlePaths: [], out, ...options });
}

const fromRegistry = (options: Partial<ExportOptions> = {}) =>
  exported({ references: [WEB], openSource: source().openSource, ...options });

const followersOf = ({ images }: ExportReport) =>
  images
    .filter(({ name }) => name !== WEB)
    .map(({ digest }) => digest)
    .sort();
const digestsOf = (artifacts: readonly (typeof spdx | undefined)[]) =>
  artifacts.flatMap((one) => (one ? [digestOfArtifact(one)] : [])).sort();
const codesOf = ({ notices }: ExportReport) => notices.map(({ code }) => code);

describe("an image of a registry", () => {
  test("comes with what belongs to it, to its platforms and to that, listed or tagged", async () => {
    const report = await fromRegistry();
    expect(followersOf(report)).toEqual(digestsOf(ALL));
    expect(codesOf(report)).toEqual([]);
  });

  test("of one platform, comes with what belongs to that, and names what is lost", async () => {
    const report = await fromRegistry({ platforms: ["linux/amd64"] });
    expect(followersOf(report)).toEqual(digestsOf([cyclonedx, amd64Attestation]));
    expect(codesOf(report)).toEqual(["REFERRERS_LEFT_OUT"]);
    for (const one of digestsOf([spdx, indexSignature])) {
      expect(report.notices[0]?.message).toContain(one);
    }
    expect(report.notices[0]?.message).not.toContain(digestOfArtifact(arm64));
  });

  test("named twice, and with its signature, has each once", async () => {
    const tag = Object.keys(signed.cosign)[0];
    const report = await fromRegistry({ references: [WEB, `registry.test/acme/web:${tag}`, WEB] });
    expect(report.images).toHaveLength(1 + ALL.length);
  });

  test("comes without any of it, and without a question, where that is wished", async () => {
    const { openSource, requests } = source();
    const report = await fromRegistry({ openSource, noReferrers: true });
    expect(report.images.map(({ name }) => name)).toEqual([WEB]);
    expect(requests.filter((one) => /^(referrers|tags) /.test(one))).toEqual([]);
  });

  test("fails if a signature that is listed is not there: it is not exported as if it had none", async () => {
    const gone = new NotFoundError("gone");
    const failures = { [`get acme/web:${digestOfArtifact(spdx)}`]: gone };
    await expect(fromRegistry({ openSource: source(failures).openSource })).rejects.toMatchObject({
      code: "CONTENT_MISSING",
      message: expect.stringContaining(WEB),
    });
  });

  test("for a runtime, names what the runtime cannot hold", async () => {
    const report = await fromRegistry({ form: "k3s", out: directory.resolve("k3s.tar") });
    expect(report.images.map(({ name }) => name)).toEqual([WEB]);
    expect(codesOf(report)).toEqual(Array(5).fill("NOT_RUNNABLE"));
  });
});

test("an image of a layout of another program comes with what its index names by no tag", async () => {
  const tagged = { artifact: signed.index, refName: WEB };
  const untagged = [spdx, cyclonedx].map((artifact) => ({ artifact, refName: "" }));
  const files = await d8Layout([tagged, ...untagged], { generation: "old" });
  const path = directory.resolve("web.tar");
  await writeFile(path, d8Package({ "": files }));
  const report = await exported({ bundlePaths: [path] });
  const names = [spdx, cyclonedx].map((one) => `registry.test/acme/web@${digestOfArtifact(one)}`);
  expect(report.images.map(({ name }) => name)).toEqual([WEB, ...names].sort());
  expect(codesOf(report)).not.toContain("UNNAMED_MANIFESTS");
});

test.each([{ images: ["*web:v1"] }, {}])(
  "an image of a bundle that loses a platform names what belonged to the whole: %o",
  async (chosen) => {
    const path = directory.resolve("bundle");
    await writeSampleBundle(path, {
      repositories: { "acme/web": repositoryOf(signed) },
      ...ONLY_IMAGES,
      includeImages: [WEB],
    });
    const report = await exported({ bundlePaths: [path], platforms: ["linux/arm64"], ...chosen });
    expect(followersOf(report)).toEqual(digestsOf([arm64Sbom]));
    const lost = report.notices.filter(({ code }) => code === "REFERRERS_LEFT_OUT");
    expect(lost.map(({ message }) => message).join()).toContain(digestOfArtifact(spdx));
    expect(lost).toHaveLength(2);
  },
);

describe("an image of a cache", () => {
  test("comes with what was pulled with it, as a whole", async () => {
    const cacheDirectory = directory.resolve("cache");
    await fillCache(cacheDirectory);
    const report = await exported({ cacheDirectory, images: ["*web:v1"] });
    expect(followersOf(report)).toEqual(digestsOf([cyclonedx]));
    const { notices } = report;
    expect(codesOf(report).sort()).toEqual([
      "PLATFORM_ABSENT",
      "REFERRERS_LEFT_OUT",
      "REFERRERS_LEFT_OUT",
    ]);
    const messages = notices.map(({ message }) => message).join("\n");
    // Half of it is here; and what belongs to an index of which half is here
    expect(messages).toContain(`${digestOfArtifact(amd64).replace(":", "-")}.att" is left out`);
    for (const one of digestsOf([spdx, indexSignature])) expect(messages).toContain(one);
  });
});

/** As clients pull: an image for one platform, what belongs to it, and of an attestation nothing but the manifest. */
async function fillCache(cacheDirectory: string): Promise<void> {
  const { openSource } = source();
  await using server = await openServer({
    bundlePaths: [],
    upstreams: [
      {
        namespace: "registry.test",
        openSource: (repository) => openSource({ registry: "registry.test", repository }),
      },
    ],
    cacheDirectory,
    port: 0,
  });
  const get = async (path: string) => {
    const response = await fetch(`${server.url}/v2/acme/web/${path}?ns=registry.test`);
    expect(response.status, path).toBe(200);
    await response.arrayBuffer();
  };
  const pull = async (reference: string, { blobs }: typeof amd64) => {
    await get(`manifests/${reference}`);
    for (const { descriptor } of blobs) await get(`blobs/${descriptor.digest}`);
  };
  await pull("v1", signed.index);
  await pull(digestOfArtifact(amd64), amd64);
  await pull(digestOfArtifact(cyclonedx), cyclonedx);
  await pull(digestOfArtifact(spdx), spdx);
  const [tag = "", attestation = ""] = Object.keys(signed.cosign);
  if (indexSignature) await pull(tag, indexSignature);
  await get(`manifests/${attestation}`);
}
