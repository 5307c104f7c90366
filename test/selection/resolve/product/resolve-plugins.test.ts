import { expect, test } from "vitest";
import type { ParseSelectionOptions } from "../../../../src/selection/grammar/selection-options.ts";
import { image, index } from "../../../support/artifacts.ts";
import { buildEdition } from "../../../support/edition.ts";
import { memorySource } from "../../../support/memory-source.ts";
import { failureOf, resolveEdition } from "../../support/resolve.ts";

type Requirements = Readonly<Record<string, unknown>> | "broken" | "none" | "in-child";

const ROOT = "deckhouse/deckhouse-cli/plugins";
const PLAIN = buildEdition("plain");
const FULL = buildEdition();

/** Plugin → tag → what its contract asks for. */
function source(plugins: Readonly<Record<string, Readonly<Record<string, Requirements>>>>) {
  const entries = Object.entries(plugins).map(([name, versions]) => [
    `${ROOT}/${name}`,
    Object.fromEntries(
      Object.entries(versions).map(([tag, needs]) => [tag, plugin(`${name} ${tag}`, needs)]),
    ),
  ]);
  const names = Object.keys(plugins).map((name) => [name, image({ name })]);
  return { ...PLAIN, ...Object.fromEntries(entries), [ROOT]: Object.fromEntries(names) };
}

function plugin(name: string, requirements: Requirements) {
  if (requirements === "none") return image({ name });
  const contract = (text: string) => ({ contract: Buffer.from(text).toString("base64") });
  if (requirements === "broken") return image({ name, annotations: contract("{") });
  if (requirements === "in-child") {
    return index([image({ name, annotations: contract(JSON.stringify(forConsole())) })]);
  }
  return image({ name, annotations: contract(JSON.stringify({ requirements })) });
}

const forConsole = (constraint = ">=1.4", more = {}) => ({
  requirements: { modules: { mandatory: [{ name: "console", constraint }] }, ...more },
});
const needsConsole = (constraint?: string, more = {}) => forConsole(constraint, more).requirements;
const mandatory = (name: string, constraint = "") => ({ mandatory: [{ name, constraint }] });

async function pluginsOf(
  repositories: ReturnType<typeof source>,
  wishes: ParseSelectionOptions = {},
) {
  const { roots, notices } = await resolveEdition(memorySource(repositories), wishes);
  const found = roots.filter(({ packageKind }) => packageKind === "plugin");
  const names = found.map(({ repository, tags }) => `${repository.split("/").at(-1)}:${tags}`);
  return { names: names.sort(), notices: notices.filter((code) => code.startsWith("PLUGIN")) };
}

test.each<[string, Parameters<typeof source>[0], string[]]>([
  [
    "the newest version that works",
    { t: { "v1.0.0": needsConsole(), "v1.1.0": needsConsole() } },
    ["t:v1.1.0"],
  ],
  [
    "an older one where the newest does not work",
    { t: { "v1.0.0": needsConsole(), "v2.0.0": needsConsole(">=9") } },
    ["t:v1.0.0"],
  ],
  [
    "one for each version of the module",
    { t: { "v1.0.0": needsConsole("<1.4"), "v2.0.0": needsConsole(">=1.4") } },
    ["t:v1.0.0", "t:v2.0.0"],
  ],
  [
    "nothing for modules that are not taken",
    { t: { "v1.0.0": { modules: mandatory("other") } } },
    [],
  ],
  ["nothing without a contract", { t: { "v1.0.0": "none" } }, []],
  [
    "an older version where a contract cannot be read",
    { t: { "v1.0.0": needsConsole(), "v1.1.0": "broken" } },
    ["t:v1.0.0"],
  ],
  [
    "a multi-platform plugin whose images have the contract",
    { t: { "v1.0.0": "in-child" } },
    ["t:v1.0.0"],
  ],
  [
    "builds, and no pre-releases",
    { t: { "v1.0.0-main": needsConsole(), "v1.1.0-rc.1": needsConsole() } },
    ["t:v1.0.0-main"],
  ],
  [
    "a contract of the first form",
    { t: { "v1.0.0": { modules: [{ name: "console", constraint: ">=1.4" }] } } },
    ["t:v1.0.0"],
  ],
  [
    "nothing when another module is missing",
    { t: { "v1.0.0": { modules: { mandatory: [{ name: "console" }, { name: "other" }] } } } },
    [],
  ],
  [
    "one whose group of modules is met",
    {
      t: {
        "v1.0.0": { modules: { anyOf: [{ modules: [{ name: "other" }, { name: "console" }] }] } },
      },
    },
    ["t:v1.0.0"],
  ],
  [
    "nothing when a second group is not met",
    {
      t: {
        "v1.0.0": {
          modules: { ...mandatory("console"), anyOf: [{ modules: [{ name: "other" }] }] },
        },
      },
    },
    [],
  ],
  [
    "the plugins that it needs, and those that they need",
    {
      t: { "v1.0.0": needsConsole(">=1.4", { plugins: mandatory("base", "^1.0") }) },
      base: { "v1.0.0": { plugins: mandatory("core") }, "v1.2.0": "none", "v2.0.0": "none" },
      core: { "v0.1.0": "none" },
    },
    ["base:v1.2.0", "t:v1.0.0"],
  ],
  [
    "an older version when the newest needs what is not there",
    {
      t: {
        "v1.0.0": needsConsole(),
        "v1.1.0": needsConsole(">=1.4", { plugins: mandatory("gone") }),
      },
    },
    ["t:v1.0.0"],
  ],
  [
    "nothing for plugins that need each other",
    {
      t: { "v1.0.0": needsConsole(">=1.4", { plugins: mandatory("u") }) },
      u: { "v1.0.0": { plugins: mandatory("t") } },
    },
    [],
  ],
  [
    "one that needs what every installation has",
    { t: { "v1.0.0": needsConsole(">=1.4", { plugins: mandatory("delivery-kit") }) } },
    ["t:v1.0.0"],
  ],
])("takes %s", async (_, plugins, expected) => {
  const wishes = { includeModules: ["console@>=1.2"] };
  expect((await pluginsOf(source(plugins), wishes)).names).toEqual(expected);
});

