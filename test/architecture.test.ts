import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = new URL("..", import.meta.url).pathname;
const SOURCE = join(ROOT, "src");

/** Each folder may import itself and the folders listed here. A new arrow is argued in its commit message. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  root: [],
  oci: ["root"],
  tar: ["root"],
  gost: ["root"],
  io: ["root", "oci"],
  store: ["root", "oci", "io"],
  registry: ["root", "oci", "io", "store"],
  server: ["root", "oci", "io", "store"],
  run: ["root", "store"],
  contents: ["root", "oci"],
  bundle: ["root", "oci", "io", "store", "tar", "gost", "contents", "product"],
  versions: ["root"],
  product: ["root", "oci", "store", "tar", "versions"],
  artifacts: ["root", "oci", "io", "store", "tar", "contents", "versions", "formats"],
  selection: [
    "root",
    "artifacts",
    "oci",
    "store",
    "tar",
    "contents",
    "versions",
    "product",
    "run",
    "formats",
    "tags",
  ],
  cache: ["root", "oci", "io", "store", "run"],
  lock: ["root", "oci", "io", "contents", "bundle"],
  tags: ["root", "oci", "io", "store", "versions", "cache"],
  target: ["root", "oci", "store", "run"],
  prune: [
    ...["root", "oci", "io", "store", "cache", "bundle", "lock"],
    ...["product", "selection", "pull", "target"],
  ],
  diff: ["root", "oci", "store", "bundle", "lock", "product", "target"],
  outdated: [
    "root",
    "oci",
    "io",
    "store",
    "versions",
    "bundle",
    "lock",
    "diff",
    "pull",
    "selection",
  ],
  trust: ["root", "oci", "io", "store", "bundle"],
  pull: [
    "root",
    "artifacts",
    "oci",
    "io",
    "store",
    "contents",
    "bundle",
    "lock",
    "selection",
    "cache",
    "run",
    "trust",
  ],
  export: ["root", "oci", "io", "store", "tar", "contents", "bundle", "cache", "pull", "trust"],
  load: ["root", "oci", "io", "store", "contents", "bundle", "export", "push", "trust"],
  push: ["root", "oci", "io", "store", "contents", "bundle", "product", "run", "trust"],
  verify: ["root", "oci", "io", "store", "contents", "bundle", "tar", "gost", "trust"],
  metrics: ["root", "server", "serve"],
  serve: ["root", "oci", "io", "store", "bundle", "server", "cache", "trust"],
  formats: [],
  clients: ["root", "oci", "formats"],
  install: ["root", "io", "clients", "formats"],
  inspect: ["root", "oci", "io", "store", "contents", "bundle"],
};
const BELOW_ENTRIES = Object.keys(ALLOWED);

/** Entry files and what stands above the library. */
const ALLOWED_ABOVE: Readonly<Record<string, readonly string[]>> = {
  demo: [...BELOW_ENTRIES, "index", "oci-entry"],
  index: [...BELOW_ENTRIES, "demo"],
  "oci-entry": BELOW_ENTRIES,
  cli: ["index"],
};

/** The one folder that may import a dependency; `undefined`: any. */
const HOME_OF: Readonly<Record<string, string | undefined>> = {
  "@hpcc-js/wasm-zstd": "export",
  "@peculiar/asn1-schema": "server",
  "@peculiar/asn1-x509": "server",
  "@noble/curves": "trust",
  "@sigstore/bundle": "trust",
  "@sigstore/protobuf-specs": "trust",
  "@sigstore/verify": "trust",
  bcryptjs: "server",
  "cli-progress": "cli/output",
  fzstd: "tar",
  diff: "install",
  "p-limit": undefined,
  "prom-client": "metrics",
  re2js: "versions",
  "smol-toml": "formats",
  "tar-stream": "tar",
  undici: "registry/transport",
  yaml: "formats",
  yargs: "cli",
};

/** Entry files at the root of `src` and the layer that they are. */
const ENTRIES: Readonly<Record<string, string>> = { "index.ts": "index", "oci.ts": "oci-entry" };

