import { describe, expect, test } from "vitest";
import { formatCosignTag, parseCosignTag } from "../../src/oci/cosign-tag.ts";

const HEX = "ab".repeat(32);

describe("a tag of cosign", () => {
  test.each(["sig", "att", "sbom"] as const)("names its subject and what it is: .%s", (suffix) => {
    const tag = { subject: `sha256:${HEX}`, suffix };
    expect(formatCosignTag(tag)).toBe(`sha256-${HEX}.${suffix}`);
    expect(parseCosignTag(`sha256-${HEX}.${suffix}`)).toEqual(tag);
  });

  test.each([
    "latest",
    `sha256-${HEX}`,
    `sha256-${HEX}.txt`,
    `sha256-${HEX.slice(1)}.sig`,
    `md5-${HEX}.sig`,
    `${HEX}.sig`,
  ])("is none of the others: %s", (tag) => {
    expect(parseCosignTag(tag)).toBeUndefined();
  });
});
