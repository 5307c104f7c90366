import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { BundleManifest } from "../../src/bundle/read/bundle-manifest.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { image, seed } from "../support/artifacts.ts";
import { eachTest } from "../support/fixture.ts";
import { digestOfArtifact, seedSigned, signedIndex } from "../support/referrers.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const SIGNED = signedIndex();
const ALL = [SIGNED.index, ...Object.values(SIGNED.cosign), ...Object.values(SIGNED.referrers)];

const directory = eachTest(openTempDirectory);

describe.each([404, 405, 501] as const)(
  "a registry that answers %i to any list of tags",
  (status) => {
    test.each([
      ["lists referrers", {}],
      ["has fallback tags", { referrers: 404, subjectHeader: "absent" }],
    ] as const)("and %s gives an image with all that belongs to it", async (_, faults) => {
      await using source = await startFaultRegistry({ faults: { noTagList: status, ...faults } });
      await using plain = await openEmbeddedRegistry();
      seedSigned(plain, "acme/web", SIGNED);
      await done("pull", path("seed"), "--include-image", `${plain.host}/acme/web:v1`);
      await done("push", path("seed"), `${source.host}/r`, "--receipt", path("r.json"));
      source.log.clear();
      const name = `${source.host}/r/${plain.host.replace(":", "-")}/acme/web:v1`;
      await done("pull", path("b"), "--include-image", name);
      const { packages } = await readJson<BundleManifest>("b/bundle.json");
      const digests = packages
        .flatMap(({ layouts }) => layouts.flatMap(({ images }) => images))
        .map(({ digest }) => digest);
      expect(digests.sort()).toEqual(ALL.map(digestOfArtifact).sort());
      expect(source.log.count("GET", /tags\/list/)).toBe(1);
    });

    test("gives what is named, and says what is known of the rest, to diff and outdated", async () => {
      await using source = await openEmbeddedRegistry();
      await using target = await startFaultRegistry({ faults: { noTagList: status } });
      seed(source, "acme/web", { v1: image({ name: "one" }), v2: image({ name: "two" }) });
      const wish = ["--include-image", `${source.host}/acme/web:v1`];
      await done("pull", path("b"), ...wish);
      await done("push", path("b"), `${target.host}/r`, "--receipt", path("r.json"));
      const diff = JSON.parse((await done("diff", path("b"), `${target.host}/r`, "--json")).stdout);
      expect(diff).toMatchObject({ isSame: true });
      expect(codesOf(diff)).toContain("TAG_LIST_MISSING");
      const words = ["outdated", ...wish, "--target", `${target.host}/r`, "--json"];
      const outdated = JSON.parse((await done(...words)).stdout);
      expect(outdated).toMatchObject({ isOutdated: false });
      expect(codesOf(outdated)).toContain("TAG_LIST_MISSING");
    });

    test("is not pruned: what it does not list is not known", async () => {
      await using source = await openEmbeddedRegistry();
      await using target = await startFaultRegistry({ faults: { noTagList: status } });
      seed(source, "acme/web", { v1: image({ name: "one" }) });
      await done("pull", path("b"), "--include-image", `${source.host}/acme/web:v1`);
      await done("push", path("b"), `${target.host}/r`, "--receipt", path("r.json"));
      const result = await runInProcess(["prune", `${target.host}/r`, "--keep-bundle", path("b")]);
      expect(result.status, result.stdout).toBe(13);
      expect(result.stderr).toContain("Cannot prune");
      expect(result.stderr).toMatch(/hint: Delete there by the means of the registry itself/);
    });

    test("has no tags to show, which is an error that says why", async () => {
      await using source = await startFaultRegistry({ faults: { noTagList: status } });
      seed(source, "acme/web", { v1: image({ name: "one" }) });
      const result = await runInProcess(["tags", `${source.host}/acme/web`, "--no-cache"]);
      expect(result.status).toBe(status === 404 ? 11 : 13);
      expect(result.stderr).toMatch(/hint: .*(?:by name|one by one)/);
    });

    test("gives no range, which is an error that says what helps", async () => {
      await using source = await startFaultRegistry({ faults: { noTagList: status } });
      seed(source, "acme/web", { "v1.0.0": image({ name: "one" }) });
      const words = ["plan", path("b"), "--include-image", `${source.host}/acme/web@^1`];
      const result = await runInProcess([...words, "--no-cache"]);
      expect(result.status).toBe(status === 404 ? 11 : 13);
      expect(result.stderr).toMatch(/hint: .*(?:name the tag|Name tags)/);
    });
  },
);

test("doctor says that ranges cannot be asked for", async () => {
  await using target = await startFaultRegistry({ faults: { noTagList: 405 } });
  const { stdout } = await runInProcess(["doctor", `${target.host}/r`, "--json"]);
  const { checks } = JSON.parse(stdout);
  expect(checks).toContainEqual(
    expect.objectContaining({
      name: "pull",
      status: "limited",
      detail: expect.stringMatching(/no list of tags/),
    }),
  );
});

const path = (name: string) => directory.resolve(name);

async function done(...words: string[]) {
  const result = await runInProcess(words);
  expect(result.status, result.stderr).toBe(0);
  return result;
}

async function readJson<Value>(name: string): Promise<Value> {
  return JSON.parse(await readFile(path(name), "utf8")) as Value;
}

function codesOf({ notices }: { readonly notices: readonly { readonly code: string }[] }) {
  return notices.map(({ code }) => code);
}
