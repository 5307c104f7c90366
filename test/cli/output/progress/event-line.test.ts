import { describe, expect, test } from "vitest";
import { renderEventLine } from "../../../../src/cli/output/progress/event-line.ts";
import type { MirrorEvent } from "../../../../src/cli/output/progress/renderer.ts";

const HEX = "a".repeat(64);
const DIGEST = `sha256:${HEX}`;
const image = { type: "image-finished", repository: "modules/foo", digest: DIGEST } as const;

describe("renderEventLine()", () => {
  test.each<[string, MirrorEvent, string | undefined]>([
    ["a file being asked for", { type: "resolving", reference: "acme/web:v1" }, undefined],
    [
      "an opened bundle",
      { type: "opened", packages: 2, files: 3, images: 1, bytes: 1000 },
      "opened 1 image in 2 packages: 3 files, 1.0 kB",
    ],
    ["a verification", { type: "opened", files: 3, bytes: 1000 }, "checking 3 files, 1.0 kB"],
    [
      "a transfer that starts over",
      { type: "blob-restarted", digest: DIGEST, bytes: 5, reason: "wrong digest" },
      "starting over with aaaaaaaaaaaa: wrong digest",
    ],
    [
      "a pushed image",
      { ...image, tags: ["v1.3.0", "stable"], outcome: "pushed" },
      "pushed modules/foo:v1.3.0,stable",
    ],
    [
      "an image with many tags",
      { ...image, tags: ["a", "b", "c", "d", "e", "f", "g"], outcome: "pushed" },
      "pushed modules/foo:a,b,c,d,e and 2 more tags",
    ],
    [
      "an image with one tag more than is cut off",
      { ...image, tags: ["a", "b", "c", "d", "e", "f"], outcome: "pushed" },
      "pushed modules/foo:a,b,c,d,e,f",
    ],
    [
      "an image that was there",
      { ...image, tags: ["v1.3.0"], outcome: "already-there" },
      undefined,
    ],
    ["an image without a name", { ...image, tags: [HEX], outcome: "pushed" }, undefined],
    [
      "a failed image without a name",
      { ...image, tags: [HEX], outcome: "failed" },
      "failed modules/foo@aaaaaaaaaaaa",
    ],
  ])("tells %s", (_what, event, line) => {
    expect(renderEventLine(event)).toBe(line);
  });
});
