import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { BundleImage, BundleManifest } from "../../src/bundle/read/bundle-manifest.ts";
import { storeArtifact } from "../../src/demo/store-artifact.ts";
import { formatCosignTag } from "../../src/oci/cosign-tag.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { fallbackTagOf } from "../../src/registry/content/referrers.ts";
import { openServer } from "../../src/serve/open-server.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { errorResponse, jsonResponse, type RegistryMiddleware } from "../../src/server/message.ts";
import { image, seed } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { eachTest } from "../support/fixture.ts";
import {
  CYCLONEDX,
  digestOfArtifact,
  referrer,
  SIGSTORE,
  SPDX,
  seedSigned,
  signedIndex,
} from "../support/referrers.ts";
import { type FaultRegistry, startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const SIGNED = signedIndex();
const { index, children, cosign, referrers } = SIGNED;

/** What belongs to what: digest → digests of its referrers. */
const RELATIONS: Readonly<Record<string, readonly string[]>> = {
  [digestOfArtifact(index)]: [digestOfArtifact(referrers.spdx)],
  [digestOfArtifact(children.amd64)]: [digestOfArtifact(referrers.cyclonedx)],
  [digestOfArtifact(referrers.spdx)]: [digestOfArtifact(referrers.signature)],
};

/** No list of referrers, and no word about the subject of a manifest. */
const NO_API = { referrers: 404, subjectHeader: "absent" } as const;

const directory = eachTest(openTempDirectory);

describe("what belongs to an image", () => {
  test("travels with it, with every digest and every relation, whether a registry lists referrers or not", async () => {
    await using source = await openEmbeddedRegistry();
    await using plain = await startFaultRegistry({ faults: NO_API });
    await using target = await openEmbeddedRegistry();
    seedSigned(source, "acme/web", SIGNED);
    await expectDone("pull", "./one", "--include-image", `${source.host}/acme/web:v1`);
    await expectDone("verify", "./one");
    await expectDone("push", "./one", `${plain.host}/first`);
    const first = `first/${pathOf(source.host)}/acme/web`;
    expectAllOf(plain, first);
    for (const [subject, listed] of Object.entries(RELATIONS)) {
      expect(fallbackOf(plain, first, subject)).toEqual(listed);
    }

    await expectDone("pull", "./two", "--include-image", `${plain.host}/${first}:v1`);
    await expectDone("verify", "./two");
    await expectDone("push", "./two", `${target.host}/second`);
    const second = `second/${pathOf(plain.host)}/${first}`;
    expectAllOf(target, second);
    expect(await listedBy(target.host, second)).toEqual(RELATIONS);
    // The list behind a fallback tag belongs to the registry that it was made for
    const { tags } = target.content.repository(second);
    expect([...tags.keys()].sort()).toEqual(["v1", ...Object.keys(cosign)].sort());
  });

  test("is listed with its kind, its subject and its bytes: plan, bundle.json, inspect and receipt", async () => {
    await using source = await openEmbeddedRegistry();
    await using target = await openEmbeddedRegistry();
    seedSigned(source, "acme/web", SIGNED);
    const name = `${source.host}/acme/web:v1`;
    const planned = await json("plan", "./b", "--include-image", name, "--json");
    await expectDone("pull", "./b", "--include-image", name);
    const inspected = await json("inspect", "./b", "--json");
    const [sig, att, sbom] = Object.keys(cosign);
    const about = (
      one: typeof index,
      kind: string,
      subject: typeof index,
      tags: string[] = [],
    ) => ({
      digest: digestOfArtifact(one),
      kind,
      subject: digestOfArtifact(subject),
      tags,
    });
    const wanted = [
      about(cosign[sig ?? ""] ?? index, "signature", index, [sig ?? ""]),
      about(cosign[att ?? ""] ?? index, "attestation", children.amd64, [att ?? ""]),
      about(cosign[sbom ?? ""] ?? index, "sbom", children.arm64, [sbom ?? ""]),
      about(referrers.spdx, "sbom", index),
      about(referrers.cyclonedx, "sbom", children.amd64),
      about(referrers.signature, "signature", referrers.spdx),
    ].sort(byDigest);
    const listed = (images: readonly BundleImage[]) =>
      images
        .filter(({ subject }) => subject !== undefined)
        .map(({ digest, kind, subject, tags }) => ({ digest, kind, subject, tags }))
        .sort(byDigest);
    const inBundle = imagesOf(await manifestOf("./b"));
    expect(listed(planned.packages.flatMap(({ images }: never) => images))).toEqual(wanted);
    expect(listed(inBundle)).toEqual(wanted);
    expect(listed(imagesOf(inspected))).toEqual(wanted);
    expect(inBundle.every(({ size }) => size > 0)).toBe(true);
    const text = await expectDone("inspect", "./b");
    expect(text).toContain("signature");

    await expectDone(
      "push",
      "./b",
      `${target.host}/repo`,
      "--receipt",
      directory.resolve("r.json"),
    );
    const receipt = JSON.parse(await readFile(directory.resolve("r.json"), "utf8"));
    expect(receipt).toMatchObject({ complete: true, totals: { images: 7, tags: 4 } });
    const belonging = receipt.images.filter(({ subject }: BundleImage) => subject !== undefined);
    for (const { digest, kind, subject, tags } of wanted) {
      const { size } = inBundle.find((one) => one.digest === digest) ?? { size: 0 };
      const tag = tags.length > 0 ? { tag: tags[0] } : {};
      expect(belonging).toContainEqual({
        repository: `${pathOf(source.host)}/acme/web`,
        ...tag,
        kind,
        subject,
        bytes: size,
        planned: digest,
        found: digest,
        outcome: "pushed",
      });
    }
  });

  test("comes behind what it belongs to and before the tag of that, and is not sent twice", async () => {
    await using source = await openEmbeddedRegistry();
    await using target = await startFaultRegistry();
    seedSigned(source, "acme/web", SIGNED);
    await expectDone("pull", "./b", "--include-image", `${source.host}/acme/web:v1`);
    await expectDone("push", "./b", `${target.host}/repo`);
    const puts = target.log.find("PUT", /\/manifests\//).map(({ path }) => path.split("/").at(-1));
    const at = (reference: string) => puts.indexOf(reference);
    const [root, spdx] = [digestOfArtifact(index), digestOfArtifact(referrers.spdx)];
    expect(at(root)).toBeGreaterThan(at(digestOfArtifact(children.amd64)));
    expect(at(spdx)).toBeGreaterThan(at(root));
    expect(at(digestOfArtifact(referrers.signature))).toBeGreaterThan(at(spdx));
    for (const tag of Object.keys(cosign)) expect(at(tag)).toBeGreaterThan(at(root));
    expect(at("v1")).toBe(puts.length - 1);

    target.log.clear();
    await expectDone("push", "./b", `${target.host}/repo`);
    expect(target.log.find("PUT").concat(target.log.find("POST"))).toEqual([]);
  });

  test("is listed by a server of its bundle", async () => {
    await using source = await openEmbeddedRegistry();
    seedSigned(source, "acme/web", SIGNED);
    await expectDone("pull", "./b", "--include-image", `${source.host}/acme/web:v1`);
    await using server = await openServer({ bundlePaths: [directory.resolve("b")], port: 0 });
    const host = server.url.replace("http://", "");
    const path = "acme/web";
    expect(await listedBy(host, path)).toEqual(RELATIONS);
    const { tags } = (await (await fetch(`${server.url}/v2/${path}/tags/list`)).json()) as {
      tags: string[];
    };
    expect(tags.sort()).toEqual(["v1", ...Object.keys(cosign)].sort());
  });

  test("goes with the platforms that are kept; what belongs to the whole index is named", async () => {
    await using source = await openEmbeddedRegistry();
    seedSigned(source, "acme/web", SIGNED);
    const args = ["--include-image", `${source.host}/acme/web:v1`, "--platform", "linux/amd64"];
    const { notices } = await json("pull", "./b", ...args, "--json");
    const digests = imagesOf(await manifestOf("./b")).flatMap(({ digest, subject }) =>
      subject === undefined ? [] : [digest],
    );
    const [, att = ""] = Object.keys(cosign);
    expect(digests.sort()).toEqual(
      [digestOfArtifact(referrers.cyclonedx), digestOfArtifact(cosign[att] ?? index)].sort(),
    );
    expect(notices).toMatchObject([{ code: "REFERRERS_LEFT_OUT" }]);
    expect(notices[0].message).toContain(digestOfArtifact(referrers.spdx));
  });

  test.each([
    [["--no-referrers"], []],
    [["--referrer-type", SPDX], [referrers.spdx]],
    [["--referrer-type", "application/vnd.c*+json"], [referrers.cyclonedx]],
    [
      ["--referrer-type", SPDX, "--referrer-type", SIGSTORE],
      [referrers.spdx, referrers.signature],
    ],
    [
      ["--referrer-type", "application/vnd.dev.cosign.*"],
      Object.entries(cosign).flatMap(([tag, one]) => (tag.endsWith(".sig") ? [one] : [])),
    ],
  ])("is chosen with %j", async (flags, wanted) => {
    await using source = await startFaultRegistry();
    seedSigned(source, "acme/web", SIGNED);
    await expectDone("pull", "./b", "--include-image", `${source.host}/acme/web:v1`, ...flags);
    const found = imagesOf(await manifestOf("./b")).filter(({ subject }) => subject);
    expect(found.map(({ digest }) => digest).sort()).toEqual(wanted.map(digestOfArtifact).sort());
    if (wanted.length === 0) expect(source.log.count("GET", /referrers|tags\/list/)).toBe(0);
  });

  test("is chosen by what the manifest says where the list says the type of the empty config", async () => {
    const middleware: RegistryMiddleware = async (request, next) => {
      const response = await next(request);
      if (!request.path.includes("/referrers/")) return response;
      const list = JSON.parse(String(response.body));
      for (const one of list.manifests) one.artifactType = MEDIA_TYPE.emptyConfig;
      return jsonResponse(200, list, { "content-type": MEDIA_TYPE.imageIndex });
    };
    await using source = await startFaultRegistry({ middleware });
    seedSigned(source, "acme/web", SIGNED);
    const words = ["--include-image", `${source.host}/acme/web:v1`, "--referrer-type", SPDX];
    await expectDone("pull", "./b", ...words);
    const found = imagesOf(await manifestOf("./b")).filter(({ subject }) => subject);
    expect(found.map(({ digest }) => digest)).toEqual([digestOfArtifact(referrers.spdx)]);
  });

  test("cannot be both left out and chosen", async () => {
    const flags = ["--no-referrers", "--referrer-type", CYCLONEDX];
    const words = [
      "pull",
      directory.resolve("b"),
      "--include-image",
      "registry.test/a:1",
      ...flags,
    ];
    const { exitCode, stderr } = await runMirror(words);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain("--referrer-type");
  });
});

describe("what belongs to an image and is in a bundle", () => {
  const digestsOf = (ones: readonly (typeof index)[]) => ones.map(digestOfArtifact).sort();
  const all = [...Object.values(cosign), ...Object.values(referrers)];

  test.each([
    [["--no-referrers"], []],
    [["--referrer-type", SPDX], [referrers.spdx]],
    // It signs what is not wanted
    [["--referrer-type", SIGSTORE], []],
    [
      ["--referrer-type", SPDX, "--referrer-type", "application/vnd.dev.sigstore.*"],
      [referrers.spdx, referrers.signature],
    ],
    [
      ["--referrer-type", "application/vnd.dev.cosign.*"],
      Object.entries(cosign).flatMap(([tag, one]) => (tag.endsWith(".sig") ? [one] : [])),
    ],
  ])("is pushed as %j says, and the receipt lists the rest", async (flags, wanted) => {
    await using source = await openEmbeddedRegistry();
    await using target = await startFaultRegistry();
    seedSigned(source, "acme/web", SIGNED);
    await expectDone("pull", "./b", "--include-image", `${source.host}/acme/web:v1`);
    const receiptPath = directory.resolve("r.json");
    await expectDone("push", "./b", `${target.host}/r`, "--receipt", receiptPath, ...flags);
    const path = `r/${pathOf(source.host)}/acme/web`;
    const there = target.content.repository(path).manifests;
    expect(
      all
        .filter((one) => there.has(digestOfArtifact(one)))
        .map(digestOfArtifact)
        .sort(),
    ).toEqual(digestsOf(wanted));
    const left = all.filter((one) => !wanted.includes(one));
    const receipt = JSON.parse(await readFile(receiptPath, "utf8"));
    expect(receipt).toMatchObject({ complete: true });
    expect(receipt.leftOut.map(({ digest }: BundleImage) => digest).sort()).toEqual(
      digestsOf(left),
    );
    const codes = receipt.notices.map(({ code }: { code: string }) => code);
    expect(codes).toContain("REFERRERS_LEFT_OUT");
    const plan = await json("push", "./b", `${target.host}/r`, "--dry-run", "--json", ...flags);
    expect(plan.leftOut).toEqual(receipt.leftOut);
    const whole = await json("push", "./b", `${target.host}/r`, "--dry-run", "--json");
    expect(plan.bytes).toBeLessThan(whole.bytes);
  });

  test("cannot be both left out and chosen when it is pushed", async () => {
    const flags = ["--no-referrers", "--referrer-type", CYCLONEDX];
    const { exitCode, stderr } = await runMirror([
      "push",
      directory.path,
      "registry.test/a",
      ...flags,
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("--referrer-type");
  });
});

describe("a target that does not let its lists of referrers be read", () => {
  test("gets every image, and what cannot be confirmed is named", async () => {
    await using source = await openEmbeddedRegistry();
    const middleware: RegistryMiddleware = async (request, next) =>
      request.path.includes("/referrers/")
        ? errorResponse(403, { code: "DENIED", message: "no" })
        : next(request);
    await using target = await startFaultRegistry({ middleware });
    seedSigned(source, "acme/web", SIGNED);
    await expectDone("pull", "./b", "--include-image", `${source.host}/acme/web:v1`);
    const receipt = directory.resolve("r.json");
    const words = ["push", directory.resolve("b"), `${target.host}/r`, "--receipt", receipt];
    expect((await runMirror(words)).exitCode).toBe(3);
    const { images, failures } = JSON.parse(await readFile(receipt, "utf8"));
    const notPushed = images.filter(({ outcome }: { outcome: string }) => outcome === "failed");
    expect(notPushed.map(({ planned }: { planned: string }) => planned).sort()).toEqual(
      Object.values(referrers).map(digestOfArtifact).sort(),
    );
    expect(failures).toHaveLength(3);
    expect([
      ...target.content.repository(`r/${pathOf(source.host)}/acme/web`).tags.keys(),
    ]).toContain("v1");
  });
});

describe("what belongs to images of a module", () => {
  const module = image({ name: "foo v1.0.0" });
  const vex = image({ name: "vex" });
  const spdx = referrer(module, SPDX, "sbom of foo");
  const att = formatCosignTag({ subject: digestOfArtifact(module), suffix: "att" });

  test.each([
    [[], [[att], []]],
    [["--skip-vex-images"], [[]]],
    [["--referrer-type", SPDX], [[]]],
    [["--no-referrers"], []],
  ])("lies in its package and follows the same rule with %j", async (flags, tags) => {
    await using source = await startFaultRegistry();
    const release = image({ layers: 0, files: { "version.json": '{"version":"v1.0.0"}' } });
    seed(source, "acme/modules", { foo: image({ name: "catalogue" }) });
    seed(source, "acme/modules/foo", { "v1.0.0": module, [att]: vex });
    seed(source, "acme/modules/foo/release", { "v1.0.0": release });
    storeArtifact(source.content.repository("acme/modules/foo"), spdx, []);
    const words = ["--source", `${source.host}/acme`, "-i", "foo@=v1.0.0", "--no-platform"];
    const rest = ["--no-installer", "--no-security-db", "--no-packages"];
    await expectDone("pull", "./b", ...words, ...rest, ...flags);
    const { packages } = await manifestOf("./b");
    expect(packages.map(({ name }) => name)).toEqual(["module-foo"]);
    const found = packages.flatMap(({ layouts }) => layouts.flatMap(({ images }) => images));
    const belonging = found.filter(({ subject }) => subject !== undefined);
    expect(belonging.map((one) => [one.subject, one.repository])).toEqual(
      tags.map(() => [digestOfArtifact(module), "modules/foo"]),
    );
    expect(belonging.map((one) => one.tags).sort()).toEqual([...tags].sort());
  });
});

describe("a source that fails to give what belongs to an image", () => {
  const isSpdx = (path: string) => path.endsWith(`/manifests/${digestOfArtifact(referrers.spdx)}`);
  const isSignatureTag = (path: string) => path.endsWith(".sig");
  const isList = (path: string) => path.includes("/referrers/");

  test.each([
    ["does not have a referrer that it lists", isSpdx, 404, "MANIFEST_UNKNOWN"],
    ["refuses a referrer", isSpdx, 403, "DENIED"],
    ["refuses the list of referrers", isList, 403, "DENIED"],
    ["does not have a signature whose tag it lists", isSignatureTag, 404, "MANIFEST_UNKNOWN"],
  ])(
    "and %s fails the image by name with status 3, and no other",
    async (_, isIt, status, code) => {
      const middleware: RegistryMiddleware = async (request, next) =>
        request.path.includes("acme/web") && isIt(request.path)
          ? errorResponse(status, { code, message: "no" })
          : next(request);
      await using source = await startFaultRegistry({ middleware });
      seedSigned(source, "acme/web", SIGNED);
      seed(source, "acme/other", { v1: image({ name: "other" }) });
      const names = ["web", "other"].flatMap((name) => [
        "--include-image",
        `${source.host}/acme/${name}:v1`,
      ]);
      const { exitCode, stdout } = await runMirror([
        "pull",
        directory.resolve("b"),
        ...names,
        "--json",
      ]);
      expect(exitCode).toBe(3);
      const { failures } = JSON.parse(stdout);
      expect(failures).toMatchObject([{ subject: `${source.host}/acme/web:v1` }]);
      expect(failures[0].hint).toContain("--no-referrers");
    },
  );

  test("and has none is no failure", async () => {
    await using source = await startFaultRegistry({ faults: NO_API });
    seed(source, "acme/web", { v1: image() });
    await expectDone("pull", "./b", "--include-image", `${source.host}/acme/web:v1`);
    expect(imagesOf(await manifestOf("./b"))).toHaveLength(1);
  });

  test("and lists no tags is asked for each", async () => {
    const middleware: RegistryMiddleware = async (request, next) =>
      request.path.endsWith("/tags/list")
        ? errorResponse(403, { code: "DENIED", message: "no" })
        : next(request);
    await using source = await startFaultRegistry({ middleware });
    seedSigned(source, "acme/web", SIGNED);
    await expectDone("pull", "./b", "--include-image", `${source.host}/acme/web:v1`);
    expect(imagesOf(await manifestOf("./b"))).toHaveLength(7);
  });

  test("and has other tags that are named after it tells them", async () => {
    await using source = await openEmbeddedRegistry();
    seedSigned(source, "acme/web", SIGNED);
    const [root, child] = [index, children.arm64].map(digestOfArtifact);
    const sources = [`${root}.src`, `${child}.dockerfile`].map((tag) => tag.replace(":", "-"));
    for (const tag of [...sources, `${fallbackTagOf(digestOfArtifact(image({ name: "x" })))}.src`])
      seed(source, "acme/web", { [tag]: image({ name: "sources" }) });
    const name = `${source.host}/acme/web:v1`;
    const { notices } = await json("pull", "./b", "--include-image", name, "--json");
    expect(notices).toMatchObject([{ code: "DIGEST_TAGS_LEFT_OUT" }]);
    expect(notices[0].message).toContain(`tags ${sources.sort().join(", ")}, which`);
    expect(imagesOf(await manifestOf("./b"))).toHaveLength(7);
  });

  test("and lists what is none is told, and nothing else is lost", async () => {
    const stranger = digestOfArtifact(children.arm64);
    const middleware: RegistryMiddleware = async (request, next) => {
      const response = await next(request);
      if (!request.path.endsWith(`/referrers/${digestOfArtifact(index)}`)) return response;
      const list = JSON.parse(String(response.body));
      list.manifests.push({ ...children.arm64.manifest.descriptor, digest: stranger });
      return jsonResponse(200, list, { "content-type": MEDIA_TYPE.imageIndex });
    };
    await using source = await startFaultRegistry({ middleware });
    seedSigned(source, "acme/web", SIGNED);
    const name = `${source.host}/acme/web:v1`;
    const { notices } = await json("pull", "./b", "--include-image", name, "--json");
    expect(notices).toMatchObject([{ code: "REFERRER_UNRELATED" }]);
    expect(imagesOf(await manifestOf("./b"))).toHaveLength(7);
  });
});

describe("a source that lists without end what belongs to an image", () => {
  const web = image({ name: "web" });

  test.each([
    [
      "a chain of signatures of signatures",
      () => {
        const chain = [web];
        for (let depth = 0; depth < 10; depth += 1) {
          chain.push(referrer(chain.at(-1) ?? web, SIGSTORE, `signature ${depth}`));
        }
        return chain.slice(1);
      },
      "more than 8 levels deep",
    ],
    [
      "more than anybody signs",
      () => Array.from({ length: 1001 }, (_, at) => referrer(web, SPDX, `sbom ${at}`)),
      "more than 1000 referrers",
    ],
  ])("as with %s, fails the image by name, and no other", async (_, make, reason) => {
    await using source = await openEmbeddedRegistry();
    seed(source, "acme/web", { v1: web });
    seed(source, "acme/other", { v1: image({ name: "other" }) });
    const content = source.content.repository("acme/web");
    for (const one of make()) storeArtifact(content, one);
    const names = ["web", "other"].flatMap((name) => [
      "--include-image",
      `${source.host}/acme/${name}:v1`,
    ]);
    const { exitCode, stdout } = await runMirror(["plan", ...names, "--json", "--no-cache"]);
    expect(exitCode).toBe(3);
    const { failures } = JSON.parse(stdout);
    expect(failures).toMatchObject([{ subject: `${source.host}/acme/web:v1` }]);
    expect(failures[0].message).toContain(reason);
    expect(failures[0].hint).toContain("--no-referrers");
  });

  test("as when two lists name each other, ends with each of them once", async () => {
    const spdx = referrer(web, SPDX, "sbom");
    const signature = referrer(spdx, SIGSTORE, "signature of the sbom");
    const middleware: RegistryMiddleware = async (request, next) => {
      const isOfSignature = request.path.endsWith(`/referrers/${digestOfArtifact(signature)}`);
      if (!isOfSignature) return next(request);
      const document = { schemaVersion: 2, mediaType: MEDIA_TYPE.imageIndex };
      const manifests = [spdx, signature].map(({ manifest }) => manifest.descriptor);
      const headers = { "content-type": MEDIA_TYPE.imageIndex };
      return jsonResponse(200, { ...document, manifests }, headers);
    };
    await using source = await startFaultRegistry({ middleware });
    seed(source, "acme/web", { v1: web });
    const content = source.content.repository("acme/web");
    for (const one of [spdx, signature]) storeArtifact(content, one);
    await expectDone("pull", "./b", "--include-image", `${source.host}/acme/web:v1`);
    const digests = imagesOf(await manifestOf("./b")).map(({ digest }) => digest);
    expect(digests.sort()).toEqual([web, spdx, signature].map(digestOfArtifact).sort());
  });
});

describe("a target that does not take an image", () => {
  test("gets nothing of what belongs to it", async () => {
    const root = digestOfArtifact(index);
    const middleware: RegistryMiddleware = async (request, next) =>
      request.method === "PUT" && request.path.endsWith(`/manifests/${root}`)
        ? errorResponse(400, { code: "MANIFEST_INVALID", message: "no" })
        : next(request);
    await using source = await openEmbeddedRegistry();
    await using target = await startFaultRegistry({ middleware });
    seedSigned(source, "acme/web", SIGNED);
    await expectDone("pull", "./b", "--include-image", `${source.host}/acme/web:v1`);
    const words = ["push", directory.resolve("b"), `${target.host}/repo`, "--json"];
    const { exitCode, stdout } = await runMirror([...words, "--receipt", directory.resolve("r")]);
    expect(exitCode).toBe(3);
    const receipt = JSON.parse(stdout);
    const failed = receipt.images.filter(({ outcome }: never) => outcome === "failed");
    const digests = failed.map(({ planned }: { planned: string }) => planned).sort();
    const [sig = ""] = Object.keys(cosign);
    expect(digests).toEqual(
      [
        root,
        digestOfArtifact(cosign[sig] ?? index),
        digestOfArtifact(referrers.spdx),
        digestOfArtifact(referrers.signature),
        // Its child is below the index and no image of its own
        digestOfArtifact(referrers.cyclonedx),
        ...Object.entries(cosign).flatMap(([tag, one]) =>
          tag === sig ? [] : [digestOfArtifact(one)],
        ),
      ].sort(),
    );
    const [path = ""] = [...target.content.repositories.keys()];
    const { manifests, tags } = target.content.repository(path);
    expect([...tags.keys()]).toEqual([]);
    expect(manifests.has(digestOfArtifact(referrers.spdx))).toBe(false);
  });
});

describe("looking for what belongs to 300 images", () => {
  const IMAGES = Array.from({ length: 300 }, (_, at) => image({ name: `image ${at}` }));

  test.each([
    ["lists referrers", {}],
    ["has no such list", NO_API],
  ])("asks a source that %s for at most 3 answers per manifest more", async (_, faults) => {
    await using source = await startFaultRegistry({ faults });
    const tagged = Object.fromEntries(IMAGES.map((one, at) => [`v${at}`, one]));
    seed(source, "acme/many", tagged);
    const content = source.content.repository("acme/many");
    const first = IMAGES[0] ?? image();
    if (!("referrers" in faults)) {
      storeArtifact(content, referrer(first, SPDX, "the only one"), []);
    }
    const list = IMAGES.map((_one, at) => `${source.host}/acme/many:v${at}\n`).join("");
    const count = async (bundle: string, ...flags: string[]) => {
      source.log.clear();
      const words = ["plan", directory.resolve(bundle), "--images-from", "-", "--no-cache"];
      const result = await runMirror([...words, ...flags], { input: list });
      expect(result, result.stderr).toMatchObject({ exitCode: 0 });
      return source.log.entries.length;
    };
    const without = await count("a", "--no-referrers");
    const more = (await count("b")) - without;
    const pages = source.log.find("GET", /tags\/list/).map(({ query }) => query);
    expect(pages).toEqual([...new Set(pages)]);
    // One list of tags and one of referrers for each; those that ask before one learns that there is none ask again
    expect(more).toBeLessThanOrEqual(300 + pages.length + 12 + 2);
    expect(more).toBeLessThanOrEqual(300 + 1 + 12 + 2);
    expect(more).toBeLessThanOrEqual(3 * 300);
  });
});

type Registry = Pick<EmbeddedRegistry, "content">;

function expectAllOf({ content }: Registry, repository: string): void {
  const { manifests, tags } = content.repository(repository);
  expect(tags.get("v1")).toBe(digestOfArtifact(index));
  for (const [tag, one] of Object.entries(cosign)) {
    expect(tags.get(tag)).toBe(digestOfArtifact(one));
  }
  for (const one of [...Object.values(children), ...Object.values(referrers)]) {
    expect(manifests.get(digestOfArtifact(one))?.bytes).toEqual(one.manifest.bytes);
  }
}

function fallbackOf({ content }: FaultRegistry, repository: string, subject: string): string[] {
  const { manifests, tags } = content.repository(repository);
  const { bytes } = manifests.get(tags.get(fallbackTagOf(subject)) ?? "") ?? {};
  const { manifests: listed } = JSON.parse(String(bytes)) as { manifests: BundleImage[] };
  return listed.map(({ digest }) => digest);
}

/** What a registry lists, for everything that anything can belong to. */
async function listedBy(host: string, repository: string): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  const all = [index, ...Object.values(children), ...Object.values(referrers)];
  for (const subject of all.map(digestOfArtifact)) {
    const response = await fetch(`http://${host}/v2/${repository}/referrers/${subject}`);
    const { manifests } = (await response.json()) as { manifests: BundleImage[] };
    if (manifests.length > 0) found[subject] = manifests.map(({ digest }) => digest);
  }
  return found;
}

function pathOf(host: string): string {
  return host.replace(":", "-");
}

function byDigest(left: { digest: string }, right: { digest: string }): number {
  return left.digest < right.digest ? -1 : 1;
}

function imagesOf({ packages }: Pick<BundleManifest, "packages">): BundleImage[] {
  return packages.flatMap(({ layouts }) => layouts.flatMap(({ images }) => images));
}

async function manifestOf(bundle: string): Promise<BundleManifest> {
  return JSON.parse(await readFile(directory.resolve(bundle, "bundle.json"), "utf8"));
}

async function expectDone(command: string, bundle: string, ...words: string[]): Promise<string> {
  const receipt =
    command === "push" && !words.includes("--receipt")
      ? ["--receipt", directory.resolve("receipt")]
      : [];
  const result = await runMirror([command, directory.resolve(bundle), ...words, ...receipt]);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return result.stdout;
}

async function json(command: string, bundle: string, ...words: string[]) {
  return JSON.parse(await expectDone(command, bundle, ...words));
}
