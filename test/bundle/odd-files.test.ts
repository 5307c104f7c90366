import { cp, rm, symlink, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inspectBundle } from "../../src/inspect/inspect.ts";
import { planPushAll } from "../../src/push/push-all.ts";
import { verifyBundle } from "../../src/verify/verify.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";
import { writeSampleBundle } from "./support/sample-bundle.ts";

const FILES = ["bundle.json", "SHA256SUMS", "images.tar", "module-foo.tar"] as const;

const KINDS = {
  "a named pipe": (path: string) => runProcess("mkfifo", [path]),
  "a link to a named pipe": async (path: string) => {
    await runProcess("mkfifo", [`${path}.pipe`]);
    await symlink(`${path}.pipe`, path);
  },
  "a link to a device without an end": (path: string) => symlink("/dev/zero", path),
};

const CASES = Object.keys(KINDS).flatMap((kind) =>
  FILES.map((file) => [kind as keyof typeof KINDS, file] as const),
);

let original: TempDirectory;

beforeAll(async () => {
  original = await openTempDirectory();
  await writeSampleBundle(original.path);
});

afterAll(() => original[Symbol.asyncDispose]());

async function withOddFile(kind: keyof typeof KINDS, file: string): Promise<TempDirectory> {
  const directory = await openTempDirectory();
  await cp(original.path, directory.path, { recursive: true });
  await rm(directory.resolve(file));
  await KINDS[kind](directory.resolve(file));
  return directory;
}

const target = { registry: "registry.test", repository: "repo" };

requireTool("mkfifo").describe("a file of a bundle that is no file", () => {
  test.each(CASES)("%s for %s is refused by name and never waited for", async (kind, file) => {
    await using directory = await withOddFile(kind, file);
    const bundlePath = directory.path;
    const { complete, problems } = await verifyBundle({ bundlePath });
    expect(complete).toBe(false);
    const named = problems.find((problem) => problem.file === file);
    expect(named?.message).toMatch(/it is a (?:named pipe|device)/);
    const refusal = { message: expect.stringContaining(`${file}"`) };
    await expect(inspectBundle({ bundlePath })).rejects.toMatchObject(refusal);
    const planned = planPushAll({ bundlePaths: [bundlePath], target });
    await expect(planned).rejects.toMatchObject(refusal);
  });

  test.each(["images.tar", "module-foo.tar"])(
    "%s is named also without bundle.json",
    async (file) => {
      await using directory = await withOddFile("a named pipe", file);
      for (const name of ["bundle.json", "SHA256SUMS"]) await rm(directory.resolve(name));
      const { problems } = await verifyBundle({ bundlePath: directory.path });
      expect(problems.map((problem) => problem.file)).toEqual([file]);
    },
  );

  test("is refused where it is all that was named", async () => {
    await using directory = await withOddFile("a named pipe", "images.tar");
    const bundlePath = directory.resolve("images.tar");
    await expect(verifyBundle({ bundlePath })).rejects.toThrow(/it is a named pipe/);
  });

  test("beside a package leaves the sum of GOST unread", async () => {
    await using directory = await withOddFile("a named pipe", "images.tar");
    await cp(original.resolve("images.tar"), directory.resolve("images.tar"), { force: true });
    await runProcess("mkfifo", [directory.resolve("module-foo.tar.gostsum")]);
    const { problems } = await verifyBundle({ bundlePath: directory.path });
    expect(problems.map((problem) => problem.file)).toContain("module-foo.tar.gostsum");
  });

  test("is refused among the blobs of a layout", async () => {
    await using directory = await openTempDirectory();
    await writeFile(directory.resolve("oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    await runProcess("mkfifo", [directory.resolve("index.json")]);
    const { problems } = await verifyBundle({ bundlePath: directory.path });
    expect(problems[0]).toMatchObject({ file: "index.json" });
  });
});

describe("push", () => {
  test("compares bundle.json with SHA256SUMS", async () => {
    await using directory = await openTempDirectory();
    await cp(original.path, directory.path, { recursive: true });
    await writeFile(directory.resolve("SHA256SUMS"), `${"0".repeat(64)}  bundle.json\n`);
    await expect(planPushAll({ bundlePaths: [directory.path], target })).rejects.toThrow(
      /"SHA256SUMS" says 0{64}/,
    );
  });
});