const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => join(SOURCE, file));

describe("the import rule", () => {
  test.each(files.map(nameOf))("%s imports only the layers below it", (name) => {
    const layer = layerOf(join(SOURCE, name));
    const allowed = { ...ALLOWED, ...ALLOWED_ABOVE }[layer];
    expect(allowed, `folder "${layer}" has no row in the table`).toBeDefined();
    const imported = specifiersOf(name)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => layerOf(join(SOURCE, name, "..", specifier)));
    expect(imported.filter((target) => target !== layer && !allowed?.includes(target))).toEqual([]);
  });
});

describe("the rooms of a folder", () => {
  const folders = [...new Set(files.map(layerOf))].filter((layer) => roomsOf(layer).size > 1);

  // What lies in the folder itself is shared by its rooms, or brings them together
  test.each(folders)("of %s import each other in one direction", (folder) => {
    const rooms = roomsOf(folder);
    const above = (room: string) => [...(rooms.get(room) ?? [])];
    const circles = [...rooms.keys()].flatMap((room) =>
      above(room).filter((other) => above(other).includes(room)),
    );
    expect(circles).toEqual([]);
  });
});

describe("imports", () => {
  test("import each other in no circle, not even for types", () => {
    const importsOf = new Map(files.map(nameOf).map((name) => [name, staticImportsOf(name)]));
    const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
      (importsOf.get(from) ?? []).some((next) => {
        if (next === to) return true;
        if (seen.has(next)) return false;
        seen.add(next);
        return reaches(next, to, seen);
      });
    expect([...importsOf.keys()].filter((name) => reaches(name, name))).toEqual([]);
  });
});

describe("dependencies", () => {
  const { dependencies, bundleDependencies } = readJson("package.json") as {
    dependencies: Record<string, string>;
    bundleDependencies: readonly string[];
  };

  // The isolated side has nowhere to get them from
  test("are all in the file that npm pack makes", () => {
    expect(bundleDependencies).toEqual(Object.keys(dependencies).sort());
  });

  test("have a home each", () => {
    expect(Object.keys(dependencies).sort()).toEqual(Object.keys(HOME_OF).sort());
  });

  test.each(Object.keys(HOME_OF))("%s is imported in its home only", (dependency) => {
    const importers = files
      .map(nameOf)
      .filter((name) => specifiersOf(name).map(packageOf).includes(dependency));
    expect(importers, "nobody imports it").not.toEqual([]);
    const home = HOME_OF[dependency];
    expect(importers.filter((name) => home && !name.startsWith(`${home}/`))).toEqual([]);
  });

  test("are locked without a download address", () => {
    const lock = readFileSync(join(ROOT, "package-lock.json"), "utf8");
    expect(lock.match(/"resolved"|https?:\/\/[^"]*\.tgz/g) ?? []).toEqual([]);
  });
});

describe("output", () => {
  test.each(files.map(nameOf).filter((name) => !name.startsWith("cli/")))(
    "%s prints nothing",
    (name) => {
      expect(readSource(name)).not.toMatch(/\bconsole\.|\bprocess\.(?:stdout|stderr|exit)\b/);
    },
  );

  test("belongs to the process only in main.ts", () => {
    const printing = files
      .map(nameOf)
      .filter((name) => /\bprocess\.(?:stdout|stderr|exit|argv)\b/.test(readSource(name)));
    expect(printing).toEqual(["cli/main.ts"]);
  });
});

describe("files", () => {
  // Elsewhere a failure has a meaning of its own, or is none
  const OWN_WORDS = /^(?:io|cli|registry)\/|^version\.ts$|^bundle\/file-hash-thread\.ts$/;

  // What no limit and no look at the kind of file goes with
  const OPENING =
    /^import \{[^}]*\b(?:open|openSync|readFile|readFileSync|createReadStream)\b[^}]*\} from "node:fs/m;

  test("are opened for reading in io only, which waits for none and refuses what is none", () => {
    const opening = files.map(nameOf).filter((name) => OPENING.test(readSource(name)));
    expect(opening.filter((name) => !name.startsWith("io/"))).toEqual(["version.ts"]);
  });

  test.each(files.map(nameOf).filter((name) => !OWN_WORDS.test(name)))(
    "%s asks the system through io/file-system.ts, which names what fails",
    (name) => {
      const calls = /^import \{(?! constants \}).*\} from "node:fs(?:\/promises)?";$/m;
      expect(readSource(name)).not.toMatch(calls);
    },
  );
});

