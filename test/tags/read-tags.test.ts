import { readFile, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MirrorError } from "../../src/errors.ts";
import type { RepositoryReference } from "../../src/oci/reference.ts";
import type { SourceRepository } from "../../src/store/store.ts";
import { readTags } from "../../src/tags/read-tags.ts";
import type { ReadTagsOptions, TagsReport } from "../../src/tags/read-tags-options.ts";
import { AMD64, ARM64, artifact, image, index } from "../support/artifacts.ts";
import {
  DeniedError,
  type MemorySource,
  memorySource,
  NotFoundError,
} from "../support/memory-source.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const HOUR = 3_600_000;
const WEB: RepositoryReference = { registry: "registry.test", repository: "acme/web" };

class UnreachableError extends MirrorError {
  override readonly code = "REGISTRY_UNREACHABLE";
}

let directory: TempDirectory;
let time = Date.parse("2026-06-01T00:00:00Z");

beforeEach(async () => {
  directory = await openTempDirectory();
});

afterEach(() => directory[Symbol.asyncDispose]());

type Opened = Pick<MemorySource, "openSource">;

function look(source: Opened, options: Partial<ReadTagsOptions> = {}): Promise<TagsReport> {
  return readTags({
    repository: WEB,
    openSource: source.openSource,
    cacheDirectory: directory.path,
    now: () => time,
    ...options,
  });
}

const named = (...names: string[]) =>
  Object.fromEntries(names.map((name) => [name, image({ name })]));
const namesIn = ({ tags }: TagsReport) => tags.map(({ tag }) => tag);

/** A source of which each operation fails with an error. */
function failing(error: () => Error): Opened {
  const fail = async () => {
    throw error();
  };
  const source = {
    fetch: fail,
    fetchManifest: fail,
    resolve: fail,
    exists: fail,
    stat: fail,
    referrers: fail,
    async *listTags() {
      yield await fail();
    },
  } as unknown as SourceRepository;
  return { openSource: () => source };
}

describe("the rows", () => {
  test("tell of each tag what its image is, what it says of itself and how much it takes", async () => {
    const built = image({ labels: { team: "web" }, layers: 2 });
    const report = await look(memorySource({ "acme/web": { v1: built } }));
    const blobs = built.blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    expect(report.tags).toEqual([
      {
        tag: "v1",
        digest: built.manifest.descriptor.digest,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        type: "image",
        platforms: ["linux/amd64"],
        created: "2026-01-01T00:00:00.000Z",
        size: built.manifest.bytes.length + blobs,
        labels: { team: "web" },
        lastFetched: "2026-06-01T00:00:00.000Z",
      },
    ]);
  });

  test("of a multi-platform image have all its platforms, and count shared content once", async () => {
    const [amd, arm] = [
      image({ platform: AMD64, name: "x" }),
      image({ platform: ARM64, name: "x" }),
    ];
    const both = index([amd, arm]);
    const { tags } = await look(memorySource({ "acme/web": { v1: both } }));
    const sizes = new Map(
      [both, amd, arm].flatMap(({ manifest, blobs }) => [
        [manifest.descriptor.digest, manifest.descriptor.size] as const,
        ...blobs.map(({ descriptor }) => [descriptor.digest, descriptor.size] as const),
      ]),
    );
    expect(tags).toMatchObject([
      {
        type: "index",
        platforms: ["linux/amd64", "linux/arm64"],
        size: [...sizes.values()].reduce((sum, size) => sum + size, 0),
      },
    ]);
  });

  test("of an image without the wanted platform say why it is left out, and nothing else", async () => {
    const source = memorySource({
      "acme/web": {
        one: image({ platform: AMD64 }),
        two: index([image({ platform: ARM64, name: "a" })]),
      },
    });
    const { tags } = await look(source, { platform: "linux/arm64", sort: "name" });
    expect(tags[0]).toEqual({
      tag: "one",
      excluded: "there is no image for linux/arm64: it has linux/amd64",
    });
    expect(tags[1]).toMatchObject({ tag: "two", platforms: ["linux/arm64"] });
    for (const row of tags) expect("excluded" in row).not.toBe("digest" in row);
  });

  test("of artifacts have their type", async () => {
    const source = memorySource({
      "acme/web": { chart: artifact({ artifactType: "application/vnd.x" }) },
    });
    expect((await look(source)).tags).toMatchObject([{ type: "application/vnd.x", platforms: [] }]);
  });

  test("say of a signed image that it is, and show no signature as an image", async () => {
    const built = image();
    const signature = `sha256-${built.manifest.descriptor.digest.slice(7)}.sig`;
    const source = memorySource({
      "acme/web": { v1: built, v2: image({ name: "two" }), [signature]: artifact() },
    });
    const { tags } = await look(source, { sort: "name" });
    expect(tags).toMatchObject([
      { tag: signature, excluded: `it belongs to ${built.manifest.descriptor.digest}` },
      { tag: "v1", signed: true },
      { tag: "v2" },
    ]);
    expect(tags[2]).not.toHaveProperty("signed");
    const asked = await look(source, { sort: "name", signatures: true });
    expect(asked.tags[2]).toMatchObject({ tag: "v2", signed: false });
  });
});

