import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readChartIndex } from "../../src/artifacts/chart-index.ts";
import { cutSection } from "../../src/artifacts/cut-section.ts";
import { chartArchive, chartIndex } from "../support/charts.ts";

const ARCHIVE = chartArchive();
const BOTH = chartIndex([
  { name: "nginx", version: "1.2.3", archive: ARCHIVE },
  { name: "nginx", version: "1.3.0+up1", archive: ARCHIVE },
  { name: "redis", version: "7.0.0", archive: ARCHIVE },
]);

const versionsOf = async (text: string | Buffer, name = "nginx") =>
  await (await readChartIndex(Buffer.from(text), "index")).versionsOf(name);

const failureOf = async (text: string) => {
  try {
    return await versionsOf(text);
  } catch (error) {
    return error as Error;
  }
};

/** An index of one chart with one entry of these lines. */
const entry = (...lines: readonly string[]) =>
  `apiVersion: v1\nentries:\n  nginx:\n  - ${lines.join("\n    ")}\n`;

const GOOD = ["version: 1.2.3", "urls: [a.tgz]"];

describe("readChartIndex()", () => {
  test.each([
    ["as Helm writes it", BOTH],
    ["with other spaces and quotes", BOTH.replace("  nginx:", '  "nginx":   # a comment')],
    ["compressed", gzipSync(BOTH)],
    ["that has an anchor somewhere", BOTH.replace("generated:", "x: &anchor 1\ngenerated:")],
    ["as JSON", JSON.stringify({ entries: { nginx: NGINX(), redis: [] } })],
    ["as YAML on one line", `entries: ${JSON.stringify({ nginx: NGINX(), redis: [] })}\n`],
  ])("reads an index %s", async (_what, text) => {
    const index = await readChartIndex(Buffer.from(text), "index");
    expect(index.names).toEqual(["nginx", "redis"]);
    const versions = await index.versionsOf("nginx");
    expect(versions?.charts.map(({ version, tag }) => [version, tag])).toEqual([
      ["1.2.3", "1.2.3"],
      ["1.3.0+up1", "1.3.0_up1"],
    ]);
    expect(versions?.unread).toEqual([]);
    expect(await index.versionsOf("apache")).toBeUndefined();
  });

  test.each([
    ["no version", ["urls: [a.tgz]"], "has no version"],
    ["a version that is none", ["version: nightly", "urls: [a.tgz]"], "which is none"],
    ["no address", ["version: 1.2.3"], "has no address"],
    ["a digest of another kind", [...GOOD, "digest: 12"], "has a digest that is no sha256"],
    ["another name", [...GOOD, "name: apache"], 'is called "apache"'],
  ])("says which entries it does not read: %s", async (_what, lines, reason) => {
    const versions = await versionsOf(entry(...lines));
    expect(versions?.charts).toEqual([]);
    expect(versions?.unread).toMatchObject([expect.stringContaining(reason)]);
  });

  test("takes the first of two entries for one version, and says so where they differ", async () => {
    const lines = [...GOOD, `digest: ${"a".repeat(64)}`];
    const text = `${entry(...lines)}  - ${GOOD.join("\n    ")}\n    digest: ${"b".repeat(64)}\n`;
    const versions = await versionsOf(text);
    expect(versions?.charts).toMatchObject([{ digest: `sha256:${"a".repeat(64)}` }]);
    expect(versions?.unread).toMatchObject([expect.stringContaining("another archive")]);
  });

  test.each([
    ["a key given twice", entry(...GOOD, "version: 1.2.4"), "unique"],
    ["a chart given twice", `${entry(...GOOD)}  nginx:\n  - version: 1\n`, "unique"],
    ["aliases that multiply", `entries:\n  nginx: &a [1]\nx: ${"[".repeat(3)}*b]]]\n`, "not YAML"],
    ["entries that are no map", "entries: [1]\n", "its entries are no map"],
    ["no list of versions", "entries:\n  nginx:\n    version: 1\n", "are no list"],
    ["something else", "<html>\n", "it is no index of charts"],
    ["nothing", "", "it is no index of charts"],
  ])("refuses %s", async (_what, text, reason) => {
    expect(await failureOf(text)).toMatchObject({
      code: "CONTENT_INVALID",
      message: expect.stringContaining(reason),
    });
  });

  test("parses the part of one chart of a large index, not the whole", async () => {
    const charts = Array.from({ length: 400 }, (_, chart) =>
      Array.from({ length: 50 }, (_unused, version) => ({
        name: `chart-${chart}`,
        version: `1.${version}.0`,
        archive: ARCHIVE,
      })),
    );
    const text = chartIndex(charts.flat());
    const cut = cutSection(text);
    expect(cut?.size).toBe(400);
    expect(cut?.get("chart-7")?.length).toBeLessThan(text.length / 300);
    expect((await versionsOf(text, "chart-7"))?.charts).toHaveLength(50);
  });
});

function NGINX() {
  return ["1.2.3", "1.3.0+up1"].map((version) => ({ name: "nginx", version, urls: ["a.tgz"] }));
}
