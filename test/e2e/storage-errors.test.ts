import { mkdir, symlink, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { allTests } from "../support/fixture.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const directory = allTests(openTempDirectory);
const registry = allTests(openEmbeddedRegistry);

beforeAll(async () => {
  seed(registry, "acme/web", { v1: image({ layers: [randomLayer(1000, 1)] }) });
  await symlink("circle", directory.resolve("circle"));
  const status = await runInProcess(["pull", directory.resolve("bundle"), ...selection()]);
  expect(status).toMatchObject({ status: 0 });
});

const selection = () => ["--include-image", `${registry.host}/acme/web:v1`];

/** A directory in which one name is a link to itself. */
async function withCircle(name: string, ...parts: readonly string[]): Promise<string> {
  const path = directory.resolve(name);
  await mkdir(directory.resolve(name, ...parts.slice(0, -1)), { recursive: true });
  await symlink(parts.at(-1) ?? "", directory.resolve(name, ...parts));
  return path;
}

interface Row {
  readonly title: string;
  readonly words: () => Promise<readonly string[]> | readonly string[];
  readonly named: string;
}

describe("what the file system refuses", () => {
  test.each<Row>([
    {
      title: "the directory of a pull",
      words: () => ["pull", directory.resolve("circle"), ...selection()],
      named: "circle",
    },
    {
      title: "a directory above that of a pull",
      words: () => ["pull", directory.resolve("circle", "below"), ...selection()],
      named: "circle",
    },
    {
      title: "the state of a pull",
      words: async () => ["pull", await withCircle("state", ".mirror"), ...selection()],
      named: ".mirror",
    },
    {
      title: "the pinned plan of a pull",
      words: async () => [
        "pull",
        await withCircle("pinned", ".mirror", "plan.json"),
        ...selection(),
      ],
      named: "plan.json",
    },
    {
      title: "the earlier bundles of a pull",
      words: async () => [
        "plan",
        await withCircle("earlier", ".mirror", "previous"),
        ...selection(),
      ],
      named: "previous",
    },
    {
      title: "the bundle of a push",
      words: () => ["push", directory.resolve("circle"), `${registry.host}/mirror`],
      named: "circle",
    },
    {
      title: "the list of a bundle",
      words: async () => ["inspect", await withCircle("listed", "bundle.json")],
      named: "bundle.json",
    },
    {
      title: "the checksums of a bundle",
      words: async () => {
        const path = await withCircle("sums", "SHA256SUMS");
        await writeFile(directory.resolve("sums", "x.tar"), "");
        return ["verify", path];
      },
      named: "SHA256SUMS",
    },
  ])("is a failure of the storage that names $title", async ({ words, named }) => {
    const { status, stderr } = await runInProcess(await words());
    expect(stderr).not.toContain("a bug in this program");
    expect(stderr).toMatch(new RegExp(`error: .*${named}.*: its links lead in a circle`));
    expect(stderr).toContain("hint: ");
    expect(status).toBe(32);
  });
});