describe("labels and times", () => {
  const labels = (time: string) => ({ "org.opencontainers.image.created": time });
  const built = image({
    annotations: labels("2026-03-03T00:00:00Z"),
    config: {
      created: "2026-01-01T00:00:00Z",
      container_config: { Labels: { ...labels("2026-02-02T00:00:00Z"), a: "container" } },
      config: { Labels: { a: "config" } },
    },
  });
  const source = () => memorySource({ "acme/web": { v1: built } });

  test.each([
    [undefined, "2026-01-01T00:00:00.000Z", "config"],
    [["container_config", "config"], "2026-02-02T00:00:00.000Z", "container"],
    [["annotations", "container_config", "config"], "2026-03-03T00:00:00.000Z", "container"],
  ] as const)("come from %s first: %s", async (labelSources, created, a) => {
    const { tags } = await look(source(), { labelSources });
    expect(tags).toMatchObject([{ created, labels: { a } }]);
  });

  test.each([
    "0001-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:01.000Z",
    "1980-01-01T00:00:01Z",
  ])(
    "are not %s, which builds write that have no time: the next source counts",
    async (created) => {
      const built = image({ annotations: labels("2026-03-03T00:00:00Z"), config: { created } });
      const { tags, notices } = await look(memorySource({ "acme/web": { v1: built } }));
      expect(tags).toMatchObject([{ created: "2026-03-03T00:00:00.000Z" }]);
      expect(notices).toEqual([]);
    },
  );

  test("that are no times are named with their label and the tag, and the next source counts", async () => {
    const bad = image({
      annotations: labels("2026-03-03T00:00:00Z"),
      config: { created: "0001-01-01T00:00:00Z", config: { Labels: labels("yesterday") } },
    });
    const { tags, notices } = await look(memorySource({ "acme/web": { v1: bad } }));
    expect(tags).toMatchObject([{ created: "2026-03-03T00:00:00.000Z" }]);
    expect(notices).toEqual([
      {
        code: "TIME_INVALID",
        message:
          'org.opencontainers.image.created "yesterday" of "registry.test/acme/web:v1" is not a time',
      },
    ]);
  });
});

describe("the order", () => {
  const tags = ["1.9.9", "1.10", "1.10.0", "v1.2.3", "latest", "dev-1", "2.0.0-rc.1"];
  const source = () => memorySource({ "acme/web": named(...tags) });

  test("is by version, of equal ones the longer spelling first, for a range", async () => {
    const report = await look(source(), { match: "semver:*" });
    expect(namesIn(report)).toEqual(["1.10.0", "1.10", "1.9.9", "v1.2.3"]);
    expect(report.totals).toEqual({ tags: 7, matching: 4 });
  });

  test("by time has the newest first, and what says no time last", async () => {
    const at = (created: string) => image({ name: created, config: { created } });
    const timed = memorySource({
      "acme/web": {
        old: at("2025-01-01T00:00:00Z"),
        none: at("0001-01-01T00:00:00Z"),
        new: at("2026-01-01T00:00:00Z"),
      },
    });
    expect(namesIn(await look(timed, { match: "*" }))).toEqual(["new", "old", "none"]);
  });

  test("with a limit asks for no more tags than are shown", async () => {
    const counted = source();
    const report = await look(counted, { match: "semver:*", limit: 2 });
    expect(namesIn(report)).toEqual(["1.10.0", "1.10"]);
    expect(counted.requests).toHaveLength(1 + 2 * 2);
  });

  test.each([
    { match: "semver:>=" },
    { match: "regex:(" },
    { labelSources: ["elsewhere" as "config"] },
  ])("and the pattern are refused where they cannot be read: %j", async (options) => {
    await expect(look(source(), options)).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });
});

