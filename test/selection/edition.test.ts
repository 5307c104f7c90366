import { describe, expect, test } from "vitest";
import type { ParseSelectionOptions } from "../../src/selection/grammar/selection-options.ts";
import type { Root } from "../../src/selection/resolve/root.ts";
import { image } from "../support/artifacts.ts";
import { buildEdition, EDITION_ROOT, type EditionVariant } from "../support/edition.ts";
import { DeniedError, memorySource } from "../support/memory-source.ts";
import { digestsOf, failureOf, packagesOf, resolveEdition, tagsIn } from "./support/resolve.ts";

const FIVE = ["alpha", "beta", "early-access", "rock-solid", "stable"];
const RELEASES = ["v1.69.5", "v1.70.3", "v1.71.2", "v1.72.1"];

function resolve(wishes: ParseSelectionOptions = {}, variant: EditionVariant = "full") {
  return resolveEdition(memorySource(buildEdition(variant)), wishes);
}

describe("resolveSelection(): the synthetic edition", () => {
  test("a plain pull takes the latest patches, what the channels point at, and all databases", async () => {
    const outcome = await resolve();
    expect(packagesOf(outcome)).toEqual([
      "installer",
      "module-console",
      "module-neuvector",
      "package-postgres",
      "package-versions",
      "platform",
      "plugin-console-tool",
      "security",
    ]);
    expect(tagsIn(outcome, "install-standalone")).toEqual(RELEASES);
    expect(tagsIn(outcome, "release-channel")).toEqual([...FIVE, ...RELEASES].sort());
    expect(tagsIn(outcome, "install")).toEqual([...FIVE, ...RELEASES].sort());
    expect(tagsIn(outcome, "").filter((tag) => tag.startsWith("v"))).toEqual(RELEASES);
    expect(tagsIn(outcome, "modules/console")).toEqual(["v1.2.0", "v1.3.3", "v1.4.1"]);
    expect(tagsIn(outcome, "modules/neuvector")).toEqual(["v0.4.4", "v0.5.3", "v0.6.1"]);
    expect(tagsIn(outcome, "modules/neuvector/extra/scanner")).toEqual(["3"]);
    expect(tagsIn(outcome, "modules/neuvector/extra/enforcer")).toEqual(["v4.5.6"]);
    const databases = outcome.roots.filter(({ packageName }) => packageName === "security");
    expect(databases.map(({ repository, tags }) => `${repository}:${tags}`)).toEqual([
      "security/trivy-bdu:1",
      "security/trivy-checks:0",
      "security/trivy-db:2",
      "security/trivy-java-db:1",
    ]);
    expect(tagsIn(outcome, "deckhouse-cli/plugins/console-tool")).toEqual(["v1.1.0"]);
    expect(outcome.notices).toEqual(["MODULE_EMPTY", "PLUGINS_NOT_CHOSEN"]);
  });

  test("--since-version above rock-solid changes nothing, and says so", async () => {
    const outcome = await resolve({ sinceVersion: "1.70.0" });
    expect(outcome.roots).toEqual((await resolve()).roots);
    expect(outcome.notices).toContain("SINCE_IGNORED");
  });

  test("--since-version below rock-solid adds the latest patches from there", async () => {
    const outcome = await resolve({ sinceVersion: "1.68.0" });
    const versions = ["v1.68.9", ...RELEASES];
    expect(tagsIn(outcome, "release-channel")).toEqual([...FIVE, ...versions].sort());
  });

  test("--platform-tag stable takes one version for all five channels", async () => {
    const outcome = await resolve({ platformTag: "stable" });
    const digests = digestsOf(outcome, "release-channel");
    expect(Object.keys(digests).sort()).toEqual([...FIVE, "v1.70.3"].sort());
    expect(new Set(Object.values(digests)).size).toBe(1);
  });

  test("--platform-tag pr12345 leaves no channel dangling", async () => {
    const outcome = await resolve({ platformTag: "pr12345" });
    const digests = digestsOf(outcome, "release-channel");
    expect(new Set(Object.values(digests))).toEqual(new Set([digests["pr12345"]]));
  });

  test.each<[string, ParseSelectionOptions, readonly string[]]>([
    ["the channels", {}, RELEASES],
    ["a range", { includePlatform: ">=1.70 <1.72" }, ["v1.70.0", "v1.70.3", "v1.71.2"]],
    ["a tag", { platformTag: "stable" }, []],
    ["a pin", { includePlatform: "=v1.70.3" }, []],
  ])("deckhousereleases.yaml describes the releases of %s", async (_, wishes, versions) => {
    const { files } = await resolve({ ...wishes, noModules: true, noPackages: true });
    const [file] = files;
    expect(file?.name).toBe(versions.length > 0 ? "deckhousereleases.yaml" : undefined);
    const names = file?.text.match(/(?<=metadata:\n {2}name: ).*/g) ?? [];
    expect(names).toEqual(versions);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ["is missing", {}, /changelog\.yaml of ".*:v1\.70\.3" is left out of .*: the image does not/],
    [
      "is damaged",
      { "changelog.yaml": "a: [" },
      /changelog\.yaml of ".*:v1\.70\.3" is left out of/,
    ],
  ])(
    "deckhousereleases.yaml goes without a changelog that %s, with a notice",
    async (_, files, message) => {
      const edition = buildEdition();
      const path = `${EDITION_ROOT}/release-channel`;
      const release = image({ files: { "version.json": '{"version":"v1.70.3"}', ...files } });
      const source = memorySource({ ...edition, [path]: { ...edition[path], "v1.70.3": release } });
      const outcome = await resolveEdition(source, { noModules: true, noPackages: true });
      expect(outcome.notices).toContain("RELEASE_FILE_UNREADABLE");
      expect(outcome.messages).toContainEqual(expect.stringMatching(message));
      const [, , own = ""] = outcome.files[0]?.text.split("---\n") ?? [];
      expect(own).toContain("name: v1.70.3");
      expect(own).not.toContain("changelog:");
    },
  );

  test("a missing security database is a notice, except for the first: then there are none", async () => {
    const edition = buildEdition();
    const without = async (name: string) => {
      const { [`${EDITION_ROOT}/security/${name}`]: _, ...rest } = edition;
      return resolveEdition(memorySource(rest), { noPlatform: true, noModules: true });
    };
    const some = await without("trivy-bdu");
    expect(tagsIn(some, "security/trivy-checks")).toEqual(["0"]);
    expect(some.notices).toContain("SECURITY_DATABASE_MISSING");
    const none = await without("trivy-db");
    expect(packagesOf(none)).not.toContain("security");
    expect(none.notices).toContain("COMPONENTS_MISSING");
  });

  test("-i console@=bobV1 takes the image without channels", async () => {
    const outcome = await resolve({ includeModules: ["console@=bobV1"] });
    expect(tagsIn(outcome, "modules/console")).toEqual(["bobV1"]);
    expect(tagsIn(outcome, "modules/console/release")).toEqual([]);
    expect(outcome.notices).toEqual(["PIN_UNPUBLISHED"]);
    expect(packagesOf(outcome)).toContain("platform");
  });

  test("-i console@=v1.3.0+stable publishes the tag to stable", async () => {
    const outcome = await resolve({ includeModules: ["console@=v1.3.0+stable"] });
    expect(tagsIn(outcome, "modules/console")).toEqual(["v1.3.0"]);
    const digests = digestsOf(outcome, "modules/console/release");
    expect(Object.keys(digests).sort()).toEqual(["stable", "v1.3.0"]);
    expect(digests["stable"]).toBe(digests["v1.3.0"]);
  });

  test("-i console@~1.3.0 takes every patch and what the channels point at", async () => {
    const outcome = await resolve({ includeModules: ["console@~1.3.0"] });
    expect(tagsIn(outcome, "modules/console")).toEqual(["v1.2.0", "v1.3.0", "v1.3.3", "v1.4.1"]);
    expect(packagesOf(outcome)).not.toContain("module-neuvector");
  });

  test("-i nosuch is an error", async () => {
    const wishes = { includeModules: ["nosuch"] };
    expect(await failureOf(memorySource(buildEdition()), wishes)).toMatchObject({
      code: "SELECTION_UNMATCHED",
      message: expect.stringContaining('module "nosuch"'),
    });
  });

  test.each([
    ["stronghold", ["v1.0.0"]],
    ["stronghold@>=0.9", ["v0.9.0", "v1.0.0"]],
    ["stronghold@=v0.9.0", ["v0.9.0"]],
  ])("--include-plugin %s takes %j", async (plugin, tags) => {
    const outcome = await resolve({ includePlugins: [plugin] });
    expect(tagsIn(outcome, "deckhouse-cli/plugins/stronghold")).toEqual(tags);
    expect(packagesOf(outcome)).toContain("plugin-console-tool");
  });

  test("--include-package postgres@=v2.0.0 publishes the version to all channels", async () => {
    const outcome = await resolve({ includePackages: ["postgres@=v2.0.0"] });
    expect(tagsIn(outcome, "packages/postgres")).toEqual(["v2.0.0"]);
    const own = outcome.roots.filter(({ packageName }) => packageName === "package-postgres");
    expect(tagsIn({ roots: own }, "packages/postgres/version")).toEqual([...FIVE, "v2.0.0"].sort());
  });

  test("package-versions has the versions of all packages and no channel", async () => {
    const { roots } = await resolve({ noPackages: true });
    expect(tagsIn({ roots }, "packages/postgres/version")).toEqual(["v2.0.0", "v2.1.0"]);
  });

  test("attestations of modules and packages lie beside their images", async () => {
    const { roots } = await resolve({ noPlatform: true });
    const found = roots.filter(({ kind }) => kind === "attestation");
    expect(found.map(({ repository }) => repository)).toEqual([
      "modules/console",
      "modules/console",
      "packages/postgres",
    ]);
  });

  test("--only-extra-images takes only the extra images of modules and packages", async () => {
    const everything = await resolve();
    const { roots } = await resolve({ onlyExtraImages: true });
    const isMember = ({ packageName }: Root) =>
      /^(?:module|package|plugin)-(?!versions$)/.test(packageName);
    expect(roots.filter(isMember).map(({ repository, tags }) => `${repository}:${tags}`)).toEqual([
      "modules/neuvector/extra/enforcer:v4.5.6",
      "modules/neuvector/extra/scanner:3",
    ]);
    const others = everything.roots.filter((root) => !isMember(root));
    expect(roots.filter((root) => !isMember(root))).toEqual(others);
  });

  test.each([
    ["noPlatform", "platform"],
    ["noInstaller", "installer"],
    ["noSecurityDb", "security"],
    ["noModules", "module-console"],
    ["noPackages", "package-postgres"],
    ["noPackageVersions", "package-versions"],
    ["noPlugins", "plugin-console-tool"],
  ])("%s leaves out %s and nothing that has another name", async (wish, name) => {
    const all = packagesOf(await resolve());
    const rest = packagesOf(await resolve({ [wish]: true }));
    expect(rest).not.toContain(name);
    expect(rest).toContain(name === "platform" ? "security" : "platform");
    expect(all).toContain(name);
  });
});

