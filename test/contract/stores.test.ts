import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBundleStore } from "../../src/bundle/images/bundle-store.ts";
import { cacheSources } from "../../src/cache/cached-source.ts";
import type { ContentCache } from "../../src/cache/content-cache.ts";
import { createMemoryCache } from "../../src/cache/content-cache.ts";
import { createDirectoryCache } from "../../src/cache/directory-cache.ts";
import { openUserCache } from "../../src/cache/user/user-cache.ts";
import type { BuiltArtifact } from "../../src/demo/image-builder.ts";
import { exportBundle } from "../../src/export/export-bundle.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { pull } from "../../src/pull/pull.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { parseSelection } from "../../src/selection/grammar/parse-selection.ts";
import { openServer } from "../../src/serve/open-server.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { type CopyOutcome, copy } from "../../src/store/copy.ts";
import type { WritableStore } from "../../src/store/store.ts";
import { writeBundle } from "../serve/support/bundles.ts";
import { seed } from "../support/artifacts.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { memorySource } from "../support/memory-source.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { findTool } from "../support/tool.ts";
import { describeContentCache } from "./content-cache.ts";
import { describeSourceRepository, HELD, type OpenedSource } from "./source-repository.ts";
import { describeTargetRepository, type OpenedTarget } from "./target-repository.ts";

/** Ends several things in the reverse order. */
function endAll(...resources: readonly AsyncDisposable[]): () => Promise<void> {
  return async () => {
    for (const resource of [...resources].reverse()) await resource[Symbol.asyncDispose]();
  };
}

async function openEmbedded(): Promise<OpenedSource & OpenedTarget> {
  const registry = await openEmbeddedRegistry();
  seed(registry, "acme/held", HELD);
  return openClient(registry, registry.host, "acme/held");
}

const hasDocker = findTool("docker-registry") !== undefined || Boolean(process.env["CI"]);
if (!hasDocker) process.stderr.write("Skipping tests: not installed: docker-registry\n");

/** One process for all tests; each target is a repository of its own. */
let docker: DockerRegistry | undefined;
let targets = 0;

beforeAll(async () => {
  if (!hasDocker) return;
  docker = await startDockerRegistry();
  await using client = openRegistryClient();
  const store = client.repository({ registry: docker.host, repository: "acme/held" });
  for (const [tag, built] of Object.entries(HELD)) await pushBuilt(store, built, tag);
});

async function pushBuilt(
  store: WritableStore,
  { blobs, children, manifest }: BuiltArtifact,
  reference: string,
): Promise<void> {
  for (const { content, descriptor } of blobs) {
    await store.push(descriptor, (offset) => content.open(offset, content.size));
  }
  for (const child of children) await pushBuilt(store, child, child.manifest.descriptor.digest);
  await store.pushManifest(manifest, reference);
}

afterAll(async () => {
  await docker?.[Symbol.asyncDispose]();
});

const STAYS: AsyncDisposable = { [Symbol.asyncDispose]: async () => {} };

/** Each server is a cache directory of its own. */
async function openServed(): Promise<AsyncDisposable & { readonly host: string }> {
  const directory = await openTempDirectory();
  const server = await openServer({
    bundlePaths: [],
    writable: "local",
    catalog: true,
    cacheDirectory: directory.path,
    port: 0,
    hosts: { localhost: "local" },
  });
  return {
    host: `localhost:${server.port}`,
    [Symbol.asyncDispose]: endAll(directory, server),
  };
}

async function openPushed(): Promise<OpenedSource> {
  const served = await openServed();
  const opened = openClient(served, served.host, "acme/held");
  for (const [tag, built] of Object.entries(HELD)) await pushBuilt(opened.store, built, tag);
  return opened;
}

/** A registry as files, and the server of them. */
async function openTree(): Promise<OpenedSource> {
  const directory = await openTempDirectory();
  const [bundle, tree] = [directory.resolve("bundle"), directory.resolve("tree")];
  const named = Object.entries(HELD).map(([tag, built]) => [
    `registry.test/acme/held:${tag}`,
    built,
  ]);
  await writeBundle(bundle, Object.fromEntries(named));
  await exportBundle({ form: "static", bundlePaths: [bundle], out: tree });
  const server = await openServer({ bundlePaths: [], trees: [tree], catalog: true, port: 0 });
  const served = { [Symbol.asyncDispose]: endAll(directory, server) };
  return openClient(served, `127.0.0.1:${server.port}`, "registry.test/acme/held");
}

async function openEmptyServed(): Promise<OpenedTarget> {
  const served = await openServed();
  return openClient(served, served.host, "acme/new");
}

async function openDocker(): Promise<OpenedSource> {
  return openClient(STAYS, docker?.host ?? "", "acme/held");
}

function openClient(registry: AsyncDisposable, host: string, repository: string) {
  const client = openRegistryClient();
  return {
    store: client.repository({ registry: host, repository }),
    absent: client.repository({ registry: host, repository: "acme/absent" }),
    all: client.registry(host),
    path: repository,
    [Symbol.asyncDispose]: endAll(registry, client),
  };
}