test("the platform that is taken has to be right as well", async () => {
  const plugins = {
    t: {
      "v1.0.0": needsConsole(">=1.4", { deckhouse: { constraint: ">=1.70" } }),
      "v1.1.0": needsConsole(">=1.4", { deckhouse: { constraint: ">=1.80" } }),
    },
  };
  expect((await pluginsOf({ ...FULL, ...source(plugins) })).names).toEqual(["t:v1.0.0"]);
  expect((await pluginsOf(source(plugins))).names).toEqual(["t:v1.1.0"]);
});

test("a plugin that was named is taken with what it needs, and a notice says what is missing", async () => {
  const plugins = {
    t: { "v1.0.0": { modules: mandatory("other"), plugins: mandatory("base") } },
    base: { "v1.0.0": { modules: mandatory("another") } },
  };
  const { names, notices } = await pluginsOf(source(plugins), { includePlugins: ["t"] });
  expect(names).toEqual(["base:v1.0.0", "t:v1.0.0"]);
  expect(notices).toEqual(["PLUGIN_UNMET", "PLUGIN_UNMET"]);
});

test("a version that was named is not taken a second time for a plugin that needs it", async () => {
  const plugins = {
    t: { "v1.0.0": { plugins: mandatory("base", ">=1.0") } },
    base: { "v1.0.0": "none", "v1.5.0": "none" },
  } as const;
  const wishes = { includePlugins: ["t", "base@=v1.0.0"] };
  expect((await pluginsOf(source(plugins), wishes)).names).toEqual(["base:v1.0.0", "t:v1.0.0"]);
});

test("a named plugin that needs a plugin that is not there is an error", async () => {
  const repositories = source({ t: { "v1.0.0": { plugins: mandatory("gone", "^2") } } });
  const failure = await failureOf(memorySource(repositories), { includePlugins: ["t"] });
  expect(failure).toMatchObject({ code: "SELECTION_UNMATCHED" });
  expect(failure.message).toContain('needs plugin "gone" ^2');
});

test("conditions on what is taken in other versions are notices", async () => {
  const plugins = {
    t: {
      "v1.0.0": {
        modules: {
          ...mandatory("console"),
          conditional: [{ name: "neuvector", constraint: ">=9" }],
        },
        plugins: { conditional: [{ name: "u", constraint: ">=2" }] },
      },
    },
    u: { "v1.0.0": "none" },
  } as const;
  const { names, notices } = await pluginsOf(source(plugins), { includePlugins: ["u"] });
  expect(names).toEqual(["t:v1.0.0", "u:v1.0.0"]);
  expect(notices).toEqual(["PLUGIN_UNMET", "PLUGIN_UNMET"]);
});
