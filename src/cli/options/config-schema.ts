import {
  BUNDLE_KEY,
  BUNDLE_TEXT,
  BUNDLES_KEY,
  BUNDLES_TEXT,
  type ConfigKeys,
  SCHEMA_KEY,
  SCHEMA_TEXT,
} from "./config-keys.ts";
import type { Flag } from "./flag.ts";

/** The JSON Schema of configuration files, which editors complete and check with (docs/schema/config.json). */
export function configSchema({ settings, bundle }: ConfigKeys): object {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Configuration of mirror",
    description: "Keys are flag names. The command line and the environment win over the file.",
    type: "object",
    additionalProperties: false,
    properties: {
      [SCHEMA_KEY]: { description: SCHEMA_TEXT, type: "string" },
      [BUNDLES_KEY]: {
        description: BUNDLES_TEXT,
        type: "array",
        items: {
          type: "object",
          additionalProperties: false,
          required: [BUNDLE_KEY],
          properties: {
            [BUNDLE_KEY]: { description: BUNDLE_TEXT, type: "string", minLength: 1 },
            ...propertiesOf(bundle),
          },
        },
      },
      ...propertiesOf(settings),
    },
  };
}

function propertiesOf(flags: ReadonlyMap<string, Flag>): Readonly<Record<string, object>> {
  const sorted = [...flags].sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, flag]) => [name, propertyOf(flag)]));
}

function propertyOf({ bare, choices, describe, type }: Flag): object {
  const description = describe;
  if (type === "boolean") return { description, type: "boolean" };
  const text = choices === undefined ? { type: ["string", "number"] } : { enum: choices };
  if (type === "list") return { description, anyOf: [text, { type: "array", items: text }] };
  return bare === undefined
    ? { description, ...text }
    : { description, anyOf: [text, { enum: [true] }] };
}
