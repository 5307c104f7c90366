import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import {
  type PlanClientConfigOptions,
  planClientConfig,
} from "../../src/clients/plan-client-config.ts";
import { RUNTIME_DEFAULTS } from "../../src/clients/runtime-options.ts";
import { RUNTIMES } from "../../src/clients/runtimes.ts";
import { loadTextFormats } from "../../src/formats/text-formats.ts";

const CA = "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n";
const LOGIN = { credential: { username: "reader", password: "s3cret" }, includeSecrets: true };
const ajv = new Ajv2020({ allErrors: true, strictTypes: false });
const formats = await loadTextFormats();

type Request = Partial<PlanClientConfigOptions>;

const PLAIN: readonly Request[] = [
  { mirror: "http://mirror.lan:5000" },
  { mirror: "http://mirror.lan:5000", fallback: false },
  { mirror: "https://mirror.lan:5000", ca: CA, fallback: false },
  { mirror: "https://mirror.lan", skipVerify: true },
];
const CLUSTERS: readonly Request[] = [
  ...PLAIN,
  { mirror: "https://mirror.lan:5000", ca: CA, ...LOGIN },
  { mirror: "http://mirror.lan:5000", options: { cluster: "lab", workers: 2 } },
];
const LEGACY = CLUSTERS.map((request) => ({
  ...request,
  options: { talosFormat: "legacy" as const },
}));

interface Client {
  readonly name: string;
  /** The file that the schema is of. */
  readonly path: RegExp;
  readonly requests: readonly Request[];
  /** What nobody may write, in the text of a file that is right. */
  readonly change: readonly [from: string | RegExp, to: string];
  /** Default: YAML, any number of documents. */
  readonly parse?: (text: string) => unknown;
}

const CLIENTS: readonly Client[] = [
  {
    name: "containerd",
    path: /\/hosts\.toml$/,
    requests: CLUSTERS,
    change: ["capabilities =", "capability ="],
    parse: formats.toml.parse,
  },
  {
    name: "podman",
    path: /\.conf$/,
    requests: PLAIN,
    change: [/location = "(?=\S*mirror\.lan)/, 'location = "http://'],
    parse: formats.toml.parse,
  },
  {
    name: "k3s",
    path: /^registries\.yaml$/,
    requests: CLUSTERS,
    change: ["endpoint:", "endpoints:"],
  },
  {
    name: "kind",
    path: /^kind\.yaml$/,
    requests: CLUSTERS,
    change: ["containerdConfigPatches:", "containerdConfigPatch:"],
  },
  { name: "k3d", path: /^k3d\.yaml$/, requests: CLUSTERS, change: [/^( +)config:/m, "$1configs:"] },
  {
    name: "talos",
    path: /^talos-.*\.yaml$/,
    requests: [...CLUSTERS, ...LEGACY],
    change: ["endpoints:", "endpoint:"],
  },
  {
    name: "openshift",
    path: /^mirror-sets\.yaml$/,
    requests: PLAIN,
    change: [/- (?=\S*mirror\.lan)/, "- http://"],
  },
];

const documentsOf = (text: string) =>
  text.split(/^---\n/m).map((document) => formats.yaml.parse(document));

/** The text of the file for each set of options, in each form of the runtime. */
async function textsOf({ name, path, requests }: Client): Promise<string[]> {
  const { forms = [] } = RUNTIMES.find((runtime) => runtime.name === name) ?? {};
  const all = forms.flatMap((form) => requests.map((request) => ({ form, ...request })));
  const configs = all.map((request) =>
    planClientConfig({
      mirror: "http://mirror.lan:5000",
      namespaces: ["docker.io", "registry.k8s.io", "reg.example:5000"],
      ...request,
      options: { ...RUNTIME_DEFAULTS, ...request.options },
      runtime: name,
    }),
  );
  const files = (await Promise.all(configs)).flatMap((config) => config.files);
  const texts = files.filter((file) => path.test(file.path)).map(({ text }) => text);
  expect(texts.length).toBeGreaterThanOrEqual(all.length);
  return texts;
}

describe.each(CLIENTS)("the published format of $name", (client) => {
  const place = new URL(`../../fixtures/schemas/${client.name}.json`, import.meta.url);
  const validate = ajv.compile(JSON.parse(readFileSync(place, "utf8")));
  const parse = (text: string) => (client.parse ? [client.parse(text)] : documentsOf(text));
  const faultsOf = (text: string) =>
    parse(text).flatMap((document) => (validate(document) ? [] : (validate.errors ?? [])));

  test("takes what is written, with every set of options", async () => {
    for (const text of await textsOf(client)) expect(faultsOf(text), text).toEqual([]);
  });

  test("does not take the same with a fault", async () => {
    for (const text of await textsOf(client)) {
      const changed = text.replace(...client.change);
      expect(changed).not.toBe(text);
      expect(faultsOf(changed), changed).not.toEqual([]);
    }
  });
});

test("each format names its sources and their versions", () => {
  for (const { name } of CLIENTS) {
    const text = readFileSync(
      new URL(`../../fixtures/schemas/${name}.json`, import.meta.url),
      "utf8",
    );
    expect(JSON.parse(text)["$comment"], name).toMatch(
      /^Facts of [a-z0-9-]+\/[a-z0-9-]+.*\d\.\d+ to \d/,
    );
  }
});
