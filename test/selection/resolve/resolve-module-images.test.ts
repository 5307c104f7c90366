import { describe, expect, test } from "vitest";
import { AMD64, ARM64, image, index } from "../../support/artifacts.ts";
import {
  type MemoryRepositories,
  type MemorySource,
  memorySource,
  namedImage,
  releaseImage,
} from "../../support/memory-source.ts";
import { failureOf, LIST, resolve, tagsIn, tagsOf } from "../support/resolve-modules.ts";

describe("resolveSelection(): images that a module lists", () => {
  const backend = namedImage("backend");
  const frontend = namedImage("frontend");
  const hexOf = ({ manifest }: typeof backend) =>
    manifest.descriptor.digest.slice("sha256:".length);
  const digestsFile = (...images: (typeof backend)[]) =>
    JSON.stringify({ any: { shape: images.map(({ manifest }) => manifest.descriptor.digest) } });

  function source(files: Record<string, string>, more: MemoryRepositories = {}): MemorySource {
    return memorySource({
      "acme/modules/foo": {
        "v1.0.0": image({ name: "foo", files }),
        "@backend": backend,
        "@frontend": frontend,
      },
      "acme/modules/foo/release": { stable: releaseImage("v1.0.0") },
      "acme/modules/foo/extra/scanner": { "3": namedImage("scanner") },
      "acme/modules/foo/extra/enforcer": { "v4.5.6": namedImage("enforcer") },
      ...more,
    });
  }

  test("internal images get their bare hex as tag", async () => {
    const outcome = await resolve(
      source({ "images_digests.json": digestsFile(backend, frontend) }),
      {
        includeModules: ["foo"],
      },
    );
    expect(tagsIn(outcome, "modules/foo")).toEqual(
      [hexOf(backend), hexOf(frontend), "v1.0.0"].sort(),
    );
    const root = outcome.roots.find(({ tags }) => tags.includes(hexOf(backend)));
    expect(root).toMatchObject({
      packageName: "module-foo",
      packageKind: "module",
      layout: "modules/foo",
      repository: "modules/foo",
      kind: "image",
      reference: backend.manifest.descriptor.digest,
      origin: { registry: "registry.test", repository: "acme/modules/foo" },
      manifest: backend.manifest,
    });
  });

  test("extra images live in repositories of their own, under tags or whole numbers", async () => {
    const file = JSON.stringify({ scanner: 3, enforcer: "v4.5.6", odd: { a: 1 } });
    const outcome = await resolve(source({ "extra_images.json": file }), {
      includeModules: ["foo"],
    });
    expect(tagsOf(outcome)).toMatchObject({
      "modules/foo/extra/enforcer": ["v4.5.6"],
      "modules/foo/extra/scanner": ["3"],
    });
    expect(outcome.roots.filter(({ kind }) => kind === "extra")).toHaveLength(2);
    expect(outcome.notices).toEqual(["EXTRA_IMAGE_SKIPPED"]);
  });

  test("versions without a list of images are named, once for a module", async () => {
    const versions = { "v1.0.0": image({ name: "1" }), "v1.1.0": image({ name: "2" }) };
    const repositories = {
      "acme/modules/foo": { ...versions, "v1.2.0": image({ files: { [LIST]: "{}" } }) },
    };
    const outcome = await resolve(memorySource(repositories), { includeModules: ["foo@^1.0"] });
    expect(outcome.messages.filter((message) => message.includes(LIST))).toEqual([
      `Module "foo" has no readable ${LIST} in v1.0.0, v1.1.0: no images of its own are taken`,
    ]);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    [
      "an internal image",
      { "images_digests.json": digestsFile(namedImage("gone")) },
      /foo:v1\.0\.0" lists it/,
    ],
    ["an extra image", { "extra_images.json": '{"scanner":"v9"}' }, /extra\/scanner:v9/],
    ["an extra repository", { "extra_images.json": '{"nothing":"v9"}' }, /extra\/nothing:v9/],
  ])("%s that is missing is an error", async (_, files, message) => {
    const failure = await failureOf(source(files), { includeModules: ["foo"] });
    expect(failure).toMatchObject({ code: "SELECTION_UNMATCHED" });
    expect(failure.message).toMatch(message);
  });

  test.each([
    ["not JSON", "{"],
    ["a list", "[]"],
    ["a path", '{"../x":"v1"}'],
    ["no tag", '{"scanner":"v1/../x"}'],
  ])("extra_images.json that is %s is an error", async (_, file) => {
    const failure = await failureOf(source({ "extra_images.json": file }), {
      includeModules: ["foo"],
    });
    expect(failure).toMatchObject({ code: "CONTENT_INVALID" });
    expect(failure.message).toContain("foo:v1.0.0");
  });

  test.each(["foo", "foo@^1.0", "foo@=v1.0.0"])(
    "onlyExtraImages takes nothing else, also of %s",
    async (entry) => {
      const files = {
        "extra_images.json": '{"scanner":3}',
        "images_digests.json": digestsFile(backend),
      };
      const outcome = await resolve(source(files), {
        includeModules: [entry],
        onlyExtraImages: true,
      });
      expect(tagsOf(outcome)).toEqual({ "modules/foo/extra/scanner": ["3"] });
    },
  );

  test("a list of images that cannot be read is told, and one of nothing is none", async () => {
    const messagesOf = async (text: string) =>
      (await resolve(source({ "images_digests.json": text }), { includeModules: ["foo"] }))
        .messages;
    const told = expect.stringContaining("no readable images_digests.json in v1.0.0");
    expect(await messagesOf('{"web":')).toContainEqual(told);
    expect(await messagesOf("")).toContainEqual(told);
    expect(await messagesOf("{}")).not.toContainEqual(told);
  });

  test("onlyExtraImages names a module that has none, if the user did", async () => {
    const wishes = { onlyExtraImages: true, includeImages: ["registry.test/web:v1"] };
    const plain = source({ "images_digests.json": "{}" }, { web: { v1: image() } });
    const named = await resolve(plain, { ...wishes, includeModules: ["foo"] });
    expect(named.messages).toContain('Module "foo" is skipped: no extra images in v1.0.0');
    const withCatalog = source({}, { web: { v1: image() }, "acme/modules": { foo: image() } });
    expect((await resolve(withCatalog, wishes)).notices).not.toContain("MODULE_EMPTY");
  });

  test("the lists of all platforms of an index are read, or of the chosen ones", async () => {
    const platforms = [
      image({
        name: "amd64",
        platform: AMD64,
        files: { "images_digests.json": digestsFile(backend) },
      }),
      image({
        name: "arm64",
        platform: ARM64,
        files: { "images_digests.json": digestsFile(frontend) },
      }),
    ];
    const repositories = {
      "acme/modules/foo": {
        "v1.0.0": index(platforms),
        "@backend": backend,
        "@frontend": frontend,
      },
      "acme/modules/foo/release": { stable: releaseImage("v1.0.0") },
    };
    const all = await resolve(memorySource(repositories), { includeModules: ["foo"] });
    expect(tagsIn(all, "modules/foo")).toEqual([hexOf(backend), hexOf(frontend), "v1.0.0"].sort());
    const wishes = { includeModules: ["foo"], platforms: ["linux/arm64"] };
    const chosen = await resolve(memorySource(repositories), wishes);
    expect(tagsIn(chosen, "modules/foo")).toEqual([hexOf(frontend), "v1.0.0"].sort());
    const none = { includeModules: ["foo"], platforms: ["linux/s390x"] };
    expect(await failureOf(memorySource(repositories), none)).toMatchObject({
      code: "SELECTION_UNMATCHED",
      message: expect.stringContaining("for linux/s390x"),
    });
  });
});
