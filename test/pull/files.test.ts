import { appendFile, mkdir, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { bundledRegistries } from "../../src/inspect/bundled-registries.ts";
import { inspectBundle } from "../../src/inspect/inspect.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { pull } from "../../src/pull/pull.ts";
import { push } from "../../src/push/push.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { parseSelection } from "../../src/selection/grammar/parse-selection.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { verifyBundle } from "../../src/verify/verify.ts";
import { eachTest } from "../support/fixture.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const directory = eachTest(openTempDirectory);
const registry = eachTest(openEmbeddedRegistry);
const client = eachTest(() => openRegistryClient({ certsDirectories: [] }));

const TEXT = "what a plant wants to have\n";

async function writeText(name: string, text: string | Buffer = TEXT): Promise<string> {
  const path = directory.resolve(name);
  await writeFile(path, text);
  return path;
}

interface PullFilesOptions {
  readonly bundle?: string;
  readonly onEvent?: (type: string) => void;
  readonly signal?: AbortSignal;
}

async function pullFiles(
  includeFiles: readonly string[],
  { bundle = "bundle", onEvent, signal }: PullFilesOptions = {},
) {
  const { selection } = parseSelection({ includeFiles });
  const summary = await pull({
    bundlePath: directory.resolve(bundle),
    selection,
    openSource: (reference) => client.repository(reference),
    onEvent: ({ type }) => onEvent?.(type),
    signal,
  });
  const packages = summary.complete ? summary.manifest.packages : [];
  return { summary, packages };
}

const imagesOf = ({ packages }: Awaited<ReturnType<typeof pullFiles>>) =>
  packages.flatMap(({ layouts }) => layouts.flatMap(({ images }) => images));

const pushAway = () =>
  push({
    bundlePath: directory.resolve("bundle"),
    target: { registry: registry.host, repository: "away" },
    openTarget: (reference) => client.repository(reference),
  });

describe("a file", () => {
  test("is an artifact with its name and bytes, below the target as it was called, in the receipt by its kind", async () => {
    const path = await writeText("setup.iso");
    const pulled = await pullFiles([`${path}:tools/setup:1.0`]);
    expect(pulled.packages.map(({ name, kind }) => [name, kind])).toEqual([["files", "files"]]);
    expect(imagesOf(pulled)).toMatchObject([
      { kind: "file", repository: "tools/setup", tags: ["1.0"] },
    ]);
    const verified = await verifyBundle({ bundlePath: directory.resolve("bundle") });
    expect(verified).toMatchObject({ complete: true, problems: [] });
    const receipt = await pushAway();
    expect(receipt).toMatchObject({
      complete: true,
      images: [{ repository: "tools/setup", tag: "1.0", kind: "file", outcome: "pushed" }],
    });
    expect(receipt.images[0]?.bytes).toBe(imagesOf(pulled)[0]?.size);
    const pushed = client.repository({ registry: registry.host, repository: "away/tools/setup" });
    const { bytes } = await pushed.fetchManifest("1.0");
    expect(JSON.parse(bytes.toString("utf8"))).toEqual({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      artifactType: "application/vnd.unknown.artifact.v1",
      config: {
        mediaType: "application/vnd.oci.empty.v1+json",
        digest: digestOf("{}"),
        size: 2,
      },
      layers: [
        {
          mediaType: "application/octet-stream",
          digest: digestOf(TEXT),
          size: TEXT.length,
          annotations: { "org.opencontainers.image.title": "setup.iso" },
        },
      ],
    });
  });

  test("makes the same bundle whenever it is read, and wherever it lies", async () => {
    const first = await pullFiles([`${await writeText("setup.iso")}:tools/setup`]);
    await mkdir(directory.resolve("other"));
    const path = await writeText("other/setup.iso");
    await utimes(path, 1, 1);
    const second = await pullFiles([`${path}:tools/setup`], { bundle: "second" });
    expect(second.packages).toEqual(first.packages);
  });

  test("belongs to no registry that clients would be configured for", async () => {
    await pullFiles([await writeText("setup.iso")]);
    const description = await inspectBundle({ bundlePath: directory.resolve("bundle") });
    expect(bundledRegistries(description)).toEqual([]);
  });

  test("of many megabytes passes through memory of a fixed size", async () => {
    const path = await writeText("large.bin", "");
    await truncate(path, 256 * 1024 * 1024);
    const before = process.memoryUsage().rss;
    let highest = 0;
    const onEvent = () => {
      highest = Math.max(highest, process.memoryUsage().rss);
    };
    const { summary } = await pullFiles([path], { onEvent });
    expect(summary.complete).toBe(true);
    expect(highest - before).toBeLessThan(128 * 1024 * 1024);
  });

  test.each([
    ["that is not there", "nothing.iso", "SELECTION_UNMATCHED", "it does not exist"],
    ["that is a directory", ".", "SELECTION_INVALID", "it is a directory"],
  ])("%s is an error before anything is written", async (_what, name, code, reason) => {
    await expect(pullFiles([`${directory.resolve(name)}:x`])).rejects.toMatchObject({
      code,
      message: expect.stringContaining(reason),
    });
    await expect(stat(directory.resolve("bundle"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each([
    ["has grown", (path: string) => appendFile(path, "more")],
    ["is gone", (path: string) => rm(path)],
  ])(
    "that %s since its digest was taken fails by name, and is read anew by the next run",
    async (_what, change) => {
      const path = await writeText("setup.iso");
      const changed: Promise<void>[] = [];
      const onEvent = (type: string) => {
        if (type === "planned") changed.push(change(path));
      };
      const { summary } = await pullFiles([path], { onEvent });
      await Promise.all(changed);
      expect(summary.failures).toMatchObject([{ code: "FILE_CHANGED" }]);
      await writeFile(path, "another text");
      const again = await pullFiles([path]);
      expect(again.summary).toMatchObject({ complete: true, failures: [] });
      const [image] = imagesOf(again);
      expect(image?.size).toBeGreaterThan(0);
    },
  );

  test("is taken as it was planned by a run that goes on, and anew if it has changed meanwhile", async () => {
    const path = await writeText("setup.iso");
    const stop = new AbortController();
    const onEvent = (type: string) => {
      if (type === "planned") stop.abort();
    };
    await expect(pullFiles([path], { onEvent, signal: stop.signal })).rejects.toThrow();
    await writeFile(path, "another text, of another length");
    const again = await pullFiles([`${path}`]);
    expect(again.summary).toMatchObject({ complete: true, failures: [] });
  });

  test("of the same name as another one is refused", async () => {
    const names = [await writeText("one.iso"), await writeText("two.iso", "other")];
    await expect(pullFiles(names.map((path) => `${path}:setup`))).rejects.toMatchObject({
      code: "SELECTION_INVALID",
    });
  });
});