/** The same content, pulled into chunks that cut everything. */
async function openBundled(): Promise<OpenedSource> {
  const directory = await openTempDirectory();
  const { openSource } = memorySource({ "acme/held": HELD });
  const { selection } = parseSelection({
    includeImages: Object.keys(HELD).map((tag) => `registry.test/acme/held:${tag}`),
  });
  await pull({ bundlePath: directory.path, selection, openSource, chunkSizeBytes: 50_001 });
  const bundle = await openBundleStore(directory.path);
  return {
    store: bundle.repository("registry.test/acme/held"),
    absent: bundle.repository("registry.test/acme/absent"),
    all: bundle,
    path: "registry.test/acme/held",
    [Symbol.asyncDispose]: endAll(directory, bundle),
  };
}

function openMemory(): OpenedSource {
  const { openSource, registry } = memorySource({ "acme/held": HELD });
  return {
    store: openSource({ registry: "registry.test", repository: "acme/held" }),
    absent: openSource({ registry: "registry.test", repository: "acme/absent" }),
    all: registry,
    path: "acme/held",
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Sources behind a cache, empty at first, or with everything that was asked for once. */
function openCached(createCache: (directory: string) => ContentCache | Promise<ContentCache>) {
  return async (): Promise<OpenedSource> => {
    const directory = await openTempDirectory();
    const { openSource, registry } = memorySource({ "acme/held": HELD });
    const open = cacheSources(openSource, await createCache(directory.path), () => {});
    const repository = (path: string) => open({ registry: "registry.test", repository: path });
    return {
      store: repository("acme/held"),
      absent: repository("acme/absent"),
      all: { listRepositories: registry.listRepositories, repository },
      path: "acme/held",
      [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    };
  };
}

async function openShared(directory: string): Promise<ContentCache> {
  return (await openUserCache(directory)).above(createMemoryCache());
}

async function openEmptyEmbedded(): Promise<OpenedTarget> {
  const registry = await openEmbeddedRegistry();
  return openClient(registry, registry.host, "acme/new");
}

async function openEmptyDocker(): Promise<OpenedTarget> {
  targets++;
  return openClient(STAYS, docker?.host ?? "", `acme/new-${targets}`);
}

describeSourceRepository("a repository of the embedded registry", openEmbedded);
describeSourceRepository("a repository of a server that was pushed to", openPushed);
describeSourceRepository("a repository of a tree of files", openTree);
describeSourceRepository("a repository of a bundle", openBundled);
describeSourceRepository("a repository in memory", async () => openMemory());
describeSourceRepository("a repository behind a cache in memory", openCached(createMemoryCache));
describeSourceRepository("a repository behind a cache on disk", openCached(createDirectoryCache));
describeSourceRepository("a repository behind the cache of the user", openCached(openShared));
describeContentCache("a cache in memory", createMemoryCache, { keepsContent: false });
describeContentCache("a cache on disk", createDirectoryCache, { keepsContent: true });
describeContentCache("the cache of the user", openShared, { keepsContent: true });
describeTargetRepository("a repository of the embedded registry", openEmptyEmbedded);
describeTargetRepository("a repository of a server that can be pushed to", openEmptyServed);
if (hasDocker) {
  describeSourceRepository("a repository of docker-registry", openDocker);
  describeTargetRepository("a repository of docker-registry", openEmptyDocker);
}

type OpenSource = () => Promise<OpenedSource>;

const SOURCES: readonly (readonly [string, OpenSource])[] = [
  ["the embedded registry", openEmbedded],
  ["a bundle", openBundled],
  ...(hasDocker ? [["docker-registry", openDocker] as const] : []),
];

describe("copy()", () => {
  test.each(SOURCES)("copies an index with everything below it from %s", async (_, open) => {
    await using source = await open();
    await using target = await openEmptyEmbedded();
    const copied: string[] = [];
    const root = await copy(
      { store: source.store, reference: "latest" },
      { store: target.store, reference: "v2" },
      { after: ({ digest }) => void copied.push(digest) },
    );
    const { blobs = [], children = [], manifest } = HELD["latest"] ?? {};
    expect(root).toEqual(manifest?.descriptor);
    expect(await target.store.fetchManifest("v2")).toEqual(manifest);
    const below = [blobs, ...children.map((child) => child.blobs)].flat();
    for (const { descriptor } of below) expect(await target.store.exists(descriptor)).toBe(true);
    const digests = [...children.map((child) => child.manifest), ...(manifest ? [manifest] : [])];
    const all = [...digests, ...below].map(({ descriptor }) => descriptor.digest);
    expect([...copied].sort()).toEqual([...new Set(all)].sort());
    expect(copied.at(-1)).toBe(manifest?.descriptor.digest);
  });

  test("copies only the root again when all the rest is there", async () => {
    await using source = await openEmbedded();
    await using target = await openEmptyEmbedded();
    const outcomes = new Map<string, CopyOutcome>();
    const after = ({ digest }: Descriptor, outcome: CopyOutcome) =>
      void outcomes.set(digest, outcome);
    const from = { store: source.store, reference: "latest" };
    await copy(from, { store: target.store, reference: "one" });
    await copy(from, { store: target.store, reference: "two" }, { after });
    const { manifest, children = [] } = HELD["latest"] ?? {};
    expect(Object.fromEntries(outcomes)).toEqual({
      [manifest?.descriptor.digest ?? ""]: "copied",
      ...Object.fromEntries(
        children.map((child) => [child.manifest.descriptor.digest, "already-there"]),
      ),
    });
  });

  test("passes over what its caller skips, with all below it", async () => {
    await using source = await openEmbedded();
    await using target = await openEmptyEmbedded();
    const { blobs = [], manifest } = HELD["v1"] ?? {};
    const asked: string[] = [];
    const watched: OpenedTarget["store"] = {
      ...target.store,
      push: (blob, open, options) => {
        asked.push(blob.digest);
        return target.store.push(blob, open, options);
      },
      pushManifest: async ({ descriptor }) => descriptor.digest,
    };
    const skipped = blobs[1]?.descriptor.digest;
    await copy(
      { store: source.store, reference: "v1" },
      { store: watched, reference: "v1" },
      { skip: ({ digest }) => digest === skipped },
    );
    expect(asked).toEqual([blobs[0]?.descriptor.digest]);
    expect(manifest).toBeDefined();
  });

  test("tells before it copies, and mounts from where its caller says", async () => {
    await using registry = await openEmbeddedRegistry();
    seed(registry, "acme/held", HELD);
    await using client = openRegistryClient();
    const store = (repository: string) =>
      client.repository({ registry: registry.host, repository });
    const told: string[] = [];
    await copy(
      { store: store("acme/held"), reference: "v1" },
      { store: store("acme/new"), reference: "v1" },
      {
        concurrency: 1,
        mount: () => "acme/held",
        before: ({ digest }) => void told.push(`before ${digest}`),
        after: ({ digest }, outcome) => void told.push(`${outcome} ${digest}`),
      },
    );
    const { blobs = [], manifest } = HELD["v1"] ?? {};
    const digest = manifest?.descriptor.digest;
    expect(told).toEqual([
      ...blobs.flatMap(({ descriptor }) => [
        `before ${descriptor.digest}`,
        `mounted ${descriptor.digest}`,
      ]),
      `before ${digest}`,
      `copied ${digest}`,
    ]);
  });

  test.each([1, 3])("has at most %i blobs on their way at once", async (concurrency) => {
    await using source = await openEmbedded();
    await using target = await openEmptyEmbedded();
    let running = 0;
    let most = 0;
    const watched: OpenedTarget["store"] = {
      ...target.store,
      push: async (...call) => {
        most = Math.max(most, ++running);
        const result = await target.store.push(...call);
        running -= 1;
        return result;
      },
    };
    await copy(
      { store: source.store, reference: "latest" },
      { store: watched, reference: "latest" },
      { concurrency },
    );
    expect(most).toBe(concurrency);
  });

  test("copies by digest", async () => {
    await using source = await openEmbedded();
    await using target = await openEmptyEmbedded();
    const { digest = "" } = HELD["v1"]?.manifest.descriptor ?? {};
    await copy(
      { store: source.store, reference: digest },
      { store: target.store, reference: digest },
    );
    expect(await target.store.fetchManifest(digest)).toEqual(HELD["v1"]?.manifest);
  });

  test("sets no tag when something below cannot be had", async () => {
    await using registry = await openEmbeddedRegistry();
    seed(registry, "acme/held", HELD);
    const layer = HELD["v1"]?.blobs[1]?.descriptor.digest ?? "";
    registry.content.repository("acme/held").blobs.delete(layer);
    await using client = openRegistryClient();
    const store = (repository: string) =>
      client.repository({ registry: registry.host, repository });
    const failed = copy(
      { store: store("acme/held"), reference: "v1" },
      { store: store("acme/new"), reference: "v1" },
    );
    await expect(failed).rejects.toMatchObject({ code: "REGISTRY_NOT_FOUND" });
    await expect(store("acme/new").resolve("v1")).rejects.toMatchObject({
      code: "REGISTRY_NOT_FOUND",
    });
  });

  test("stops when it is aborted", async () => {
    await using source = await openEmbedded();
    await using target = await openEmptyEmbedded();
    const signal = AbortSignal.abort(new Error("enough"));
    const failed = copy(
      { store: source.store, reference: "v1" },
      { store: target.store, reference: "v1" },
      { signal },
    );
    await expect(failed).rejects.toThrow("enough");
  });
});

describe("openBundleStore()", () => {
  test("lists the repositories of the bundle", async () => {
    await using directory = await openTempDirectory();
    const { openSource } = memorySource({ "acme/held": HELD });
    const { selection } = parseSelection({ includeImages: ["registry.test/acme/held:v1"] });
    await pull({ bundlePath: directory.path, selection, openSource });
    await using bundle = await openBundleStore(directory.path);
    expect(bundle.repositories).toEqual(["registry.test/acme/held"]);
  });
});
