import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PullStore } from "../../src/cache/served/pull-store.ts";
import { seedCatalogue } from "../../src/demo/catalogue.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { image, seed } from "../support/artifacts.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const docs = (name: string) => readFile(new URL(`../../docs/${name}.md`, import.meta.url), "utf8");

let json = "";
/** Media type → rows of its table: names in the first cell, text of the second. */
let shapes: ReadonlyMap<string, readonly (readonly [readonly string[], string])[]>;
let source: EmbeddedRegistry;
let target: EmbeddedRegistry;
let directory: TempDirectory;
const documents: Record<string, unknown>[] = [];
const events: Record<string, unknown>[] = [];

beforeAll(async () => {
  json = await docs("json");
  shapes = new Map([
    ...json
      .slice(0, json.indexOf("## Events"))
      .split(/^### /m)
      .slice(1)
      .map((part) => [/`(.*?)`/.exec(part)?.[1] ?? "", rowsOf(part)] as const),
    ["application/vnd.airgap-mirror.plan.v1+json", rowsOf(await docs("plan"))],
    ["application/vnd.airgap-mirror.receipt.v1+json", rowsOf(await docs("receipt"))],
    [
      "application/vnd.airgap-mirror.tags.v1+json",
      rowsOf(((await docs("tags")).split(/^#+ The report$/m)[1] ?? "").split(/^#/m)[0] ?? ""),
    ],
    ["application/vnd.airgap-mirror.outdated.v1+json", rowsOf(await docs("outdated"))],
  ]);
  [source, target] = [await openEmbeddedRegistry(), await openEmbeddedRegistry()];
  directory = await openTempDirectory();
  seedCatalogue(source);
  await runAll();
});

afterAll(async () => {
  await source.close();
  await target.close();
  await directory[Symbol.asyncDispose]();
});

async function runAll() {
  const from = ["--source", `${source.host}/acme`, "-i", "foo@=v1.3.0", "--skip-vex-images"];
  const bundle = directory.resolve("bundle");
  const there = `${target.host}/repo`;
  const receipt = ["--receipt", directory.resolve("receipt.json")];
  const env = { HOME: directory.path, DOCKER_CONFIG: directory.path, MIRROR_PASSWORD: "MARKER" };
  const run = async (...words: string[]) => (await runInProcess(words, { env })).stdout;
  const document = async (...words: string[]) => {
    documents.push(JSON.parse(await run(...words, "--json")));
  };
  const lines = async (...words: string[]) => {
    const text = await run(...words, "--progress", "json");
    const parsed = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    documents.push(parsed.pop());
    events.push(...parsed);
  };
  await document("plan", bundle, ...from);
  await lines("pull", bundle, ...from, "-c", "1MB");
  await document("push", bundle, there, "--dry-run");
  await lines("push", bundle, there, ...receipt);
  await lines("verify", bundle);
  await document("inspect", bundle);
  await document("export", "k3s", bundle, "--out", directory.resolve("k3s.tar"));
  const mirror = ["--mirror", "http://mirror.lan", "--namespaces", "docker.io,quay.io"];
  const out = ["--out", directory.resolve("clients")];
  await document("client-config", "docker", ...mirror, ...out);
  await document("client-config", "docker", "--remove", ...out);
  await fillCache(directory.resolve("cache"));
  await document("cache", "ls", "--cache", directory.resolve("cache"));
  seed(target, "repo/elsewhere", { v1: image() });
  await document("diff", bundle, there);
  const list = directory.resolve("list.json");
  await document("prune", there, "--keep-bundle", bundle, "--out", list);
  await document("prune", there, "--apply", list);
  const config = directory.resolve("mirror.json");
  const entry = { bundle: directory.resolve("listed"), source: `${source.host}/acme` };
  const bundles = [{ ...entry, "include-module": "foo@=v1.3.0" }];
  await writeFile(config, JSON.stringify({ concurrency: 2, bundles }));
  await document("config", "check", config);
  await document("plan", "--config", config);
  await document("tags", `${source.host}/acme/modules/foo`);
  await document("outdated", "--bundle", bundle);
  await document("wait", `http://${target.host}`);
  await document("doctor", there);
  await document("login", target.host, "-u", "ada");
  await document("logout", "registry.test");
  await document("version");
  await document("demo");
  await document("verify", directory.resolve("nothing"));
  await lines("pull", bundle, ...from);
}

async function fillCache(path: string): Promise<void> {
  await using store = await PullStore.open(path, { now: Date.now });
  const place = { namespace: "quay.io", repository: "acme/web", tag: "v1" };
  const digest = digestOf(Buffer.from("manifest"));
  await store.tags.write(place, { digest, checkedAt: 0, intervalMs: 0, firstMs: 0 });
}

function rowsOf(text: string) {
  return [...text.matchAll(/^\| (`.*?) \| ?(.*?) ?\|$/gm)].map(([, names = "", value = ""]) => {
    const [first = "", ...others] = [...names.matchAll(/`(.*?)`/g)].map(([, name = ""]) => name);
    const parent = first.slice(0, first.lastIndexOf("."));
    return [
      [first, ...others.map((name) => (name.startsWith(".") ? parent + name : name))],
      value,
    ] as const;
  });
}

/** `packages[].name` and the like, of everything that is in a value. */
function pathsOf(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) {
    return value.length === 0 ? [`${path}[]`] : value.flatMap((item) => pathsOf(item, `${path}[]`));
  }
  if (typeof value !== "object" || value === null) return [path];
  if (Object.keys(value).length === 0 && path !== "") return [path];
  return Object.entries(value).flatMap(([key, field]) =>
    pathsOf(field, path === "" ? key : `${path}.${key}`),
  );
}

function isDescribed(
  path: string,
  rows: readonly (readonly [readonly string[], string])[],
): boolean {
  return rows.some(([names, text]) =>
    names.some((name) => {
      if (path === name || path === `${name}[]`) return true;
      if (!path.startsWith(`${name}.`) && !path.startsWith(`${name}[]`)) return false;
      const rest = path
        .slice(name.length)
        .replace(/^(?:\[\])?\./, "")
        .replace(/\[\]$/, "");
      return text.includes("as in") || text.includes(`\`${rest}\``);
    }),
  );
}

describe("docs/json.md", () => {
  test("describes every field of every document that a real run prints", () => {
    for (const { type: _, ...document } of documents) {
      const rows = shapes.get(String(document["mediaType"])) ?? [];
      const paths = [...new Set(pathsOf(document))];
      expect(
        paths.filter((path) => !isDescribed(path, rows)),
        String(document["mediaType"]),
      ).toEqual([]);
    }
  });

  test("promises no field that a run does not print", () => {
    for (const [mediaType, rows] of shapes) {
      const printed = documents.filter((document) => document["mediaType"] === mediaType);
      const known = new Set(printed.flatMap((document) => pathsOf(document)));
      const missing = rows
        .filter(
          ([, text]) => printed.length > 0 && !/optional|only if|may be missing|missing/.test(text),
        )
        .flatMap(([names]) => names)
        .filter(
          (name) =>
            ![...known].some(
              (path) => path === name || path.startsWith(`${name}[`) || path.startsWith(`${name}.`),
            ),
        );
      expect(missing, mediaType).toEqual([]);
    }
  });

  test("has a shape for every report, and every report names its own", () => {
    const seen = documents.map(({ mediaType }) => String(mediaType));
    const missing = [...shapes.keys()].filter((one) => !seen.includes(one));
    expect(missing).toEqual([]);
    expect(seen.filter((one) => !shapes.has(one))).toEqual([]);
  });

  test("describes every event with its fields", () => {
    const rows = new Map(
      rowsOf(json.slice(json.indexOf("## Events"))).map(([[type = ""], text]) => [type, text]),
    );
    for (const { type, ...fields } of events) {
      const text = rows.get(String(type));
      expect(text, `event ${type}`).toBeDefined();
      for (const name of Object.keys(fields))
        expect(text, `event ${type}`).toContain(`\`${name}\``);
    }
  });
});

describe("--progress json", () => {
  test("says of every line what it is, also of the last, and of a failure", () => {
    for (const line of events) expect(line["type"]).toEqual(expect.any(String));
    const last = documents.filter(({ type }) => type !== undefined);
    expect(last.map(({ type }) => type)).toEqual(["result", "result", "result", "error"]);
    expect(last.at(-1)).toMatchObject({
      error: { code: "BUNDLE_DIRECTORY_OCCUPIED", exitStatus: 2 },
    });
  });

  test("names the package of each blob that is fetched", () => {
    const started = events.filter(
      ({ type, offset }) => type === "blob-started" && offset !== undefined,
    );
    expect(started.length).toBeGreaterThan(0);
    for (const event of started) expect(event["package"]).toBe("module-foo");
  });

  test("gives all notices a code in upper case", () => {
    const notices = [
      ...events.filter(({ type }) => type === "notice"),
      ...documents.flatMap(
        (document) => (document["notices"] as Record<string, unknown>[] | undefined) ?? [],
      ),
    ];
    expect(notices.length).toBeGreaterThan(1);
    for (const { code } of notices) expect(code).toMatch(/^[A-Z]+(?:_[A-Z]+)*$/);
  });
});