describe("requests", () => {
  test("are two for a tag that nothing is known of, and none for one that is", async () => {
    const source = memorySource({ "acme/web": named("v1", "v2", "v3") });
    const first = await look(source);
    expect(first.requests).toBe(7);
    const second = await look(source);
    expect(second.requests).toBe(0);
    expect(second.tags).toEqual(first.tags);
    expect(source.requests).toHaveLength(7);
  });

  test("are one for a tag that has not moved when it is no longer believed", async () => {
    const source = memorySource({ "acme/web": named("v1", "v2") });
    await look(source);
    time += 2 * HOUR;
    expect((await look(source)).requests).toBe(1 + 2);
  });

  test("are none for content that another tag has as well", async () => {
    const shared = image();
    const source = memorySource({ "acme/web": { v1: shared, v2: shared } });
    const { requests } = await look(source, { concurrency: 1 });
    expect(requests).toBe(1 + 2 + 1);
  });

  test("of a scan that was cut off are not sent again", async () => {
    const all = named(...Array.from({ length: 40 }, (_, position) => `v${position}`));
    const stop = new AbortController();
    const cut = memorySource(
      { "acme/web": all },
      {
        onRequest: () => {
          if (cut.requests.length > 41) stop.abort();
        },
      },
    );
    await expect(look(cut, { signal: stop.signal })).rejects.toThrow();
    const rest = memorySource({ "acme/web": all });
    const report = await look(rest);
    expect(report.tags).toHaveLength(40);
    expect(rest.requests.length).toBeGreaterThan(0);
    expect(rest.requests.length).toBeLessThan(60);
  });

  test("of ten thousand tags are none at a second look, which takes less than a second", async () => {
    const built = image();
    const tags = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, position) => [`1.${position}`, built]),
    );
    const source = memorySource({ "acme/web": tags });
    await look(source);
    const started = performance.now();
    const report = await look(source);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(report.tags).toHaveLength(10_000);
    expect(report.requests).toBe(0);
  }, 60_000);
});

describe("a tag is asked for again", () => {
  /** Hours after which a tag that moves as it is told was asked for. */
  async function intervals(moves: (round: number) => boolean, rounds: number): Promise<number[]> {
    let current = image({ name: "0" });
    const openSource = (reference: RepositoryReference) =>
      memorySource({ "acme/web": { v1: current } }).openSource(reference);
    await look({ openSource });
    const waits: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      if (moves(round)) current = image({ name: `${round + 1}` });
      const asked = time;
      let report: TagsReport;
      do {
        time += HOUR / 12;
        report = await look({ openSource });
      } while (
        !report.tags.some(
          (row) => row.excluded === undefined && Date.parse(row.lastFetched) === time,
        )
      );
      waits.push((time - asked) / HOUR);
    }
    return waits;
  }

  test("after an hour, then after twice as long each time it has not moved", async () => {
    expect(await intervals(() => false, 4)).toEqual([1, 2, 4, 8]);
  });

  test("after half as long each time it has moved, and never within five minutes", async () => {
    const waits = await intervals(() => true, 5);
    expect(waits.map((hours) => Math.round(hours * 60))).toEqual([60, 30, 15, 10, 5]);
  });
});

