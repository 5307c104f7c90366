import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRegistryClient, parseSelection, planPull } from "../../src/index.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { AMD64, ARM64, image, index, seed } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { listFiles, sum } from "./support/bundle-directory.ts";
import { type ProductModule, seedModules } from "./support/product-module.ts";

const FIVE = ["alpha", "beta", "early-access", "stable", "rock-solid"] as const;

const at = (version: string) => Object.fromEntries(FIVE.map((channel) => [channel, version]));

const CONSOLE: ProductModule = {
  name: "console",
  versions: ["v1.39.0", "v1.40.0", "v1.40.1", "v1.41.0", "v1.42.0", "v1.43.0", "v1.45.2"],
  channels: at("v1.45.2"),
};

const OLDER_CONSOLE: ProductModule = {
  name: "console",
  versions: ["v1.40.0", "v1.40.1", "v1.41.0", "v1.45.2"],
  channels: at("v1.40.1"),
};

const COMMANDER: ProductModule = {
  name: "commander",
  versions: ["v0.5.0", "v0.5.1", "v0.6.0"],
  channels: at("v0.6.0"),
};

const CODE: ProductModule = {
  name: "code",
  versions: ["v1.6.0", "v1.6.1", "v1.6.2", "v1.6.3", "v1.6.4", "v1.6.5", "v1.7.0", "v1.7.1"],
  channels: at("v1.6.5"),
};

const HUAWEI: ProductModule = {
  name: "csi-huawei",
  versions: ["v0.1.1", "v0.2.9", "v0.3.11", "v0.3.13"],
  channels: at("v0.3.13"),
};

const ON_AMD64 = image({ name: "amd64", platform: AMD64 });
const ON_ARM64 = image({ name: "arm64", platform: ARM64 });
const MANY = index([ON_AMD64, ON_ARM64]);

let directory: TempDirectory;
let source: EmbeddedRegistry;
let requests: string[] = [];

beforeAll(async () => {
  directory = await openTempDirectory();
  source = await openEmbeddedRegistry({
    middleware: async (request, next) => {
      requests.push(`${request.method} ${request.path}`);
      return next(request);
    },
  });
  seedModules(source, "acme", [CONSOLE, CODE, HUAWEI]);
  seedModules(source, "older", [OLDER_CONSOLE, COMMANDER]);
  seed(source, "images/many", { "v1.0.0": MANY });
  seed(source, "images/one", { "v1.0.0": image({ name: "one" }), latest: image({ name: "one" }) });
});

afterAll(async () => {
  await source?.close();
  await directory?.[Symbol.asyncDispose]();
});

interface WholePull {
  readonly path?: string;
  readonly include: readonly string[];
  readonly latestPatch?: boolean;
  /** `name:tag` of the version tags, all of them. */
  readonly versions: readonly string[];
}

const versionsOf = (name: string, ...versions: readonly string[]) =>
  versions.map((version) => `${name}:${version}`);

describe("planPull()", () => {
  test.each<[string, WholePull]>([
    [
      "E1 console@1.40.0",
      {
        include: ["console@1.40.0"],
        versions: versionsOf("console", ...CONSOLE.versions.slice(1)),
      },
    ],
    [
      "E1 console@1.40.0 --latest-patch",
      {
        include: ["console@1.40.0"],
        latestPatch: true,
        versions: versionsOf("console", "v1.40.1", "v1.41.0", "v1.42.0", "v1.43.0", "v1.45.2"),
      },
    ],
    [
      "E2 console@^1.40.0 --latest-patch",
      {
        include: ["console@^1.40.0"],
        latestPatch: true,
        versions: versionsOf("console", "v1.40.1", "v1.41.0", "v1.42.0", "v1.43.0", "v1.45.2"),
      },
    ],
    [
      "E3 console@~1.40.0",
      {
        include: ["console@~1.40.0"],
        versions: versionsOf("console", "v1.40.0", "v1.40.1", "v1.45.2"),
      },
    ],
    [
      "E3 console@~1.40.0 --latest-patch",
      {
        include: ["console@~1.40.0"],
        latestPatch: true,
        versions: versionsOf("console", "v1.40.1", "v1.45.2"),
      },
    ],
    [
      "E4 console@>=1.40.0 <1.43.0",
      {
        include: ["console@>=1.40.0 <1.43.0"],
        versions: versionsOf("console", "v1.40.0", "v1.40.1", "v1.41.0", "v1.42.0", "v1.45.2"),
      },
    ],
    [
      "E5 console@>=1.40.0",
      {
        include: ["console@>=1.40.0"],
        versions: versionsOf("console", ...CONSOLE.versions.slice(1)),
      },
    ],
    [
      "E6 console@~1.40.0 with commander@=v0.6.0",
      {
        path: "older",
        include: ["console@~1.40.0", "commander@=v0.6.0"],
        latestPatch: true,
        versions: ["commander:v0.6.0", "console:v1.40.1"],
      },
    ],
    [
      "E7 code@v1.6.0 --latest-patch",
      {
        include: ["code@v1.6.0"],
        latestPatch: true,
        versions: versionsOf("code", "v1.6.5", "v1.7.1"),
      },
    ],
    [
      "E7 code@v1.6.0",
      { include: ["code@v1.6.0"], versions: versionsOf("code", ...CODE.versions) },
    ],
    ["E8 csi-huawei", { include: ["csi-huawei"], versions: ["csi-huawei:v0.3.13"] }],
  ])("takes the versions of %s", async (_, { path = "acme", include, latestPatch, versions }) => {
    requests = [];
    const images = await plan({ path, include, latestPatch });
    expect(images.filter((name) => !name.includes("/")).sort()).toEqual([...versions].sort());
    const lists = requests.filter((request) => /\/modules\/.*\/tags\/list$/.test(request));
    const ranged = include.filter((selector) => /@[^=]/.test(selector));
    expect(lists).toEqual(
      ranged.map((selector) => `GET /v2/${path}/modules/${selector.split("@")[0]}/tags/list`),
    );
  });

  test("takes the channels beside a range, and gives all of them to a single pin", async () => {
    const images = await plan({ path: "older", include: ["console@~1.40.0", "commander@=v0.5.1"] });
    for (const channel of FIVE) {
      expect(images).toContain(`console/release:${channel}`);
      expect(images).toContain(`commander/release:${channel}`);
    }
    expect(images).toContain("commander/release:v0.5.1");
    expect(images).not.toContain("commander/release:v0.6.0");
  });
});

