import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { readSecret, readText } from "../../../src/cli/options/stdin.ts";

describe("readSecret()", () => {
  test.each([
    ["secret\n", "secret"],
    ["secret\r\n", "secret"],
    [" se cret ", " se cret "],
    ["two\n\n", "two\n"],
  ])("reads %j as %j", async (text, secret) => {
    expect(await readSecret(Readable.from([Buffer.from(text)]))).toBe(secret);
  });

  test("takes what PowerShell pipes, with a mark at its start or as UTF-16", async () => {
    const text = "p:ä\r\n";
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, "utf16le")]);
    for (const bytes of [Buffer.from(`\ufeff${text}`), utf16]) {
      expect(await readSecret(Readable.from([bytes]))).toBe("p:ä");
    }
  });

  test("refuses an empty stdin", async () => {
    await expect(readSecret(Readable.from([]))).rejects.toThrow(/stdin is empty/);
  });
});

describe("readText()", () => {
  test("puts a character together that two reads share", async () => {
    const bytes = Buffer.from("Ü");
    const stream = Readable.from([bytes.subarray(0, 1), bytes.subarray(1)]);
    expect(await readText(stream, 10)).toBe("Ü");
  });

  test("stops above the limit", async () => {
    await expect(readText(Readable.from([Buffer.alloc(11)]), 10)).rejects.toThrow(
      /longer than 10 bytes/,
    );
  });
});