describe("what fails", () => {
  test("with one of fifty tags leaves forty-nine rows and a notice that names it", async () => {
    const tags = Array.from({ length: 50 }, (_, position) => `v${position}`);
    const source = memorySource(
      { "acme/web": named(...tags) },
      { failures: { "get acme/web:v7": new NotFoundError("MANIFEST_UNKNOWN") } },
    );
    const { tags: rows, failures, notices } = await look(source);
    expect(rows).toHaveLength(49);
    expect(failures).toMatchObject([{ subject: "registry.test/acme/web:v7" }]);
    expect(notices).toEqual([
      { code: "TAG_UNREADABLE", message: expect.stringContaining("acme/web:v7") },
    ]);
  });

  test("with the whole registry leaves what is known of it, with its age and the reason", async () => {
    const first = await look(memorySource({ "acme/web": named("v1", "v2") }));
    time += 3 * HOUR;
    const report = await look(failing(() => new UnreachableError("nobody answers")));
    expect(report.tags.map((row) => ({ ...row, lastError: undefined }))).toEqual(
      first.tags.map((row) => ({ ...row, lastError: undefined })),
    );
    const lastError = { at: new Date(time).toISOString(), message: "nobody answers" };
    expect(report).toMatchObject({ lastError, listedAt: first.listedAt, failures: [] });
    expect(report.tags).toMatchObject([{ lastError }, { lastError }]);
  });

  test("before anything is known is the failure", async () => {
    await expect(look(failing(() => new UnreachableError("nobody answers")))).rejects.toThrow(
      "nobody answers",
    );
  });

  test("because the repository is gone is no reason to tell what it was", async () => {
    await look(memorySource({ "acme/web": named("v1") }));
    time += 3 * HOUR;
    await expect(look(memorySource({}))).rejects.toMatchObject({ code: "REGISTRY_NOT_FOUND" });
  });

  test("in the middle of a scan ends the requests, not the answer", async () => {
    await look(memorySource({ "acme/web": named("v1", "v2", "v3") }));
    time += 3 * HOUR;
    const limited = memorySource(
      { "acme/web": named("v1", "v2", "v3") },
      { failures: { "resolve acme/web:v3": new DeniedError("not any more") } },
    );
    const report = await look(limited, { concurrency: 1 });
    expect(namesIn(report)).toHaveLength(3);
    expect(limited.requests).toEqual(["tags acme/web", "resolve acme/web:v3"]);
  });
});

describe("what is kept", () => {
  const path = () => directory.resolve("tags/v1/registry.test/acme/web/_tags.log");

  test("is right wherever the writing was cut off, and the rest is asked for again", async () => {
    const tags = named(...Array.from({ length: 12 }, (_, position) => `v${position}`));
    const expected = await look(memorySource({ "acme/web": tags }));
    const whole = await readFile(path());
    for (let length = 0; length < whole.length; length += 97) {
      await writeFile(path(), whole.subarray(0, length));
      const report = await look(memorySource({ "acme/web": tags }));
      expect(report.tags).toEqual(expected.tags);
    }
  });

  test("and damaged is as if it were not there", async () => {
    const tags = named("v1", "v2");
    const expected = await look(memorySource({ "acme/web": tags }));
    const whole = await readFile(path());
    for (let position = 0; position < whole.length; position += 61) {
      const damaged = Buffer.from(whole);
      damaged[position] = (damaged[position] ?? 0) ^ 1;
      await writeFile(path(), damaged);
      expect((await look(memorySource({ "acme/web": tags }))).tags).toEqual(expected.tags);
    }
  });

  test("may be added to by two runs at once", async () => {
    const tags = named(...Array.from({ length: 30 }, (_, position) => `v${position}`));
    const source = () => memorySource({ "acme/web": tags });
    const [one, two] = await Promise.all([look(source()), look(source())]);
    expect(one.tags).toEqual(two.tags);
    expect((await look(source())).requests).toBe(0);
  });

  test("stays small however often it is looked at", async () => {
    const source = memorySource({ "acme/web": named("v1") });
    await look(source);
    const { length } = await readFile(path());
    for (let round = 0; round < 1200; round += 1) await look(source, { refresh: true });
    expect((await readFile(path())).length).toBeLessThan(length * 400);
    expect((await look(source)).requests).toBe(0);
  }, 60_000);

  test("cannot be kept where nothing can be written, and the answer is the same", async () => {
    await writeFile(directory.resolve("file"), "");
    const source = memorySource({ "acme/web": named("v1") });
    const report = await look(source, { cacheDirectory: directory.resolve("file/below") });
    expect(namesIn(report)).toEqual(["v1"]);
  });
});
