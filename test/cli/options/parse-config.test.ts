import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../../src/cli/commands/list.ts";
import { configKeysOf } from "../../../src/cli/options/config-keys.ts";
import { parseConfig } from "../../../src/cli/options/parse-config.ts";

const keys = configKeysOf(COMMANDS);
const parse = (text: string, env: Record<string, string> = {}) =>
  parseConfig(text, { path: "mirror.yaml", keys, env });

const SECRET = "a-secret-of-somebody";

describe("parseConfig()", () => {
  test("takes keys that are flags, in YAML and in JSON", async () => {
    const settings = { source: "registry.example.com/acme", "include-module": ["foo@^1"] };
    expect(await parse(JSON.stringify(settings))).toMatchObject({ settings, bundles: [] });
    const yaml = "source: registry.example.com/acme\ninclude-module: [foo@^1]\n";
    expect(await parse(yaml)).toMatchObject({ settings, bundles: [] });
  });

  test("takes bundles with what each says itself, numbers as texts and one text as a list", async () => {
    const text = `
$schema: ./config.json
concurrency: 8
bundles:
  - bundle: ./one
    include-module: foo@^1
    images-bundle-chunk-size: 4
    no-platform: true
  - {bundle: ./two, source: registry.test/acme}
`;
    expect(await parse(text)).toEqual({
      path: "mirror.yaml",
      settings: { concurrency: "8" },
      bundles: [
        {
          bundle: "./one",
          settings: {
            "include-module": ["foo@^1"],
            "images-bundle-chunk-size": "4",
            "no-platform": true,
          },
        },
        { bundle: "./two", settings: { source: "registry.test/acme" } },
      ],
    });
  });

  test("takes anchors and merges them", async () => {
    const text = `
bundles:
  - &base {bundle: ./one, platform: linux/amd64}
  - {<<: *base, bundle: ./two}
`;
    const { bundles } = await parse(text);
    expect(bundles[1]).toEqual({ bundle: "./two", settings: { platform: ["linux/amd64"] } });
  });

  test("puts variables of the environment into texts", async () => {
    const text = `
source-password: \${SECRET}
source: \${HOST:-registry.test}/acme
include-image: ['web@regex:^a$', 'x$\${Y}']
upstream: ["u:\${SECRET}@registry.test"]
`;
    const { settings } = await parse(text, { SECRET });
    expect(settings).toEqual({
      "source-password": SECRET,
      source: "registry.test/acme",
      "include-image": ["web@regex:^a$", `x\${Y}`],
      // It has rules of its own for passwords
      upstream: [`u:\${SECRET}@registry.test`],
    });
  });

  test.each([
    [
      "text that is neither",
      `source: "${SECRET}\n`,
      /, line \d, column \d: a colon, a comma, a quote/,
    ],
    [
      "a key that is there twice",
      "source: a\nsource: b\n",
      /, line 2, column 1: a key is there twice/,
    ],
    ["a list", "[]", /: it is not a map/],
    ["several documents", "a: 1\n---\nb: 1\n", /it has more than one document/],
    ["an unknown tag", "source: !secret x\n", /, line 1, column 9: it has a tag/],
    ["an alias of nothing", "source: *x\n", /an alias names no anchor/],
    [
      "a key that is no flag",
      "concurrency: 1\n\nsourse: x\n",
      /, line 3, column 1: unknown key "sourse"/,
    ],
    ["a flag that is no key", "config: x\n", /unknown key "config"/],
    [
      "a key of a bundle that is none",
      "bundles:\n  - bundle: a\n    sauce: x\n",
      /, line 3, column 5: unknown key "sauce"/,
    ],
    [
      "a key of another command in a bundle",
      "bundles:\n  - bundle: a\n    listen: x\n",
      /, line 3, column 5: the key "listen" has no effect on one bundle/,
    ],
    [
      "a bundle without its directory",
      "bundles:\n  - source: a/b\n",
      /, line 2, column 5: "bundle" has to name/,
    ],
    ["a bundle that is a text", "bundles: [x]\n", /, line 1, column 11: a bundle is a map/],
    ["bundles that are no list", "bundles: x\n", /"bundles" is not a list/],
    [
      "a bundle that is named twice",
      "bundles: [{bundle: a}, {bundle: a}]\n",
      /the bundle "a" is named twice/,
    ],
    ["no value", "source:\n", /, line 1, column 1: "source" is one text/],
    ["a list for one text", "source: [a, b]\n", /"source" is one text/],
    ["a text for a switch", "force: 'yes'\n", /"force" is true or false/],
    [
      "a map in a list",
      "include-image: [a, {b: c}]\n",
      /, line 1, column 20: "include-image" is a text or a list/,
    ],
    ["no choice", "progress: loud\n", /"progress" is one of auto, tty/],
    [
      "a variable that is not set",
      "x:\n".replace("x:", "license: $" + "{NOT_SET}"),
      /the variable NOT_SET is not set/,
    ],
  ])("refuses %s, with its place", async (_what, text, message) => {
    const failure = await parse(text).catch((error) => error);
    expect(failure.message).toMatch(/^Cannot use configuration file "mirror\.yaml"/);
    expect(failure.message).toMatch(message);
    expect(`${failure.message}${failure.hint}${failure.stack}`).not.toContain(SECRET);
  });

  test("says what a misspelled key may mean", async () => {
    await expect(parse("includ-module: x\n")).rejects.toMatchObject({
      hint: expect.stringContaining("include-module"),
    });
  });

  test.each([
    ["aliases that multiply", bomb()],
    ["brackets without an end", "[".repeat(100_000)],
    ["dashes without an end", "- ".repeat(100_000)],
    ["keys without an end", "? ".repeat(100_000)],
    [
      "blocks without an end",
      Array.from({ length: 1200 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n"),
    ],
    ["a text of megabytes", `source: ${"x".repeat(2_000_000)}`],
  ])("refuses %s soon", async (_what, text) => {
    const start = performance.now();
    await expect(parse(text)).rejects.toThrow(/^Cannot use configuration file "mirror\.yaml"/);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

/** Nine levels of nine: 400 million items. */
function bomb(): string {
  const levels = [..."abcdefghi"].map((name, index, names) => {
    const below = index === 0 ? "x" : `*${names[index - 1]}`;
    return `${name}: &${name} [${Array.from({ length: 9 }, () => below).join(", ")}]`;
  });
  return `${levels.join("\n")}\ninclude-image: *i\n`;
}
