import { describe, expect, test } from "vitest";
import { formatPlatform, matchesPlatform, parsePlatform } from "../../src/oci/platform.ts";

describe("parsePlatform()", () => {
  test.each([
    ["linux/amd64", "linux/amd64"],
    ["linux/amd64/v1", "linux/amd64"],
    ["linux/amd64/v3", "linux/amd64/v3"],
    ["linux/x86_64", "linux/amd64"],
    ["linux/arm64", "linux/arm64"],
    ["linux/arm64/v8", "linux/arm64"],
    ["linux/aarch64", "linux/arm64"],
    ["linux/arm", "linux/arm/v7"],
    ["linux/armhf", "linux/arm/v7"],
    ["linux/arm/6", "linux/arm/v6"],
    ["Linux/ARM/V6", "linux/arm/v6"],
    ["windows/amd64", "windows/amd64"],
    [" linux/s390x ", "linux/s390x"],
  ])("%s is %s", (text, formatted) => {
    const platform = parsePlatform(text);
    expect(formatPlatform(platform)).toBe(formatted);
    expect(parsePlatform(formatted)).toEqual(platform);
  });

  test.each(["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/a b", "linux/arm/"])(
    "refuses %j",
    (text) => {
      expect(() => parsePlatform(text)).toThrow(
        expect.objectContaining({ code: "REFERENCE_INVALID" }),
      );
    },
  );
});

describe("matchesPlatform()", () => {
  test.each<[string, string, boolean]>([
    ["linux/amd64", "linux/amd64", true],
    ["linux/arm64", "linux/arm64/v8", true],
    // As indexes that were made by hand have them
    ["linux/arm64", "linux/arm64/armv8", true],
    ["linux/arm64", "linux/arm64/v8.0", true],
    ["linux/arm64", "linux/arm64/v8.2", false],
    ["linux/arm", "linux/arm/armv7", true],
    ["linux/arm", "linux/arm/v7", true],
    ["linux/arm", "linux/arm/v6", false],
    ["linux/amd64", "linux/amd64/v3", false],
    ["linux/amd64", "windows/amd64", false],
  ])("%s takes %s: %s", (wanted, found, matches) => {
    const [os = "", architecture = "", variant] = found.split("/");
    const platform = { os, architecture, variant };
    expect(matchesPlatform(parsePlatform(wanted), platform)).toBe(matches);
  });
});