describe("mirror plan", () => {
  test.each([
    ["whole packages", []],
    ["chunk files", ["-c", "10kB"]],
  ])("--json tells the bytes and files that a pull of %s makes", async (_, chunking) => {
    const selection = [
      ...["--source", `${source.host}/acme`, "-i", "console@~1.40.0"],
      ...["--include-image", `${source.host}/images/many:v1.0.0`, ...chunking],
    ];
    const bundle = directory.resolve(`planned${chunking.length}`);
    const { stdout } = await mirror("plan", bundle, ...selection, "--json");
    const planned = JSON.parse(stdout) as {
      packages: { files: { name: string; size: number }[] }[];
      bytes: number;
      fetchBytes: number;
      totals: unknown;
    };
    const pulled = await mirror("pull", bundle, ...selection, "--json");
    const files = await listFiles(bundle);
    const { SHA256SUMS: _sums, "bundle.json": _manifest, ...packages } = files;
    const names = planned.packages.flatMap((item) =>
      item.files.map(({ name, size }) => [name, size]),
    );
    expect(packages).toEqual(Object.fromEntries(names));
    expect(planned.bytes).toBe(sum(Object.values(packages)));
    const summary = JSON.parse(pulled.stdout);
    expect(summary.manifest.totals).toEqual(planned.totals);
    expect(summary.fetchedBytes + summary.reusedBytes).toBe(planned.fetchBytes);
  });
});

