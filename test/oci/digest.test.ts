import { describe, expect, test } from "vitest";
import {
  createDigestHash,
  digestOf,
  isDigest,
  parseDigest,
  verifyDigest,
} from "../../src/oci/digest.ts";

const SHA256 = `sha256:${"0123456789abcdef".repeat(4)}`;

describe("parseDigest()", () => {
  test.each([
    [SHA256, "sha256"],
    [`sha384:${"a".repeat(96)}`, "sha384"],
    [`sha512:${"a".repeat(128)}`, "sha512"],
  ])("splits %s", (digest, algorithm) => {
    const parsed = parseDigest(digest);
    expect(parsed.algorithm).toBe(algorithm);
    expect(`${parsed.algorithm}:${parsed.encoded}`).toBe(digest);
    expect(isDigest(digest)).toBe(true);
  });

  test.each([
    ["nothing", ""],
    ["no separator", "a".repeat(64)],
    ["no algorithm", `:${"a".repeat(64)}`],
    ["an unknown algorithm", `md5:${"a".repeat(32)}`],
    ["a property of objects", `constructor:${"a".repeat(64)}`],
    ["upper-case hex", SHA256.toUpperCase().replace("SHA256", "sha256")],
    ["an upper-case algorithm", SHA256.replace("sha256", "SHA256")],
    ["too few digits", SHA256.slice(0, -1)],
    ["too many digits", `${SHA256}0`],
    ["other letters", `sha256:${"g".repeat(64)}`],
    ["a line break at the end", `sha256:${"a".repeat(63)}\n`],
    ["a path", `sha256:../../${"a".repeat(58)}`],
    ["two separators", `sha256:sha256:${"a".repeat(57)}`],
    ["a space", ` ${SHA256}`],
  ])("refuses %s", (_, text) => {
    expect(isDigest(text)).toBe(false);
    expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: "REFERENCE_INVALID" }));
  });

  test("takes nothing that is no text for one: documents of others are asked this", () => {
    for (const value of [undefined, null, 7, [SHA256]]) expect(isDigest(value)).toBe(false);
  });
});

describe("digestOf()", () => {
  test("is sha256", () => {
    expect(digestOf("{}")).toBe(
      "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    );
  });
});

describe("verifyDigest()", () => {
  test.each(["sha256", "sha384", "sha512"])(
    "compares with the algorithm of the digest: %s",
    (name) => {
      const bytes = Buffer.from("content");
      const digest = `${name}:${createDigestHash(
        `${name}:${"0".repeat({ sha256: 64, sha384: 96, sha512: 128 }[name] ?? 0)}`,
      )
        .update(bytes)
        .digest("hex")}`;
      expect(() => verifyDigest(bytes, digest)).not.toThrow();
      expect(() => verifyDigest(Buffer.from("Content"), digest)).toThrow(
        expect.objectContaining({ code: "CONTENT_MISMATCH", digest }),
      );
    },
  );
});