describe("texts", () => {
  /**
   * The demo shows what a user would type, the page of a server and the configuration of clients what users of other
   * programs would; runtimes are filled by their own clients.
   */
  const below = files
    .map(nameOf)
    .filter(
      (name) =>
        !/^(?:cli|demo|clients)\/|^serve\/page\.ts$|^load\/(?:containerd|docker)\.ts$/.test(name),
    );

  test.each(below)("%s names options, and no flag or command of the command line", (name) => {
    expect(
      literalsOf(name).filter((text) => /(?:^|[^-\w])--[a-z]|\bmirror [a-z]+["`]/.test(text)),
    ).toEqual([]);
  });
});

describe("tests", () => {
  const NEEDS_PROGRAMS = /support\/(?:authority|certificate|docker-registry|nginx)\.ts"/;

  test("that need programs of the system are skipped where these are missing", () => {
    const unguarded = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => ({ name, text: readFileSync(join(ROOT, "test", name), "utf8") }))
      .filter(
        ({ text }) =>
          NEEDS_PROGRAMS.test(text) && !/(?:requireTool|requireDaemon|findTool)\(/.test(text),
      )
      .map(({ name }) => name);
    expect(unguarded).toEqual([]);
  });
});

function nameOf(file: string): string {
  return relative(SOURCE, file).replaceAll("\\", "/");
}

/** First folder below `src`; files at its root are `root`, but for the entry files. */
function layerOf(file: string): string {
  const [first = "", ...rest] = nameOf(file).split("/");
  return rest.length > 0 ? first : (ENTRIES[first] ?? "root");
}

/** Each folder in a folder of `src`, with those beside it that it imports. */
function roomsOf(folder: string): ReadonlyMap<string, ReadonlySet<string>> {
  const rooms = new Map<string, Set<string>>();
  for (const name of files.map(nameOf)) {
    const room = roomOf(name, folder);
    if (room === undefined) continue;
    const imported = staticImportsOf(name).flatMap((target) => roomOf(target, folder) ?? []);
    const others = imported.filter((other) => other !== room);
    rooms.set(room, new Set([...(rooms.get(room) ?? []), ...others]));
  }
  return rooms;
}

function roomOf(name: string, folder: string): string | undefined {
  const [first, room, file] = name.split("/");
  return first === folder && file !== undefined ? room : undefined;
}

/** The files of ours that a file names. A command names its action in another way, which is loaded when it runs. */
function staticImportsOf(name: string): readonly string[] {
  return specifiersOf(name, /\bfrom\s*"([^"]+)"/g)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => join(name, "..", specifier));
}

/** `import … from "x"`, `export … from "x"`, `import "x"`, `import("x")`. */
function specifiersOf(
  name: string,
  pattern = /(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g,
): readonly string[] {
  return [...readSource(name).matchAll(pattern)].map(([, specifier]) => specifier ?? "");
}

/** The literals of a file; comments are left out. */
function literalsOf(name: string): readonly string[] {
  const pattern =
    /\/\*.*?\*\/|(?<!:)\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/gs;
  const found = [...readSource(name).matchAll(pattern)].map(([text]) => text);
  return found.filter((text) => !text.startsWith("/"));
}

/** `yargs/helpers` → `yargs`, `@scope/name/x` → `@scope/name`. */
function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

function readSource(name: string): string {
  return readFileSync(join(SOURCE, name), "utf8");
}

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, name), "utf8"));
}
