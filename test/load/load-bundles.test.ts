import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { loadBundles } from "../../src/load/load-bundles.ts";
import type { LoadOptions } from "../../src/load/load-options.ts";
import type { PushEvent } from "../../src/push/events.ts";
import type { Receipt } from "../../src/push/receipt/receipt.ts";
import { ONLY_IMAGES, writeSampleBundle } from "../bundle/support/sample-bundle.ts";
import { image } from "../support/artifacts.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g"];

/** As `docker` answers; what it loads it lists, and images whose names it was told it refuses. */
const PROGRAM = `#!${process.execPath}
const { readFileSync, writeFileSync, appendFileSync } = require("node:fs");
const state = process.env.STATE;
const read = () => { try { return readFileSync(state, "utf8"); } catch { return ""; } };
const [command] = process.argv.slice(2);
if (command === "version") console.log("linux/amd64");
if (command === "info") console.log("[]");
if (command === "images") process.stdout.write(read());
if (command === "load") {
  const tar = readFileSync(0);
  appendFileSync(state + ".loads", "x");
  const size = parseInt(tar.toString("latin1", 124, 135), 8);
  const list = JSON.parse(tar.subarray(512, 512 + size));
  const names = list.flatMap(({ RepoTags }) => RepoTags);
  const refused = names.find((name) => new RegExp(process.env.REFUSED).test(name));
  if (refused) { console.error("no room for " + refused); process.exit(1); }
  const lines = list.flatMap(({ Config, RepoTags }) =>
    RepoTags.map((name) => name + " sha256:" + Config.slice(-64) + "\\n"));
  writeFileSync(state, read() + lines.join(""));
}
`;

async function load(
  directory: TempDirectory,
  refused: string,
  chosen: Pick<LoadOptions, "images" | "platforms"> = {},
): Promise<{ receipt: Receipt; loads: number; events: PushEvent[] }> {
  const program = directory.resolve("docker");
  await writeFile(program, PROGRAM);
  // Whatever lies above the directory
  await writeFile(directory.resolve("package.json"), '{"type":"commonjs"}');
  await chmod(program, 0o755);
  const bundlePath = directory.resolve("bundle");
  if (!(await readdir(directory.path)).includes("bundle")) {
    await writeSampleBundle(bundlePath, {
      repositories: Object.fromEntries(
        NAMES.map((name) => [`acme/${name}`, { v1: image({ name }) }]),
      ),
      ...ONLY_IMAGES,
      includeImages: NAMES.map((name) => `registry.test/acme/${name}:v1`),
    });
  }
  const state = directory.resolve("state");
  const env = { PATH: directory.path, STATE: state, REFUSED: refused };
  const events: PushEvent[] = [];
  const receipt = await loadBundles({
    ...{ bundlePaths: [bundlePath], target: "docker://local", env, ...chosen },
    onEvent: (event) => events.push(event),
  });
  const loads = (await readFile(`${state}.loads`, "utf8")).length;
  return { receipt, loads, events };
}

describe("loadBundles()", () => {
  test("one image that the runtime refuses keeps no other one back, and is named with its words", async () => {
    await using directory = await openTempDirectory();
    const { receipt, events } = await load(directory, "acme/c");
    expect(receipt.complete).toBe(false);
    const outcomes = receipt.images.map(({ repository, outcome }) => [repository, outcome]);
    expect(outcomes).toEqual(
      NAMES.map((name) => [`registry.test/acme/${name}`, name === "c" ? "failed" : "pushed"]),
    );
    expect(receipt.failures).toMatchObject([
      {
        code: "RUNTIME_REFUSED",
        subject: "registry.test/acme/c:v1",
        message: expect.stringContaining("no room for registry.test/acme/c:v1"),
      },
    ]);
    const finished = events.filter(({ type }) => type === "image-finished");
    expect(finished).toHaveLength(NAMES.length);
    const { totals } = receipt;
    expect(totals.bytes).toBe(totals.sentBytes + totals.alreadyThereBytes);
  });

  test("a runtime that refuses everything is not asked for each of many images", async () => {
    await using directory = await openTempDirectory();
    const { receipt, loads } = await load(directory, "acme");
    expect(receipt.images.map(({ outcome }) => outcome)).toEqual(NAMES.map(() => "failed"));
    expect(receipt.failures).toHaveLength(NAMES.length);
    expect(loads).toBe(5);
  });

  test("the next run sends what is missing, and nothing else", async () => {
    await using directory = await openTempDirectory();
    await load(directory, "acme/c");
    const { receipt } = await load(directory, "nothing");
    const sent = receipt.images.filter(({ outcome }) => outcome === "pushed");
    expect(sent.map(({ repository }) => repository)).toEqual(["registry.test/acme/c"]);
    expect(receipt.complete).toBe(true);
  });

  test("images are chosen by name and platform as for an export, and nothing else is loaded", async () => {
    await using directory = await openTempDirectory();
    const chosen = { images: ["*/b:v1", "*acme/e:*"], platforms: ["linux/amd64"] };
    const { receipt } = await load(directory, "nothing", chosen);
    expect(receipt).toMatchObject({ complete: true, notices: [] });
    expect(receipt.images.map(({ repository, outcome }) => [repository, outcome])).toEqual([
      ["registry.test/acme/b", "pushed"],
      ["registry.test/acme/e", "pushed"],
    ]);
  });

  test.each([
    [{ images: ["*nginx*"] }, /no image fits/],
    [{ platforms: ["linux/s390x"] }, /not for linux\/s390x/],
    [{ platforms: ["linux/amd64", "linux/arm64"] }, /takes one platform/],
  ])("what leaves nothing, or more than the runtime takes, is refused: %o", async (chosen, why) => {
    await using directory = await openTempDirectory();
    await expect(load(directory, "nothing", chosen)).rejects.toThrow(why);
  });
});