describe("resolveSelection(): variants of the edition", () => {
  test("cse: takes what lts points at", async () => {
    const outcome = await resolve({}, "cse");
    expect(tagsIn(outcome, "release-channel")).toEqual(["lts", "v1.70.3"]);
    expect(tagsIn(outcome, "install")).toEqual(["lts", "v1.70.3"]);
    expect(tagsIn(outcome, "modules/console")).toEqual(["v1.3.3"]);
    expect(tagsIn(outcome, "modules/console/release")).toEqual(["lts", "v1.3.3"]);
    expect(tagsIn(outcome, "modules/neuvector")).toEqual(["v0.4.4"]);
    expect(packagesOf(outcome)).toContain("security");
  });

  test("ce: goes on without databases, with a notice", async () => {
    const outcome = await resolve({}, "ce");
    expect(packagesOf(outcome)).not.toContain("security");
    expect(outcome.messages).toContain(
      `The source has no security databases ("registry.test/${EDITION_ROOT}/security/trivy-db")`,
    );
  });

  test("suspended: is refused, unless suspension is ignored or another release is named", async () => {
    const source = memorySource(buildEdition("suspended"));
    const failure = await failureOf(source, {});
    expect(failure.message).toContain('suspended release channel "alpha"');
    expect(packagesOf(await resolve({ ignoreSuspend: true }, "suspended"))).toContain("platform");
    expect(packagesOf(await resolve({ platformTag: "stable" }, "suspended"))).toContain("platform");
  });

  test("dev: has no channels, so a release has to be named", async () => {
    const failure = await failureOf(memorySource(buildEdition("dev")), {});
    expect(failure.message).toContain("release channel of the platform");
    const outcome = await resolve({ platformTag: "pr17405" }, "dev");
    expect(tagsIn(outcome, "install")).toEqual([...FIVE, "pr17405"].sort());
  });

  test("plain: modules alone are enough, at the price of one request for each component", async () => {
    const source = memorySource(buildEdition("plain"));
    const outcome = await resolveEdition(source, { includeModules: ["console@=bobV1"] });
    expect(packagesOf(outcome)).toEqual(["module-console"]);
    expect(outcome.notices).toEqual(["COMPONENTS_MISSING", "PIN_UNPUBLISHED"]);
    const others = source.requests.filter((request) => !request.includes("modules/"));
    expect(others.sort()).toEqual([
      "get deckhouse/ee/installer:latest",
      "get deckhouse/ee/security/trivy-db:2",
      "get deckhouse/installer:latest",
      "tags deckhouse/ee/packages",
      "tags deckhouse/ee/release-channel",
    ]);
  });

  test("plain: what a flag asks for is an error", async () => {
    const source = memorySource(buildEdition("plain"));
    for (const wishes of [
      { sinceVersion: "1.60" },
      { platformTag: "stable" },
      { includePlatform: "^1" },
      { installerTag: "v1" },
      { includePackages: ["postgres"] },
      { includePlugins: ["stronghold"] },
    ]) {
      const failure = await failureOf(source, wishes);
      expect([wishes, failure.code]).toEqual([wishes, "SELECTION_UNMATCHED"]);
    }
  });

  test.each([
    [`tags ${EDITION_ROOT}/packages`, "package-postgres"],
    ["get deckhouse/installer:latest", "installer"],
    ["tags deckhouse/deckhouse-cli/plugins", "plugin-console-tool"],
  ])("denied: %s leaves out %s, with a notice", async (request, name) => {
    const failures = { [request]: new DeniedError("no") };
    const outcome = await resolveEdition(memorySource(buildEdition(), { failures }));
    expect(packagesOf(outcome)).not.toContain(name);
    expect(outcome.notices).toContain("COMPONENT_DENIED");
  });

  test.each([
    [`tags ${EDITION_ROOT}/release-channel`, "platform", { noPlatform: true }],
    [`get ${EDITION_ROOT}/security/trivy-db:2`, "security", { noSecurityDb: true }],
    [`tags ${EDITION_ROOT}/modules`, "module-console", { noModules: true }],
  ])("denied: %s ends the run unless %s is not wanted", async (request, name, without) => {
    const failures = { [request]: new DeniedError("no") };
    const source = memorySource(buildEdition(), { failures });
    const failure = await failureOf(source, {});
    expect(failure).toMatchObject({ code: "REGISTRY_DENIED", cause: failures[request] });
    expect(failure.hint).toContain(`\`${Object.keys(without)[0]}\``);
    const outcome = await resolveEdition(source, without);
    expect(packagesOf(outcome)).not.toContain(name);
    expect(outcome.notices).not.toContain("COMPONENT_DENIED");
  });

  test("denied: behind the first request of a component, the run ends", async () => {
    const error = new DeniedError("no");
    const failures = { [`get ${EDITION_ROOT}/install:v1.70.3`]: error };
    expect(await failureOf(memorySource(buildEdition(), { failures }), {})).toBe(error);
  });

  test("denied: the list of the releases of a module says nothing of its channels, which are asked for", async () => {
    const list = `tags ${EDITION_ROOT}/modules/console/release`;
    const outcome = async (failures: Readonly<Record<string, Error>>) =>
      packagesOf(await resolveEdition(memorySource(buildEdition(), { failures })));
    expect(await outcome({ [list]: new DeniedError("no") })).toEqual(await outcome({}));
    const error = new DeniedError("no");
    const failures = {
      [list]: new DeniedError("no"),
      [`get ${EDITION_ROOT}/modules/console/release:alpha`]: error,
    };
    expect(await failureOf(memorySource(buildEdition(), { failures }), {})).toBe(error);
  });

  test.each([
    ["a channel of a module", `get ${EDITION_ROOT}/modules/neuvector/release:alpha`],
    ["a version of a module", `get ${EDITION_ROOT}/modules/console:v1.4.1`],
    ["the lists of a module", `blob ${EDITION_ROOT}/modules/neuvector`],
    ["an extra image", `get ${EDITION_ROOT}/modules/neuvector/extra/scanner:3`],
    ["the module catalogue", `tags ${EDITION_ROOT}/modules`],
    ["a database", `get ${EDITION_ROOT}/security/trivy-checks:0`],
  ])("a time-out at %s ends the run: it is not taken for something missing", async (_, request) => {
    const error = new Error("timed out");
    const source = memorySource(buildEdition(), { failures: { [request]: error } });
    expect(await failureOf(source, {})).toBe(error);
  });

  test("denied: all there is, so the run ends", async () => {
    const error = new DeniedError("no");
    const source = memorySource({}, { failures: { [`tags ${EDITION_ROOT}/packages`]: error } });
    expect(await failureOf(source, {})).toBe(error);
  });
});