describe("mirror pull", () => {
  test("asks for no tag list, manifest or blob twice", async () => {
    requests = [];
    const selection = ["--source", `${source.host}/acme`, "-i", "console@>=1.40", "-i", "code"];
    await mirror("pull", "once", ...selection);
    expect(requests.length).toBeGreaterThan(20);
    expect(requests.filter((request, at) => requests.indexOf(request) !== at)).toEqual([]);
  });

  test("--images-from - reads references from stdin, without comments", async () => {
    const list = `# what we need\n\n${source.host}/images/one:v1.0.0  # the old one\r\n${source.host}/images/many@^1\n`;
    const args = ["pull", "listed", "--images-from", "-"];
    const result = await runMirror(args, { cwd: directory.path, input: list });
    expect(result, result.stderr).toMatchObject({ exitCode: 0 });
    const host = source.host.replace(":", "-");
    expect(Object.keys(await imagesOf("listed"))).toEqual([
      `${host}/images/many:v1.0.0`,
      `${host}/images/one:v1.0.0`,
    ]);
  });

  test("--images-from FILE adds to --include-image", async () => {
    await writeFile(directory.resolve("list.txt"), `${source.host}/images/one\n`);
    const flags = ["--include-image", `${source.host}/images/many:v1.0.0`];
    await mirror("pull", "added", "--images-from", "list.txt", ...flags);
    const host = source.host.replace(":", "-");
    expect(Object.keys(await imagesOf("added"))).toEqual([
      `${host}/images/many:v1.0.0`,
      `${host}/images/one:latest`,
    ]);
  });

  test("--platform linux/arm64 rewrites the index and leaves the other platform out", async () => {
    const name = `${source.host}/images/many:v1.0.0`;
    await mirror("pull", "arm", "--include-image", name, "--platform", "linux/arm64");
    const [found] = Object.values(await imagesOf("arm"));
    expect(found).toMatchObject({
      platforms: ["linux/arm64"],
      sourceDigest: MANY.manifest.descriptor.digest,
    });
    expect(found?.digest).not.toBe(MANY.manifest.descriptor.digest);
    const tar = await readFile(directory.resolve("arm", "images.tar"), "latin1");
    expect(tar).toContain(ON_ARM64.manifest.descriptor.digest.slice("sha256:".length));
    expect(tar).not.toContain(ON_AMD64.manifest.descriptor.digest.slice("sha256:".length));
    expect((await mirror("verify", "arm")).exitCode).toBe(0);
  });

  test("--platform keeps all platforms of a digest reference, with a notice", async () => {
    const { digest } = MANY.manifest.descriptor;
    const name = `${source.host}/images/many@${digest}`;
    const flags = ["--include-image", name, "--platform", "linux/arm64"];
    const { stderr } = await mirror("pull", "pinned", ...flags);
    expect(stderr).toMatch(/^notice: .*images\/many@sha256:\w+" keeps all its platforms/m);
    const [found] = Object.values(await imagesOf("pinned"));
    expect(found).toMatchObject({ digest, platforms: ["linux/amd64", "linux/arm64"] });
  });

  test("--no-modules takes the images only", async () => {
    const flags = ["--source", `${source.host}/acme`, "--no-modules"];
    const image = ["--include-image", `${source.host}/images/one:v1.0.0`];
    await mirror("pull", "without", ...flags, ...image);
    expect(Object.keys(await listFiles(directory.resolve("without")))).toEqual([
      "SHA256SUMS",
      "bundle.json",
      "images.tar",
    ]);
  });

  test("--no-modules gives way to --include-module, with a notice", async () => {
    const flags = ["--source", `${source.host}/acme`, "--no-modules", "-i", "csi-huawei"];
    const { stderr } = await mirror("pull", "winning", ...flags);
    expect(stderr).toMatch(/^notice: --no-modules has no effect/m);
    expect(await listFiles(directory.resolve("winning"))).toHaveProperty("module-csi-huawei.tar");
  });

  test("--exclude-module takes all other modules of the source", async () => {
    await mirror("pull", "others", "--source", `${source.host}/acme`, "-e", "console");
    const files = Object.keys(await listFiles(directory.resolve("others")));
    expect(files.filter((name) => name.endsWith(".tar"))).toEqual([
      "module-code.tar",
      "module-csi-huawei.tar",
    ]);
  });

  test("--modules-path-suffix finds modules elsewhere and keeps their place in the bundle", async () => {
    const flags = ["--source", source.host, "--modules-path-suffix", "/acme/modules"];
    const wrong = await runMirror(["pull", "moved", ...flags, "-i", "csi-huawei"], {
      cwd: directory.path,
    });
    expect(wrong.exitCode).toBe(2);
    seedModules(source, "edition/elsewhere", [HUAWEI]);
    const suffix = [
      "--source",
      `${source.host}/edition`,
      "--modules-path-suffix",
      "elsewhere/modules",
    ];
    await mirror("pull", "moved", ...suffix, "-i", "csi-huawei");
    expect(Object.keys(await imagesOf("moved"))).toContain("modules/csi-huawei:v0.3.13");
  });
});

interface PlanWishes {
  readonly path: string;
  readonly include: readonly string[];
  readonly latestPatch?: boolean | undefined;
}

/** `console:v1.0.0`, `console/release:alpha`, … */
async function plan({ path, include, latestPatch = false }: PlanWishes): Promise<string[]> {
  await using client = openRegistryClient({});
  const { selection } = parseSelection({
    source: `${source.host}/${path}`,
    includeModules: include,
    latestPatch,
    // These are looked for in lists of tags too: here those count that versions are chosen from
    noReferrers: true,
  });
  const { packages } = await planPull({
    bundlePath: directory.path,
    selection,
    openSource: (reference) => client.repository(reference),
  });
  return packages.flatMap(({ images }) =>
    images.flatMap(({ repository, tags }) =>
      tags.map((tag) => `${repository.replace("modules/", "")}:${tag}`),
    ),
  );
}

async function mirror(...args: readonly string[]) {
  const result = await runMirror(args, { cwd: directory.path });
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return result;
}

interface BundledImage {
  readonly repository: string;
  readonly tags: readonly string[];
  readonly digest: string;
  readonly platforms: readonly string[];
  readonly sourceDigest?: string;
}

/** `repository:tag` → image, as `bundle.json` has them. */
async function imagesOf(bundle: string): Promise<Record<string, BundledImage>> {
  const text = await readFile(directory.resolve(bundle, "bundle.json"), "utf8");
  const { packages } = JSON.parse(text) as {
    packages: { layouts: { images: BundledImage[] }[] }[];
  };
  const images = packages.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  return Object.fromEntries(
    images.flatMap((found) => found.tags.map((tag) => [`${found.repository}:${tag}`, found])),
  );
}
