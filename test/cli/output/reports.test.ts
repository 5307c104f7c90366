import { describe, expect, test } from "vitest";
import { toListing } from "../../../src/cli/options/bundle.ts";
import { renderBundle } from "../../../src/cli/output/reports/bundle-report.ts";
import { renderPlan, renderPullSummary } from "../../../src/cli/output/reports/pull-report.ts";
import { renderReceipt } from "../../../src/cli/output/reports/push-report.ts";
import { renderVerifyReport } from "../../../src/cli/output/reports/verify-report.ts";
import type { BundleManifest, PullPlanReport, Receipt, VerifyReport } from "../../../src/index.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const TOTALS = { images: 1, manifests: 1, blobs: 2, uniqueBytes: 3_000_000 };

const IMAGE = {
  repository: "modules/foo",
  tags: ["v1.3.0", "stable"],
  digest: DIGEST,
  mediaType: "application/vnd.oci.image.index.v1+json",
  size: 2_500_000,
  platforms: ["linux/amd64", "linux/arm64"],
  source: "registry.example.com/acme/modules/foo:v1.3.0",
  kind: "release-channel",
} as const;

const MANIFEST: BundleManifest = {
  schemaVersion: 1,
  mediaType: "application/vnd.airgap-mirror.bundle.v1+json",
  source: "registry.example.com/acme",
  selection: {},
  packages: [
    {
      name: "module-foo",
      kind: "module",
      size: 3_100_000,
      files: [{ name: "module-foo.tar", size: 3_100_000, sha256: "0".repeat(64) }],
      layouts: [{ path: "modules/foo", images: [IMAGE] }],
    },
  ],
  totals: TOTALS,
};

const FAILURE = {
  code: "CONTENT_MISSING",
  subject: "modules/foo:v1.3.0",
  message: "blob is\u001b gone",
  hint: "Ask the owner",
} as const;

describe("renderPullSummary()", () => {
  const bytes = { bytes: 3.1e6, fetchedBytes: 3e6, reusedBytes: 0, copiedBytes: 1e5 };

  test("shows packages, bytes and the next step", () => {
    const summary = { schemaVersion: 1, bundlePath: "./b", failures: [], ...bytes } as const;
    const text = renderPullSummary({ ...summary, complete: true, manifest: MANIFEST });
    expect(text.split("\n")).toEqual([
      "package     images  files    size",
      "module-foo       1      1  3.1 MB",
      "total            1      1  3.1 MB",
      "",
      "fetched 3.0 MB, already there 0 B, copied inside the bundle 100.0 kB",
      'The bundle "./b" is complete: 3.1 MB.',
      "Next: mirror verify ./b, then mirror push ./b <registry>/<repository>",
      "",
    ]);
  });

  test.each([
    ["/media/us b/bündle", "'/media/us b/bündle'"],
    ["/media/bündle", "/media/bündle"],
    ["it's", "'it'\\''s'"],
  ])("names the next step so that it can be copied: %s", (bundlePath, word) => {
    const summary = { schemaVersion: 1, bundlePath, failures: [], ...bytes } as const;
    const text = renderPullSummary({ ...summary, complete: true, manifest: MANIFEST });
    expect(text).toContain(`Next: mirror verify ${word}, then mirror push ${word} <`);
  });

  test("lists every image when asked to", () => {
    const summary = { schemaVersion: 1, bundlePath: "./b", failures: [], ...bytes } as const;
    const text = renderPullSummary(
      { ...summary, complete: true, manifest: MANIFEST },
      { listing: "images" },
    );
    expect(text.split("\n").slice(3, 6)).toEqual([
      "",
      "module-foo",
      "  modules/foo:v1.3.0,stable  2.5 MB",
    ]);
  });

  test("names what is missing and what to do", () => {
    const summary = { schemaVersion: 1, bundlePath: "./b", failures: [FAILURE], ...bytes } as const;
    const lines = renderPullSummary({ ...summary, complete: false }).split("\n");
    expect(lines.slice(0, 3)).toEqual([
      "CONTENT_MISSING (1):",
      "  modules/foo:v1.3.0: blob is  gone",
      "  hint: Ask the owner",
    ]);
    expect(lines.at(-2)).toMatch(/not complete: 1 failure\. .* run the same command again/);
  });
});

