import { readFile, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { childrenOf } from "../../src/oci/children.ts";
import { formatCosignTag } from "../../src/oci/cosign-tag.ts";
import { parseManifest } from "../../src/oci/manifest.ts";
import type { PruneList } from "../../src/prune/prune-list.ts";
import type { PruneSummary } from "../../src/prune/prune-options.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import type { RegistryContent } from "../../src/server/memory-content.ts";
import { errorResponse, type RegistryMiddleware } from "../../src/server/message.ts";
import { AMD64, ARM64, artifact, image, index, seed } from "../support/artifacts.ts";
import { EDITION_ROOT, seedEdition } from "../support/edition.ts";
import { eachTest } from "../support/fixture.ts";
import { digestOfArtifact, seedSigned, signedIndex } from "../support/referrers.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const directory = eachTest(openTempDirectory);
const source = eachTest(openEmbeddedRegistry);
const target = eachTest(openEmbeddedRegistry);

describe("mirror prune of a target with an old and a kept bundle", () => {
  const kept = signedIndex("kept");
  const old = signedIndex("old");

  beforeEach(() => {
    seedSigned(source, "acme/web", kept);
    seedSigned(source, "acme/old", old);
  });

  test("deletes nothing, and lists what goes, with children and all that belongs to them", async () => {
    await pushBoth(target.host);
    const before = snapshot(target.content);
    const list = await makeList(target.host);
    expect(snapshot(target.content)).toEqual(before);
    expect(new Set(list.deletes.map(({ repository }) => repository))).toEqual(
      new Set([below("old")]),
    );
    const goes = [
      old.index,
      ...Object.values(old.children),
      ...Object.values(old.cosign),
      ...Object.values(old.referrers),
    ];
    const digests = list.deletes.map(({ digest }) => digest);
    expect(digests.sort()).toEqual([...new Set(goes.map(digestOfArtifact))].sort());
    expect(list.totals).toMatchObject({ repositories: 1, manifests: goes.length });
  });

  test("takes with --apply exactly these, and everything kept is whole", async () => {
    await pushBoth(target.host);
    const list = await makeList(target.host);
    const before = snapshot(target.content);
    const { summary } = await apply(target.host);
    expect(summary).toMatchObject({ complete: true, kept: [], goneCount: 0 });
    expect(summary.deleted).toHaveLength(list.deletes.length);
    const gone = new Set(
      list.deletes.map(({ digest, repository }) => `mirror/${repository}@${digest}`),
    );
    expect(snapshot(target.content)).toEqual(before.filter((name) => !gone.has(name)));
    await expectDone(["diff", path("kept"), `${target.host}/mirror`, "--exit-code"]);
  });

  test("does so where referrers are under fallback tags", async () => {
    const faults = { referrers: 404, subjectHeader: "absent" } as const;
    await using plain = await startFaultRegistry({ faults });
    await pushBoth(plain.host);
    const list = await makeList(plain.host);
    expect(list.deletes.map(({ kind }) => kind)).toContain("referrers-index");
    await apply(plain.host);
    expect([...plain.content.repository(`mirror/${below("old")}`).manifests.keys()]).toEqual([]);
    await expectDone(["diff", path("kept"), `${plain.host}/mirror`, "--exit-code"]);
    const tags = [...plain.content.repository(`mirror/${below("web")}`).tags.keys()];
    expect(tags).toContain(digestOfArtifact(kept.index).replace(":", "-"));
  });

  test("keeps a tag that nobody named, where its digest is kept, and says nothing of it in the list", async () => {
    await pushBoth(target.host);
    const { tags } = target.content.repository(`mirror/${below("web")}`);
    tags.set("alias", digestOfArtifact(kept.index));
    const list = await makeList(target.host);
    expect(JSON.stringify(list)).not.toContain("alias");
    await apply(target.host);
    expect(tags.get("v1")).toBe(digestOfArtifact(kept.index));
  });

  test("keeps what a kept tag points at by now, although no bundle has it", async () => {
    await pushBoth(target.host);
    seed(target, `mirror/${below("web")}`, { v1: image({ name: "newer" }) });
    const list = await makeList(target.host);
    expect(list.deletes.filter(({ repository }) => repository === below("web"))).toEqual([]);
  });

  test("may be told by a lock what is kept", async () => {
    await pushBoth(target.host);
    await expectDone(["plan", ...wish("web"), "--out", path("kept.json")]);
    const other = await makeList(target.host);
    const list = await makeList(target.host, ["--keep-lock", path("kept.json")]);
    expect(list.deletes).toEqual(other.deletes);
  });

  test("applied again, finds all of it gone", async () => {
    await pushBoth(target.host);
    const list = await makeList(target.host);
    await apply(target.host);
    const { summary } = await apply(target.host);
    expect(summary).toMatchObject({ complete: true, deleted: [], goneCount: list.deletes.length });
  });

  test("takes nothing that was taken out of the list", async () => {
    await pushBoth(target.host);
    const list = await makeList(target.host);
    const deletes = list.deletes.filter(({ digest }) => digest !== digestOfArtifact(old.index));
    await writeFile(path("list.json"), JSON.stringify({ ...list, deletes }));
    const { summary } = await apply(target.host);
    // Its tag is not on the list, so it stays, with its children and signatures
    expect(summary.deleted).toEqual([]);
    expect(summary.kept).toHaveLength(deletes.length);
  });

  describe("where the target changes between list and --apply", () => {
    const repository = () => target.content.repository(`mirror/${below("old")}`);

    beforeEach(async () => {
      await pushBoth(target.host);
      await makeList(target.host);
    });

    test("keeps what a new tag points at, with all that it needs, and tells", async () => {
      repository().tags.set("again", digestOfArtifact(old.children.amd64));
      const { summary, stderr } = await apply(target.host);
      const digests = summary.kept.map(({ digest }) => digest);
      expect(digests).toContain(digestOfArtifact(old.children.amd64));
      expect(digests).toContain(digestOfArtifact(old.referrers.cyclonedx));
      expect(summary.deleted.map(({ digest }) => digest)).toContain(digestOfArtifact(old.index));
      expect(stderr).toContain('is kept: the tag "again" points at it by now');
      expect(summary.notices.map(({ code }) => code)).toContain("STILL_NEEDED");
    });

    test("keeps the children of a new index", async () => {
      const built = index([old.children.amd64, image({ name: "more", platform: ARM64 })]);
      seed(target, `mirror/${below("old")}`, { v2: built });
      const { summary } = await apply(target.host);
      expect(summary.kept.map(({ digest }) => digest)).toContain(
        digestOfArtifact(old.children.amd64),
      );
      expect(repository().manifests.has(digestOfArtifact(old.children.amd64))).toBe(true);
      expect(repository().manifests.has(digestOfArtifact(old.children.arm64))).toBe(false);
    });

    test("keeps what somebody has signed meanwhile", async () => {
      const tag = formatCosignTag({ subject: digestOfArtifact(old.index), suffix: "sig" });
      seed(target, `mirror/${below("old")}`, { [tag]: artifact({ annotations: { new: "yes" } }) });
      const { summary } = await apply(target.host);
      expect(repository().tags.has("v1")).toBe(true);
      expect(summary.kept.map(({ digest }) => digest)).toContain(digestOfArtifact(old.index));
    });

    test("never takes what a listed tag points at by now", async () => {
      seed(target, `mirror/${below("old")}`, { v1: image({ name: "moved" }) });
      await apply(target.host);
      expect(repository().tags.get("v1")).toBe(digestOfArtifact(image({ name: "moved" })));
    });
  });
});

describe("mirror prune of a pushed edition", () => {
  const wishes = () => ["--source", `${source.host}/${EDITION_ROOT}`];

  beforeEach(() => seedEdition(source));

  test("keeps release channels of what is kept, and what they point at, and the platform", async () => {
    await expectDone(["pull", path("all"), ...wishes()]);
    await push("all", target.host);
    const only = [
      "--no-platform",
      "--no-security-db",
      "--no-packages",
      "--no-installer",
      "--no-plugins",
    ];
    const names = [...target.content.repositories.keys()];
    const [module = ""] = names.flatMap(
      (name) => /^mirror\/modules\/([^/]+)\/release$/.exec(name)?.[1] ?? [],
    );
    const { tags } = target.content.repository(`mirror/modules/${module}`);
    const [version = ""] = [...tags.keys()].filter((tag) => tag.startsWith("v"));
    await expectDone(["pull", path("kept"), ...wishes(), ...only, "-i", `${module}@=${version}`]);
    const before = snapshot(target.content);
    const { list, stderr } = await makeListOf(target.host, ["--keep-bundle", path("kept")]);
    const places = list.deletes.map(({ repository }) => repository);
    // All its versions here are such that a channel of the target points at them
    expect(places.filter((place) => place.startsWith(`modules/${module}`))).toEqual([]);
    expect(places.filter((place) => place.startsWith("modules/"))).not.toEqual([]);
    expect(stderr).toContain("The platform of the target is left as it is");
    expect(places).not.toContain("");
    await apply(target.host);
    const left = new Set(snapshot(target.content));
    const lost = before.filter((name) => !left.has(name));
    expect(
      lost.filter((name) => !name.startsWith("mirror/modules/") && !/packages|plugins/.test(name)),
    ).toEqual([]);
    // A pull from the target gives the whole module, and the platform, as its channels have them
    const from = ["--source", `${target.host}/mirror`];
    await expectDone(["pull", path("again"), ...from, ...only, "-i", module]);
    await expectDone([
      "pull",
      path("platform"),
      ...from,
      "--no-modules",
      "--no-packages",
      "--no-plugins",
    ]);
  });

  test("keeps with --apply the version that a release channel was moved to since the list", async () => {
    const only = ["--no-platform", "--no-security-db", "--no-packages", "--no-installer"];
    const flags = [...wishes(), ...only, "--no-plugins"];
    await expectDone(["pull", path("all"), ...flags, "-i", "console@>=1.0.0"]);
    await push("all", target.host);
    await expectDone(["pull", path("kept"), ...flags, "-i", "console@=v1.4.1"]);
    const list = await makeList(target.host);
    const listed = list.deletes.flatMap(({ tags }) => tags);
    expect(listed).toEqual(expect.arrayContaining(["v1.0.0", "v1.1.0"]));
    const { tags: releases } = target.content.repository("mirror/modules/console/release");
    releases.set("stable", releases.get("v1.1.0") ?? "");
    const { summary } = await apply(target.host);
    const { tags } = target.content.repository("mirror/modules/console");
    expect([...tags.keys()]).toContain("v1.1.0");
    expect([...tags.keys()]).not.toContain("v1.0.0");
    expect(summary.kept.map(({ reason }) => reason)).toContain(
      "a release channel points at what needs it",
    );
  });

  test("keeps all of a module whose channels cannot be followed, and says so", async () => {
    await expectDone(["pull", path("all"), ...wishes()]);
    await push("all", target.host);
    const releases = [...target.content.repositories].find(([name]) =>
      /modules\/[^/]+\/release$/.test(name),
    );
    const module = releases?.[0].replace(/^mirror\/modules\/|\/release$/g, "") ?? "";
    target.content.repository(`mirror/modules/${module}`).tags.clear();
    const { list, stderr } = await makeListOf(target.host, ["--keep-bundle", path("all")]);
    expect(stderr).toContain(`Everything of modules/${module} is kept`);
    expect(list.notices.map(({ code }) => code)).toContain("PART_KEPT");
    expect(list.deletes).toEqual([]);
  });

  test("keeps by a policy versions of a module with their images, and touches nothing else", async () => {
    await expectDone(["pull", path("all"), ...wishes()]);
    await push("all", target.host);
    const names = [...target.content.repositories.keys()];
    const [module = ""] = names.flatMap(
      (name) => /^mirror\/modules\/([^/]+)\/release$/.exec(name)?.[1] ?? [],
    );
    const { list } = await makeListOf(target.host, ["--policy", `modules/${module}`]);
    const elsewhere = list.deletes.filter(
      ({ repository }) => !repository.startsWith(`modules/${module}`),
    );
    expect(elsewhere).toEqual([]);
    await apply(target.host);
    const only = [
      "--no-platform",
      "--no-security-db",
      "--no-packages",
      "--no-installer",
      "--no-plugins",
    ];
    await expectDone([
      "pull",
      path("again"),
      "--source",
      `${target.host}/mirror`,
      ...only,
      "-i",
      module,
    ]);
  });
});

describe("mirror prune by policies", () => {
  beforeEach(() => {
    for (const tag of ["v1.0.0", "v1.1.0", "v2.0.0", "v2.1.0"]) {
      seed(target, "mirror/acme/web", { [tag]: image({ name: tag }) });
      seed(target, "mirror/acme/api", { [tag]: image({ name: `api ${tag}` }) });
    }
    seed(target, "mirror/acme/other", { v1: image({ name: "other" }) });
    seed(target, "beside/acme/web", { v1: image({ name: "beside" }) });
  });

  const old = (name: string) => ["v1.0.0", "v1.1.0"].map((tag) => `acme/${name}:${tag}`);

  test.each([
    [["--policy", "acme/web@semver:>=2"], old("web")],
    [["--policy", "acme/web@glob:v2.*"], old("web")],
    [["--policy", "acme/web@>=2"], old("web")],
    [["--policy", "acme/w*@semver:>=2", "--policy", "acme/api"], old("web")],
    [
      ["--policy", "acme/*@semver:>=1", "--latest", "1"],
      [...old("api"), "acme/api:v2.0.0", ...old("web"), "acme/web:v2.0.0"],
    ],
  ])("%j lists %j", async (flags, wanted) => {
    const { list } = await makeListOf(target.host, flags);
    const names = list.deletes.flatMap(({ repository, tags }) =>
      tags.map((tag) => `${repository}:${tag}`),
    );
    expect(names).toEqual(wanted);
  });

  test.each([
    ["--newer-than", "2026-06-01"],
    ["--latest", "1"],
  ])("with %s %s never lists what does not say when it was made", async (...limit) => {
    const built = (created: string) => image({ name: created, config: { created } });
    seed(target, "mirror/acme/dated", {
      new: built("2026-07-01T00:00:00Z"),
      old: built("2025-01-01T00:00:00Z"),
      jib: built("1970-01-01T00:00:00Z"),
      buildpack: built("1980-01-01T00:00:01Z"),
      go: built("0001-01-01T00:00:00Z"),
    });
    const { list, stderr } = await makeListOf(target.host, [
      ...["--policy", "acme/dated@glob:*", ...limit],
    ]);
    expect(list.deletes.flatMap(({ tags }) => tags)).toEqual(["old"]);
    for (const tag of ["jib", "buildpack", "go"]) {
      expect(stderr).toContain(`acme/dated:${tag}" is kept: nothing says when it was made`);
    }
  });

  test.each([
    [["--policy", "acme/nothing@semver:>=2"], 2, /speaks of no repository of the target/],
    [["--policy", "acme/web@semver:>=9"], 11, /acme\/web/],
    [[], 2, /nothing says what to keep/],
  ])("%j is refused, and deletes nothing", async (flags, wanted, message) => {
    const { status, stderr } = await runInProcess(["prune", `${target.host}/mirror`, ...flags]);
    expect(stderr).toMatch(message);
    expect(status).toBe(wanted);
  });
});

describe("mirror prune refuses", () => {
  beforeEach(async () => {
    seed(source, "acme/web", { v1: image({ platform: AMD64 }) });
    seed(target, `mirror/${below("web")}`, { v0: image({ name: "old" }) });
    await expectDone(["pull", path("kept"), ...wish("web")]);
  });

  test("a target that has nothing of what is kept", async () => {
    const words = ["prune", `${target.host}/mirror`, "--keep-bundle", path("kept")];
    const { status, stderr } = await runInProcess(words);
    expect(stderr).toMatch(/--keep-bundle: ".*\/mirror" has nothing of bundle/);
    expect(status).toBe(2);
  });

  test("to call a tag deleted that the registry still serves", async () => {
    const { content } = target;
    const keeping: RegistryMiddleware = async (request, next) => {
      if (request.method !== "DELETE") return await next(request);
      const held = content.repository(`mirror/${below("web")}`);
      const [tags, manifests] = [[...held.tags], [...held.manifests]];
      const answer = await next(request);
      for (const [tag, digest] of tags) held.tags.set(tag, digest);
      for (const [digest, manifest] of manifests) held.manifests.set(digest, manifest);
      return answer;
    };
    await using keeper = await openEmbeddedRegistry({ content, middleware: keeping });
    await expectDone(["push", path("kept"), `${keeper.host}/mirror`]);
    await makeList(keeper.host);
    const words = ["prune", `${keeper.host}/mirror`, "--apply", path("list.json")];
    const { status, stderr, stdout } = await runInProcess(words);
    expect(stderr + stdout).toMatch(/web:v0" is still there: the registry took the delete/);
    expect(status).toBe(3);
  });

  test("a registry that deletes nothing, by its name, and says what helps", async () => {
    const content = target.content;
    const refusing: RegistryMiddleware = async (request, next) =>
      request.method === "DELETE"
        ? errorResponse(405, { code: "UNSUPPORTED", message: "The operation is unsupported." })
        : await next(request);
    await using registry = await openEmbeddedRegistry({ content, middleware: refusing });
    await push("kept", registry.host);
    await makeList(registry.host);
    const before = snapshot(content);
    const words = ["prune", `${registry.host}/mirror`, "--apply", path("list.json")];
    const { status, stderr } = await runInProcess(words);
    expect(stderr).toContain(
      `Registry "${registry.host}" deletes nothing by its API: it answered 405`,
    );
    expect(stderr).toContain("REGISTRY_STORAGE_DELETE_ENABLED");
    expect(status).toBe(13);
    expect(snapshot(content)).toEqual(before);
  });

  test.each<[string, (list: PruneList) => unknown, RegExp]>([
    [
      "a list of another target",
      (list) => ({ ...list, target: "registry.test/mirror" }),
      /list "registry\.test\/mirror": it is not for/,
    ],
    ["a list of a newer program", (list) => ({ ...list, schemaVersion: 2 }), /its version is 2/],
    ["another document", () => ({ mediaType: "x" }), /it is no list of what to prune/],
    [
      "a list with a path out of the target",
      (list) => ({ ...list, deletes: [{ ...list.deletes[0], repository: "../beside" }] }),
      /deletes\[0\] is not what the format requires/,
    ],
  ])("%s", async (_, change, message) => {
    await push("kept", target.host);
    const list = await makeList(target.host);
    await writeFile(path("list.json"), JSON.stringify(change(list)));
    const { status, stderr } = await runInProcess([
      "prune",
      `${target.host}/mirror`,
      "--apply",
      path("list.json"),
    ]);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  test("what says what to keep beside a list", async () => {
    const words = ["prune", `${target.host}/mirror`, "--apply", "list.json", "--policy", "x"];
    const { status, stderr } = await runInProcess(words);
    expect(stderr).toMatch(/Cannot use --policy with --apply/);
    expect(status).toBe(2);
  });
});

const path = (name: string) => directory.resolve(name);
const below = (name: string) => `${source.host.replace(":", "-")}/acme/${name}`;
const wish = (name: string) => ["--include-image", `${source.host}/acme/${name}:v1`];

async function expectDone(words: readonly string[]) {
  const result = await runInProcess(words);
  expect(result, result.stderr + result.stdout).toMatchObject({ status: 0 });
  return result;
}

async function push(bundle: string, host: string): Promise<void> {
  await expectDone(["push", path(bundle), `${host}/mirror`, "--receipt", path("receipt.json")]);
}

async function pushBoth(host: string): Promise<void> {
  await expectDone(["pull", path("both"), ...wish("web"), ...wish("old")]);
  await expectDone(["pull", path("kept"), ...wish("web")]);
  await push("both", host);
}

async function makeListOf(host: string, flags: readonly string[]) {
  const words = ["prune", `${host}/mirror`, ...flags, "--out", path("list.json"), "--json"];
  const { stderr } = await expectDone(words);
  return { list: JSON.parse(await readFile(path("list.json"), "utf8")) as PruneList, stderr };
}

async function makeList(host: string, flags = ["--keep-bundle", path("kept")]): Promise<PruneList> {
  return (await makeListOf(host, flags)).list;
}

async function apply(host: string) {
  const words = ["prune", `${host}/mirror`, "--apply", path("list.json"), "--json"];
  const { stdout, stderr } = await expectDone(words);
  return { summary: JSON.parse(stdout) as PruneSummary, stderr };
}

/** Every manifest of every repository that has all that it needs. */
function snapshot({ repositories }: RegistryContent): string[] {
  return [...repositories]
    .flatMap(([name, { blobs, manifests }]) =>
      [...manifests].flatMap(([digest, { bytes, mediaType }]) => {
        const needed = childrenOf(parseManifest(bytes, mediaType, digest));
        const isWhole =
          needed.blobs.every((blob) => blobs.has(blob.digest)) &&
          needed.manifests.every((child) => manifests.has(child.digest));
        return isWhole ? [`${name}@${digest}`] : [];
      }),
    )
    .sort();
}
