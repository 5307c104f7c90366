import { readdir, readFile, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Streebog256 } from "../../src/gost/streebog.ts";
import { writeSampleBundle } from "../bundle/support/sample-bundle.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";

let directory: TempDirectory;

beforeEach(async () => {
  directory = await openTempDirectory();
});

afterEach(() => directory[Symbol.asyncDispose]());

requireTool("gost12sum").describe("gost12sum", () => {
  /** Digest by file name. */
  async function sums(names: readonly string[]): Promise<Map<string, string>> {
    const { exitCode, stdout, stderr } = await runProcess("gost12sum", names, {
      cwd: directory.path,
    });
    expect(exitCode, stderr).toBe(0);
    const lines = stdout.trim().split("\n");
    return new Map(lines.map((line) => line.split(/\s+/).toReversed() as [string, string]));
  }

  test("has the same sums for the files of a bundle", async () => {
    await writeSampleBundle(directory.path, { chunkSizeBytes: 30_000, gostDigest: true });
    const names = (await readdir(directory.path)).filter((name) => name.endsWith(".chunk"));
    expect(names.length).toBeGreaterThan(1);
    const expected = await sums(names);
    for (const name of names) {
      expect(await readFile(directory.resolve(`${name}.gostsum`), "utf8")).toBe(expected.get(name));
    }
  });

  test("has the same sums for content of any length", async () => {
    const lengths = [0, 1, 31, 32, 63, 64, 65, 127, 128, 4095, 32_767, 32_768, 32_769, 1_000_003];
    const contents = new Map(lengths.map((length) => [`${length}`, contentOf(length)]));
    for (const [name, bytes] of contents) await writeFile(directory.resolve(name), bytes);
    const expected = await sums([...contents.keys()]);
    for (const [name, bytes] of contents) {
      expect(new Streebog256().update(bytes).digest(), name).toBe(expected.get(name));
    }
  });
});

/** All values of bytes, in an order without a period that fits into blocks. */
function contentOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, state = length; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}