describe("the listing of a plan", () => {
  const hex = "a".repeat(64);
  const images = [
    { ...IMAGE, tags: ["v1.3.0"] },
    { ...IMAGE, tags: ["v1.4.1", "stable"] },
    { ...IMAGE, tags: [hex] },
  ];
  const plan: PullPlanReport = {
    schemaVersion: 1,
    mediaType: "application/vnd.airgap-mirror.plan.v1+json",
    packages: [{ name: "module-foo", kind: "module", size: 1, files: [], images }],
    totals: TOTALS,
    bytes: 1,
    fetchBytes: 1,
    resolvedBytes: 0,
    missingBytes: 1,
    neededBytes: 1,
    exclusions: [],
    notices: [],
    failures: [],
  };

  test("has the versions without another flag", () => {
    expect(renderPlan(plan).split("\n").slice(4, 7)).toEqual([
      "module-foo",
      "  modules/foo: v1.3.0, v1.4.1, stable",
      "  and 1 image that they need, by digest",
    ]);
  });

  test("has packages only with --summary, and every image with --verbose-summary", () => {
    expect(renderPlan(plan, { listing: toListing({ summary: true }, "versions") })).not.toContain(
      "v1.3.0",
    );
    expect(
      renderPlan(plan, { listing: toListing({ "verbose-summary": true }, "versions") }),
    ).toContain("modules/foo@aaaaaaaaaaaa");
  });
});

describe("renderPlan()", () => {
  const plan: PullPlanReport = {
    schemaVersion: 1,
    mediaType: "application/vnd.airgap-mirror.plan.v1+json",
    packages: [
      {
        name: "images",
        kind: "images",
        size: 5e6,
        files: [{ name: "images.tar", size: 5e6 }],
        images: [],
      },
    ],
    totals: TOTALS,
    bytes: 5e6,
    fetchBytes: 4e6,
    resolvedBytes: 0,
    missingBytes: 4e6,
    neededBytes: 5e6,
    exclusions: [],
    notices: [],
    failures: [],
  };

  test.each([
    [{}, "free space  unknown"],
    [{ freeBytes: 6e6 }, "free space  6.0 MB"],
    [{ freeBytes: 4e6 }, "free space  4.0 MB (not enough: 5.0 MB are needed)"],
  ])("compares with the free space %j", (free, line) => {
    const lines = renderPlan({ ...plan, ...free }).split("\n");
    expect(lines).toContain("to fetch    4.0 MB");
    expect(lines).toContain("to store    5.0 MB");
    expect(lines).toContain(line);
  });

  test("says what is there before the pull, whoever has brought it", () => {
    const lines = renderPlan({ ...plan, missingBytes: 1e6 }).split("\n");
    expect(lines).toContain("to fetch    1.0 MB (3.0 MB more are already there)");
  });
});

describe("renderBundle()", () => {
  test("draws packages, files, layouts and images", () => {
    expect(
      renderBundle({
        ...MANIFEST,
        mediaType: "application/vnd.airgap-mirror.inspect.v1+json",
        notices: [{ code: "NO_MANIFEST", message: "no sums" }],
      }).split("\n"),
    ).toEqual([
      "source registry.example.com/acme",
      "module-foo (module, 3.1 MB)",
      "  module-foo.tar  3.1 MB",
      "  modules/foo/",
      "    modules/foo:v1.3.0,stable  release-channel  aaaaaaaaaaaa  2.5 MB  linux/amd64 linux/arm64",
      "1 image, 2 blobs, 3.0 MB of distinct content",
      "notice: no sums",
      "",
    ]);
  });

  test("names what an image has not that it had at the source", () => {
    const [one] = MANIFEST.packages;
    const omission = { digest: DIGEST, mediaType: "x", kind: "foreign-layer", reason: "by choice" };
    const image = { ...IMAGE, omitted: [omission] } as const;
    const text = renderBundle({
      ...MANIFEST,
      packages: one ? [{ ...one, layouts: [{ path: "modules/foo", images: [image] }] }] : [],
      mediaType: "application/vnd.airgap-mirror.inspect.v1+json",
      notices: [],
    } as Parameters<typeof renderBundle>[0]);
    expect(text).toContain(`left out of ${IMAGE.source}: ${DIGEST} (by choice)`);
  });
});

