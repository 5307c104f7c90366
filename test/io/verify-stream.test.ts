import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import { checkContent, createVerifyStream } from "../../src/io/verify-stream.ts";
import { digestOf } from "../../src/oci/digest.ts";

const BYTES = Buffer.from("some content");
const TARGET = { mediaType: "text/plain", digest: digestOf(BYTES), size: BYTES.length };

function verify(bytes: Buffer): Promise<Buffer> {
  const pieces = [bytes.subarray(0, 5), bytes.subarray(5)].filter(({ length }) => length > 0);
  return pipeline(Readable.from(pieces), createVerifyStream(TARGET), buffer);
}

describe("createVerifyStream()", () => {
  test("passes on content that is right", async () => {
    expect(await verify(BYTES)).toEqual(BYTES);
  });

  test.each([
    ["longer", Buffer.from("some content!"), `it is longer than ${BYTES.length} bytes`],
    ["shorter", Buffer.from("some"), `it has 4 bytes instead of ${BYTES.length}`],
    ["empty", Buffer.alloc(0), `it has 0 bytes instead of ${BYTES.length}`],
    ["other", Buffer.from("SOME CONTENT"), "its digest is sha256:"],
  ])("fails for content that is %s", async (_, bytes, reason) => {
    const failed = verify(bytes);
    await expect(failed).rejects.toMatchObject({ code: "CONTENT_MISMATCH", digest: TARGET.digest });
    await expect(failed).rejects.toThrow(reason);
  });
});

describe("checkContent()", () => {
  test("is null for the right size and hash, with any algorithm", () => {
    const digest = `sha512:${"a".repeat(128)}`;
    expect(checkContent({ digest, size: 3 }, 3, "a".repeat(128))).toBeNull();
  });
});
