import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../../src/cli/commands/list.ts";
import { configKeysOf } from "../../../src/cli/options/config-keys.ts";
import { configSchema } from "../../../src/cli/options/config-schema.ts";
import { parseConfig } from "../../../src/cli/options/parse-config.ts";

interface Property {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Property[];
  readonly items?: { readonly properties: Readonly<Record<string, Property>> };
}

const keys = configKeysOf(COMMANDS);
const parse = (value: unknown) =>
  parseConfig(JSON.stringify(value), { path: "x", keys, env: { A: "a" } });
const published = JSON.parse(
  await readFile(new URL("../../../docs/schema/config.json", import.meta.url), "utf8"),
);
const { bundles, $schema: _, ...settings } = published.properties as Record<string, Property>;
const { bundle, ...ofBundle } = bundles?.items?.properties ?? {};

describe("docs/schema/config.json", () => {
  test("is what `mirror config schema` prints", () => {
    const remedy = "write it anew: node dist/mirror.js config schema > docs/schema/config.json";
    expect(published, remedy).toEqual(JSON.parse(JSON.stringify(configSchema(keys))));
  });

  test("has every flag of every command, each with a description, and nothing that is none", () => {
    const flags = new Set(COMMANDS.flatMap(({ flags }) => Object.keys(flags)));
    flags.delete("config");
    expect(Object.keys(settings).sort()).toEqual([...flags].sort());
    for (const [name, property] of Object.entries({ ...settings, ...ofBundle, bundle })) {
      expect(property?.description, name).toMatch(/\S/);
    }
  });

  test.each(Object.entries(settings))(
    "%s is taken by the parser as the schema has it",
    async (name, property) => {
      for (const value of examplesOf(property)) await parse({ [name]: value });
      await expect(parse({ [name]: { a: 1 } })).rejects.toThrow();
    },
  );

  test.each(Object.entries(ofBundle))(
    "%s of a bundle is taken by the parser as the schema has it",
    async (name, property) => {
      for (const value of examplesOf(property))
        await parse({ bundles: [{ bundle: "b", [name]: value }] });
      await expect(parse({ bundles: [{ bundle: "b", [name]: { a: 1 } }] })).rejects.toThrow();
    },
  );

  test("refuses what the parser refuses: other keys, and a bundle without its directory", async () => {
    expect(published.additionalProperties).toBe(false);
    expect(published.properties.bundles.items).toMatchObject({
      additionalProperties: false,
      required: ["bundle"],
    });
  });
});

/** A value of each kind that a property may have. */
function examplesOf({ anyOf, enum: choices, items, type }: Property): unknown[] {
  if (anyOf) return anyOf.flatMap(examplesOf);
  if (choices) return [...choices];
  if (type === "array") return [examplesOf(items as unknown as Property)];
  if (type === "boolean") return [true, false];
  return ["text", 4].filter((value) => [type].flat().includes(typeof value as string));
}