describe("renderVerifyReport()", () => {
  const totals = { files: 1, bytes: 3.1e6, images: 1, blobs: 2 };

  test("says that a good bundle is good", () => {
    const report: VerifyReport = {
      schemaVersion: 1,
      mediaType: "application/vnd.airgap-mirror.verify.v1+json",
      bundlePath: "./b",
      complete: true,
      files: [],
      problems: [],
      notices: [],
      totals,
    };
    expect(renderVerifyReport(report)).toBe(
      'The bundle "./b" is complete and undamaged: 1 file, 3.1 MB, 1 image, 2 blobs.\n',
    );
  });

  test("tells place, entry, victims and remedy of a problem", () => {
    const named = Array.from({ length: 5 }, (_, index) => `modules/foo:v1.${index}.0`);
    const images = [`modules/foo:${"a".repeat(64)}`, `modules/foo:${"b".repeat(64)}`, ...named];
    const report: VerifyReport = {
      schemaVersion: 1,
      mediaType: "application/vnd.airgap-mirror.verify.v1+json",
      bundlePath: "./b",
      complete: false,
      files: [],
      notices: [],
      problems: [
        {
          code: "CONTENT_MISMATCH",
          file: "module-foo.tar.0003.chunk",
          offset: 512,
          entry: "modules/foo/blobs/sha256/aa",
          images,
          message: "digest is wrong",
          hint: "Copy the file again",
        },
      ],
      totals,
    };
    const lines = renderVerifyReport(report).split("\n");
    expect(lines.slice(0, 3)).toEqual([
      "module-foo.tar.0003.chunk at byte 512: digest is wrong",
      "  entry: modules/foo/blobs/sha256/aa",
      "  needed by: modules/foo:v1.0.0",
    ]);
    expect(lines).toContain("  needed by: 2 more images");
    expect(lines).toContain("  hint: Copy the file again");
    expect(lines.at(-2)).toContain("not usable as it is: 1 problem");
  });
});

describe("renderReceipt()", () => {
  const receipt: Receipt = {
    schemaVersion: 1,
    mediaType: "application/vnd.airgap-mirror.receipt.v1+json",
    notices: [],
    target: "registry.local/mirror",
    complete: true,
    images: [],
    totals: {
      images: 3,
      tags: 5,
      blobs: 9,
      sentBytes: 1e6,
      mountedBytes: 2e6,
      alreadyThereBytes: 3e6,
      bytes: 6e6,
      repeatedBytes: 0,
      resumedBytes: 0,
    },
    failures: [],
  };

  test("accounts for every byte and names the receipt", () => {
    expect(renderReceipt(receipt, "./receipt.json").split("\n")).toEqual([
      "sent 1.0 MB, mounted 2.0 MB, already there 3.0 MB",
      "Pushed to registry.local/mirror: 3 images, 9 blobs; 5 tags read back.",
      "Receipt: ./receipt.json",
      "",
    ]);
  });

  test("shows failures by cause, with each cause and each hint once", () => {
    const failures = [
      FAILURE,
      { ...FAILURE, subject: "modules/baz:v1.0.0", message: "another is gone" },
      { ...FAILURE, subject: "modules/bar:v2.0.0" },
    ];
    const lines = renderReceipt({ ...receipt, complete: false, failures }, "r.json").split("\n");
    expect(lines.slice(0, 6)).toEqual([
      "CONTENT_MISSING (3):",
      "  blob is  gone",
      "    modules/foo:v1.3.0",
      "    modules/bar:v2.0.0",
      "  modules/baz:v1.0.0: another is gone",
      "  hint: Ask the owner",
    ]);
    expect(lines).toContain(
      "The push to registry.local/mirror is not complete: 3 failures. Remove the cause and run the same command again.",
    );
  });
});
