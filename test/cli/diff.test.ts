import { beforeAll, describe, expect, test } from "vitest";
import type { DiffReport } from "../../src/diff/compare-contents.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { errorResponse, type RegistryMiddleware } from "../../src/server/message.ts";
import { image, seed } from "../support/artifacts.ts";
import { allTests } from "../support/fixture.ts";
import { seedSigned, signedIndex } from "../support/referrers.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const OLD = image({ name: "old" });
const NEW = image({ name: "new" });
const MOVED = image({ name: "moved" });

/** Of the images in a target. */
let repository: string;

/** Two locks, two bundles and a target: v1 is in the old ones, v2 in the new ones, `stable` has moved, the rest is the same. */
const directory = allTests(openTempDirectory);
const source = allTests(openEmbeddedRegistry);
const target = allTests(openEmbeddedRegistry);

beforeAll(async () => {
  seed(source, "acme/web", { v1: OLD, v2: NEW, stable: OLD });
  seedSigned(source, "acme/signed", signedIndex());
  repository = `${source.host.replace(":", "-")}/acme/web`;
  const wishes = (tag: string) =>
    ["acme/web:stable", `acme/web:${tag}`, "acme/signed:v1"].flatMap((name) => [
      "--include-image",
      `${source.host}/${name}`,
    ]);
  await make("old", wishes("v1"));
  await run("push", path("old"), place(), "--receipt", path("receipt.json"));
  seed(source, "acme/web", { stable: MOVED });
  await make("new", wishes("v2"));
});

const OLD_SIDES = [
  ["a lock", () => path("old.json")],
  ["a bundle", () => path("old")],
  ["a target", () => place()],
] as const;
const NEW_SIDES = [
  ["a lock", () => path("new.json")],
  ["a bundle", () => path("new")],
] as const;

describe.each(OLD_SIDES)("mirror diff of %s", (_, left) => {
  test.each(NEW_SIDES)(
    "and %s tells what came, went and moved, with its bytes",
    async (_, right) => {
      const { report } = await diff(left(), right());
      expect(report).toMatchObject({
        isSame: false,
        added: [{ repository, tag: "v2", size: sizeOf(NEW) }],
        removed: [{ repository, tag: "v1", size: sizeOf(OLD) }],
        changed: [
          {
            tag: "stable",
            from: { digest: OLD.manifest.descriptor.digest },
            to: { digest: MOVED.manifest.descriptor.digest },
          },
        ],
        versions: [{ repository, added: ["v2"], removed: ["v1"] }],
        bytes: {
          added: sizeOf(NEW),
          removed: sizeOf(OLD),
          changed: { from: sizeOf(OLD), to: sizeOf(MOVED) },
        },
      });
      // The index, tags of cosign, and what has no tag
      expect(report.sameCount).toBeGreaterThan(5);
    },
  );

  test.each(OLD_SIDES)("and %s of the same content finds nothing", async (_, right) => {
    const { report, status } = await diff(left(), right(), "--exit-code");
    expect(report).toMatchObject({ isSame: true, added: [], removed: [], changed: [] });
    expect(status).toBe(0);
  });
});

test("mirror diff the other way round tells the opposite", async () => {
  const { report } = await diff(path("new"), place());
  expect(report.added.map(({ tag }) => tag)).toEqual(["v1"]);
  expect(report.removed.map(({ tag }) => tag)).toEqual(["v2"]);
});

test("mirror diff ends with status 4 for differences, if it is asked to", async () => {
  expect((await diff(path("old"), path("new"))).status).toBe(0);
  expect((await diff(path("old"), path("new"), "--exit-code")).status).toBe(4);
});

test("mirror diff tells people what a program reads", async () => {
  const { stdout } = await run("diff", path("old.json"), path("new.json"));
  expect(stdout).toMatch(/^- lock .*old\.json \(\d+ names\)\n\+ lock .*new\.json/);
  expect(stdout).toContain(`- ${repository}:v1  `);
  expect(stdout).toContain(`+ ${repository}:v2  `);
  expect(stdout).toMatch(/^~ .*\/acme\/web:stable {2}[0-9a-f]{12} -> [0-9a-f]{12}$/m);
  expect(stdout).toMatch(/1 added \(.*\), 1 removed \(.*\), 1 changed \(.*\), \d+ the same\n$/);
});

test("mirror diff writes Markdown that no name breaks", async () => {
  const { stdout } = await run("diff", path("old.json"), path("new.json"), "--markdown");
  expect(stdout).toContain(`| \`${repository}:v2\` |`);
  expect(stdout).toContain("### Changed");
  expect(stdout.split("\n").filter((line) => line.startsWith("### "))).toHaveLength(3);
});

test("mirror diff says that a registry does not list its repositories, and looks at the known ones", async () => {
  const hidden: RegistryMiddleware = async (request, next) =>
    request.path === "/v2/_catalog"
      ? errorResponse(403, { code: "DENIED", message: "no catalog" })
      : await next(request);
  await using quiet = await openEmbeddedRegistry({ content: target.content, middleware: hidden });
  const { report } = await diff(path("old"), `${quiet.host}/mirror`);
  expect(report.isSame).toBe(true);
  expect(report.notices.map(({ code }) => code)).toEqual(["REPOSITORIES_UNLISTED"]);
});

test("mirror diff finds a referrer that the target does not have", async () => {
  const content = target.content.repository(`mirror/${repository.replace("web", "signed")}`);
  const [digest = ""] = [...content.manifests].flatMap(([one, { bytes }]) =>
    JSON.parse(String(bytes)).subject ? [one] : [],
  );
  const held = content.manifests.get(digest);
  content.manifests.delete(digest);
  const { report } = await diff(path("old"), place());
  if (held) content.manifests.set(digest, held);
  expect(report.removed.map((one) => one.digest)).toEqual([digest]);
});

test.each(["./nowhere", "nowhere", "nowhere.json"])(
  "mirror diff names %s, which is not there",
  async (name) => {
    const { status, stderr } = await runInProcess(["diff", path("old"), name]);
    expect(status).toBe(2);
    expect(stderr).toContain(`Cannot compare "${name}": there is no such file or directory`);
  },
);

const path = (name: string) => directory.resolve(name);
const place = () => `${target.host}/mirror`;

async function run(...words: string[]) {
  const result = await runInProcess(words);
  expect(result, result.stderr).toMatchObject({ status: 0 });
  return result;
}

async function make(name: string, wishes: readonly string[]): Promise<void> {
  await run("plan", ...wishes, "--out", path(`${name}.json`));
  await run("pull", path(name), ...wishes);
}

async function diff(left: string, right: string, ...flags: string[]) {
  const { status, stdout, stderr } = await runInProcess(["diff", left, right, "--json", ...flags]);
  expect([0, 4], stderr).toContain(status);
  return { status, report: JSON.parse(stdout) as DiffReport };
}

function sizeOf({ manifest, blobs }: typeof OLD): number {
  const sizes = [manifest, ...blobs].map(({ descriptor }) => descriptor.size);
  return sizes.reduce((sum, size) => sum + size, 0);
}
