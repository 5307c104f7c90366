import { readdir, readFile, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { storeArtifact } from "../../src/demo/store-artifact.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { errorResponse, type RegistryMiddleware } from "../../src/server/message.ts";
import { AMD64, ARM64, image, index, seed } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { eachTest } from "../support/fixture.ts";
import { digestOfArtifact } from "../support/referrers.ts";
import { startFaultRegistry } from "../support/registry.ts";
import {
  createKey,
  readSigned,
  type SignedImage,
  seedSignedImage,
  signSimply,
  signStatement,
  statement,
} from "../support/signatures.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const REFUSED = 25;
const KEY = createKey();

const directory = eachTest(openTempDirectory);

beforeEach(async () => {
  await writeKey("own.pub", KEY.publicKey);
  await writeKey("foreign.pub", createKey().publicKey);
});

describe("a signature that is demanded", () => {
  test.each([
    ["under a tag", "tag-p-256"],
    ["as a referrer", "referrer-p-256"],
    ["as a bundle of sigstore", "bundle-p-256"],
  ])(
    "and that cosign has stored %s is found valid at the source, in the bundle and before the push, and is told",
    async (_, name) => {
      const signed = readSigned(name);
      await writeKey("cosign.pub", signed.publicKey);
      await using source = await openEmbeddedRegistry();
      await using target = await openEmbeddedRegistry();
      seedSignedImage(source, "acme/app", signed);
      const demand = ["--require-signature", directory.resolve("cosign.pub")];
      const wanted = ["--include-image", `${source.host}/acme/app:v1`];
      const accepted = {
        repository: `${pathOf(source.host)}/acme/app`,
        tags: ["v1"],
        digest: digestOf(signed.image),
        signer: directory.resolve("cosign.pub"),
      };
      for (const command of ["plan", "pull"]) {
        const { signatures, notices } = await json(command, "b", ...wanted, ...demand);
        expect([signatures, notices]).toMatchObject([[accepted], []]);
      }
      expect((await json("verify", "b", ...demand)).signatures).toMatchObject([accepted]);
      const receipt = await push("b", `${target.host}/repo`, ...demand, "--json");
      expect(receipt.exitCode).toBe(0);
      expect(JSON.parse(receipt.stdout).signatures).toMatchObject([accepted]);
      const { stdout } = await run("verify", "b", ...demand);
      expect(stdout).toContain("signed as demanded: 1 image");
    },
  );

  test("by an identity is found valid with the trusted root that travels in the bundle", async () => {
    await using source = await openEmbeddedRegistry();
    await using target = await openEmbeddedRegistry();
    seedSignedImage(source, "acme/app", readSigned("certified-bundle"));
    const there = new URL("../../fixtures/signatures/identity.json", import.meta.url).pathname;
    const wanted = ["--include-image", `${source.host}/acme/app:v1`];
    const { manifest } = await json("pull", "b", ...wanted, "--require-signature", there);
    expect(manifest.extraFiles).toMatchObject([{ name: "trusted-root.json" }]);

    const { issuer, identity } = JSON.parse(await readFile(there, "utf8"));
    const here = directory.resolve("acme.json");
    const who = { issuer, identity, trustedRoot: "b/trusted-root.json" };
    await writeFile(here, JSON.stringify(who));
    const { signatures } = await json("verify", "b", "--require-signature", here);
    const signer = "https://ci.example.com/acme/app/release.yml@refs/tags/v1";
    expect(signatures).toMatchObject([{ signer: here, identity: signer }]);
    const pushed = await push("b", `${target.host}/repo`, "--require-signature", here);
    expect(pushed.exitCode, pushed.stderr).toBe(0);
    await writeFile(here, JSON.stringify({ ...who, identity: "https://ci.example.com/other/*" }));
    const refused = await push("b", `${target.host}/repo`, "--require-signature", here);
    expectRefusal(refused, "acme/app:v1", `its signer is "${signer}"`);
  });

  test("can stand in a configuration file, for repositories by their pattern", async () => {
    await using source = await openEmbeddedRegistry();
    seedSignedImage(source, "acme/app", signStatement(IMAGE, KEY));
    seed(source, "others/web", { v1: image() });
    const config = {
      "require-signature": [
        `${source.host}/*=none`,
        `${source.host}/acme/*=${directory.resolve("own.pub")}`,
      ],
    };
    await writeFile(directory.resolve("config.json"), JSON.stringify(config));
    const wanted = ["acme/app", "others/web"].flatMap((name) => [
      "--include-image",
      `${source.host}/${name}:v1`,
    ]);
    const rules = ["--config", directory.resolve("config.json")];
    const pulled = await json("pull", "b", ...wanted, ...rules);
    expect(pulled.signatures).toHaveLength(1);
    expect(pulled.notices).toEqual([]);
    expect((await json("verify", "b", ...rules)).signatures).toHaveLength(1);
  });
});

const IMAGE = readSigned("tag-p-256").image;
const OTHER = IMAGE.replace('"layers":[]', '"layers":[],"annotations":{"a":"b"}');

describe.each<[string, SignedImage, string]>([
  ["a missing signature", { ...signSimply(IMAGE, KEY), tags: {} }, "it has no signature at all"],
  ["a foreign signature", signSimply(IMAGE, createKey()), "another key has made it"],
  [
    "a signature that was changed",
    signStatement(IMAGE, KEY, {
      payload: statement(digestOf(OTHER)),
      stored: statement(digestOf(IMAGE)),
    }),
    "what is signed was changed",
  ],
  [
    "the signature of another image",
    signStatement(IMAGE, KEY, { payload: statement(digestOf(OTHER)) }),
    `it is about ${digestOf(OTHER)}`,
  ],
])("%s", (_, signed, reason) => {
  test("is refused by pull, verify and push with status 25, before anything large or anything at all is sent", async () => {
    await using source = await startFaultRegistry();
    await using target = await startFaultRegistry();
    const big = image({ name: "big" });
    seedSignedImage(source, "acme/app", signed);
    storeArtifact(source.content.repository("acme/app"), big, ["big"]);
    const name = `${pathOf(source.host)}/acme/app:v1`;
    const wanted = ["v1", "big"].flatMap((tag) => [
      "--include-image",
      `${source.host}/acme/app:${tag}`,
    ]);
    const rules = [`${source.host}/*=${directory.resolve("own.pub")}`];
    const demand = rules.flatMap((rule) => ["--require-signature", rule]);

    const pulled = await run("pull", "b", ...wanted, ...demand);
    expectRefusal(pulled, name, reason);
    expect(pulled.stderr).toContain(digestOfArtifact(big));
    const layer = big.blobs.at(-1)?.descriptor.digest ?? "";
    expect(source.log.count("GET", new RegExp(layer))).toBe(0);
    expect(await readdir(directory.path)).not.toContain("b");

    expect((await run("pull", "b", ...wanted)).exitCode).toBe(0);
    const verified = await run("verify", "b", ...demand, "--json");
    expect(verified.exitCode).toBe(REFUSED);
    const { complete, problems } = JSON.parse(verified.stdout);
    expect(complete).toBe(false);
    expect(problems.map(({ images }: { images: string[] }) => images[0]).sort()).toEqual([
      `${pathOf(source.host)}/acme/app:big`,
      name,
    ]);
    expect(problems).toContainEqual(
      expect.objectContaining({
        code: "SIGNATURE_REFUSED",
        digest: digestOf(IMAGE),
        message: expect.stringContaining(reason),
      }),
    );

    for (const flags of [[], ["--dry-run"]]) {
      const pushed = await push("b", `${target.host}/repo`, ...demand, ...flags);
      expectRefusal(pushed, name, reason);
    }
    expect(target.log.entries).toEqual([]);
  });
});

describe("export and serve", () => {
  test("give only what is signed as it is demanded, of the images that are used", async () => {
    const signed = readSigned("tag-p-256");
    await writeKey("cosign.pub", signed.publicKey);
    await using source = await openEmbeddedRegistry();
    seedSignedImage(source, "acme/app", signed);
    seed(source, "acme/other", { v1: image({ name: "unsigned" }) });
    const images = ["app", "other"].flatMap((name) => [
      "--include-image",
      `${source.host}/acme/${name}:v1`,
    ]);
    expect((await run("pull", "b", ...images)).exitCode).toBe(0);
    const demand = ["--require-signature", directory.resolve("cosign.pub")];
    const out = ["--out", directory.resolve("out.tar")];
    const all = await runMirror([
      "export",
      "oci-archive",
      directory.resolve("b"),
      ...out,
      ...demand,
    ]);
    expectRefusal(all, "acme/other:v1", "it has no signature");
    expect(await readdir(directory.path)).not.toContain("out.tar");
    const app = ["--image", "*/acme/app:v1", "--json"];
    const one = await runMirror([
      ...["export", "oci-archive", directory.resolve("b"), ...out, ...demand, ...app],
    ]);
    expect(one.exitCode, one.stderr).toBe(0);
    expect(JSON.parse(one.stdout).signatures).toMatchObject([{ digest: digestOf(signed.image) }]);

    const served = await run("serve", "b", "--listen", "127.0.0.1:0", ...demand);
    expectRefusal(served, "acme/other:v1", "it has no signature");
    const beside = [
      "--upstream",
      "docker.io=http://127.0.0.1:9",
      "--cache",
      directory.resolve("c"),
    ];
    const mixed = await run("serve", "b", "--listen", "127.0.0.1:0", ...demand, ...beside);
    expect(mixed).toMatchObject({ exitCode: 2 });
    expect(mixed.stderr).toContain("signatures are demanded of bundles only");
  });
});

describe("what is demanded", () => {
  test("holds for all bundles of a push before the first byte of any", async () => {
    await using source = await openEmbeddedRegistry();
    await using target = await startFaultRegistry();
    seedSignedImage(source, "acme/app", signStatement(IMAGE, KEY));
    seed(source, "acme/web", { v1: image() });
    await json("pull", "signed", "--include-image", `${source.host}/acme/app:v1`);
    await json("pull", "unsigned", "--include-image", `${source.host}/acme/web:v1`);
    const file = (name: string) => directory.resolve(name, "images.tar");
    const demand = ["--require-signature", directory.resolve("own.pub")];
    const files = ["--file", file("unsigned")];
    const pushed = await push("signed", `${target.host}/repo`, ...files, ...demand);
    expectRefusal(pushed, `${pathOf(source.host)}/acme/web:v1`, "no signature at all");
    expect(target.log.entries).toEqual([]);
  });

  test("holds for a tag that points elsewhere since it was signed", async () => {
    await using source = await openEmbeddedRegistry();
    seedSignedImage(source, "acme/app", signStatement(IMAGE, KEY));
    seed(source, "acme/app", { v1: image({ name: "moved" }) });
    const wanted = ["--include-image", `${source.host}/acme/app:v1`];
    const demand = ["--require-signature", directory.resolve("own.pub")];
    const pulled = await run("pull", "b", ...wanted, ...demand);
    expectRefusal(pulled, "acme/app:v1", "no signature at all");
  });

  test("holds for the plan of an unfinished pull, which is made anew when what it needs was signed since", async () => {
    let isBroken = true;
    const middleware: RegistryMiddleware = async (request, next) =>
      isBroken && request.path.includes("/blobs/")
        ? errorResponse(404, { code: "BLOB_UNKNOWN", message: "no" })
        : next(request);
    await using source = await startFaultRegistry({ middleware });
    const signed = signStatement(IMAGE, KEY);
    seedSignedImage(source, "acme/app", { ...signed, referrers: [] });
    const wanted = ["--include-image", `${source.host}/acme/app:v1`];
    const demand = ["--require-signature", directory.resolve("own.pub")];
    expect((await run("pull", "b", ...wanted)).exitCode).toBe(3);
    isBroken = false;
    expect((await run("pull", "b", ...wanted, ...demand)).exitCode).toBe(REFUSED);
    seedSignedImage(source, "acme/app", signed);
    expect((await json("pull", "b", ...wanted, ...demand)).signatures).toHaveLength(1);
  });

  test("names what was left out where nothing can be signed any more: platforms, and what belongs to images", async () => {
    await using source = await openEmbeddedRegistry();
    const many = index([image({ platform: AMD64 }), image({ name: "b", platform: ARM64 })]);
    seed(source, "acme/many", { v1: many });
    const wanted = ["--include-image", `${source.host}/acme/many:v1`];
    const demand = ["--require-signature", directory.resolve("own.pub")];
    const some = ["--platform", "linux/amd64"];
    const reason = `what is left of ${digestOfArtifact(many)}`;
    const pulled = await run("pull", "b", ...wanted, ...some, ...demand);
    expectRefusal(pulled, "acme/many:v1", reason);
    expect((await run("pull", "b", ...wanted, ...some)).exitCode).toBe(0);
    expect((await run("verify", "b", ...demand)).stdout).toContain(reason);

    expect((await run("pull", "c", ...wanted, "--no-referrers")).exitCode).toBe(0);
    expect((await run("verify", "c", ...demand)).stdout).toContain(
      "pull it again without --no-referrers",
    );
    const types = ["--referrer-type", "application/spdx+json"];
    const others = await run("pull", "d", ...wanted, ...types, ...demand);
    expectRefusal(others, "acme/many:v1", "whether --referrer-type leaves signatures out");
    const contradiction = await run("pull", "d", ...wanted, "--no-referrers", ...demand);
    expect(contradiction.exitCode).toBe(2);
    expect(contradiction.stderr).toContain("--no-referrers");
  });

  test("holds for what a lock pins, wherever tags point at now", async () => {
    await using source = await openEmbeddedRegistry();
    seedSignedImage(source, "acme/app", signStatement(IMAGE, KEY));
    const [lock, wanted] = [directory.resolve("l.lock"), `${source.host}/acme/app:v1`];
    await json("plan", "b", "--include-image", wanted, "--out", lock);
    seed(source, "acme/app", { v1: image({ name: "moved" }) });
    const demand = (name: string) => ["--require-signature", directory.resolve(name)];
    const locked = ["--plan", lock];
    const refused = await run("pull", "b", ...locked, ...demand("foreign.pub"));
    expectRefusal(refused, "acme/app:v1", "another key");
    expect((await json("pull", "b", ...locked, ...demand("own.pub"))).signatures).toHaveLength(1);
  });

  test("costs no request: what is read of a signature is what the bundle holds", async () => {
    await using source = await startFaultRegistry();
    seedSignedImage(source, "acme/app", signStatement(IMAGE, KEY));
    const wanted = ["--include-image", `${source.host}/acme/app:v1`, "--no-cache"];
    const count = async (bundle: string, ...flags: string[]) => {
      source.log.clear();
      await json("pull", bundle, ...wanted, ...flags);
      return source.log.entries.map(({ method, path }) => `${method} ${path}`).sort();
    };
    const without = await count("a");
    expect(await count("b", "--require-signature", directory.resolve("own.pub"))).toEqual(without);
    const [one, two] = ["a", "b"].map((name) => readFile(directory.resolve(name, "bundle.json")));
    expect(await one).toEqual(await two);
  });

  test("is told as a document, with the status of its own", async () => {
    await using source = await openEmbeddedRegistry();
    seed(source, "acme/web", { v1: image() });
    const wanted = ["--include-image", `${source.host}/acme/web:v1`];
    const demand = ["--require-signature", directory.resolve("own.pub")];
    const { stdout } = await run("pull", "b", ...wanted, ...demand, "--json");
    expect(JSON.parse(stdout).error).toMatchObject({
      code: "SIGNATURE_REFUSED",
      exitStatus: REFUSED,
      hint: expect.stringContaining("--require-signature"),
    });
  });
});

interface Result {
  readonly exitCode: number | undefined;
  readonly stderr: string;
}

function expectRefusal({ exitCode, stderr }: Result, image: string, reason: string): void {
  expect(exitCode, stderr).toBe(REFUSED);
  expect(stderr).toContain(image);
  expect(stderr).toContain(reason);
  expect(stderr).toContain("hint: ");
}

async function run(command: string, bundle: string, ...words: string[]) {
  return await runMirror([command, directory.resolve(bundle), ...words]);
}

async function push(bundle: string, target: string, ...words: string[]) {
  return await run("push", bundle, target, "--receipt", directory.resolve("receipt"), ...words);
}

async function json(command: string, bundle: string, ...words: string[]) {
  const result = await run(command, bundle, ...words, "--json");
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return JSON.parse(result.stdout);
}

async function writeKey(name: string, pem: string): Promise<void> {
  await writeFile(directory.resolve(name), pem);
}

function pathOf(host: string): string {
  return host.replace(":", "-");
}
