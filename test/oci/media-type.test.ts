import { describe, expect, test } from "vitest";
import {
  essenceOf,
  isIndexType,
  isLegacyManifestType,
  isManifestType,
  MANIFEST_ACCEPT,
  MEDIA_TYPE,
} from "../../src/oci/media-type.ts";

describe("media types", () => {
  test.each([
    [MEDIA_TYPE.imageManifest, true, false],
    [MEDIA_TYPE.dockerManifest, true, false],
    [MEDIA_TYPE.imageIndex, true, true],
    [MEDIA_TYPE.dockerManifestList, true, true],
    [MEDIA_TYPE.imageConfig, false, false],
    ["application/vnd.docker.distribution.manifest.v1+json", false, false],
    ["constructor", false, false],
  ])("%s", (type, isManifest, isIndex) => {
    expect(isManifestType(type)).toBe(isManifest);
    expect(isIndexType(type)).toBe(isIndex);
  });

  test("schema 1 is known, to be refused", () => {
    expect(isLegacyManifestType("application/vnd.docker.distribution.manifest.v1+prettyjws")).toBe(
      true,
    );
    expect(isLegacyManifestType(MEDIA_TYPE.dockerManifest)).toBe(false);
  });

  test("every manifest is asked for before anything else", () => {
    const asked = MANIFEST_ACCEPT.split(", ");
    expect(asked.slice(0, -1).every(isManifestType)).toBe(true);
    expect(asked.at(-1)).toMatch(/^\*\/\*/);
    expect(asked).toHaveLength(6);
  });

  test.each([
    ["application/json", "application/json"],
    ["Application/JSON; charset=utf-8", "application/json"],
    ["", ""],
  ])("essenceOf(%j) is %j", (type, essence) => {
    expect(essenceOf(type)).toBe(essence);
  });
});