describe("resolveSelection(): a source that lists no tags", () => {
  test("--proxy-registry asks for versions one by one", async () => {
    const source = memorySource(buildEdition());
    const outcome = await resolveEdition(source, {
      proxyRegistry: true,
      includePlatform: "~1.70.0",
      includeModules: ["console@~1.3.0"],
      includePlugins: ["stronghold@=v1.0.0"],
    });
    expect(source.requests.filter((request) => request.startsWith("tags"))).toEqual([]);
    // v1.70.1 is a hole: what lies behind it is found through the channel
    expect(tagsIn(outcome, "install")).toEqual(["stable", "v1.70.0", "v1.70.3"]);
    expect(tagsIn(outcome, "modules/console")).toEqual(["v1.2.0", "v1.3.0", "v1.3.3", "v1.4.1"]);
    expect(packagesOf(outcome)).toContain("plugin-stronghold");
    expect(outcome.roots.some(({ kind }) => kind === "attestation")).toBe(true);
  });

  test.each([
    [`registry.test/${EDITION_ROOT}`, []],
    ["other.test/acme", ["tags web"]],
  ])("--proxy-registry finds a range of an image with the source %s", async (place, lists) => {
    const tagged = ["1.2.0", "1.2.1", "v1.3.0"].map((tag) => [tag, image({ name: tag })] as const);
    const source = memorySource({ ...buildEdition(), web: Object.fromEntries(tagged) });
    const { roots } = await resolveEdition(source, {
      source: place,
      proxyRegistry: true,
      noPlatform: true,
      noModules: true,
      noInstaller: true,
      noSecurityDb: true,
      includeImages: ["registry.test/web@^1.2.0"],
    });
    const found = roots.filter(({ packageName }) => packageName === "images");
    expect(found.flatMap(({ tags }) => tags).sort()).toEqual(["1.2.0", "1.2.1", "v1.3.0"]);
    expect(source.requests.filter((request) => request.startsWith("tags"))).toEqual(lists);
  });
});

describe("resolveSelection(): requests", () => {
  test("nothing is requested twice", async () => {
    const source = memorySource(buildEdition());
    await resolveEdition(source);
    const named = source.requests.filter((request) => !request.startsWith("blob "));
    expect(named.filter((request, at) => named.indexOf(request) !== at)).toEqual([]);
  });
});
