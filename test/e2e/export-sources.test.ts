import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, test } from "vitest";
import type { ExportReport } from "../../src/export/export-options.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { AMD64, ARM64, artifact, image, index, layer, seed } from "../support/artifacts.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { allTests } from "../support/fixture.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const ONE = image({ name: "one", layers: [layer({ "one.txt": "1\n" })] });
const ON_AMD64 = image({ name: "amd64", platform: AMD64, layers: [layer({ a: "amd64\n" })] });
const ON_ARM64 = image({ name: "arm64", platform: ARM64, layers: [layer({ a: "arm64\n" })] });
const MANY = index([ON_ARM64, ON_AMD64]);
const SIGNATURE = artifact({
  artifactType: "application/vnd.example.signature",
  subject: ONE.manifest.descriptor,
});

let bundle: string;

const name = (repository: string) => `${registry.host}/acme/${repository}`;

const directory = allTests(openTempDirectory);
const registry = allTests(openEmbeddedRegistry);

beforeAll(async () => {
  seed(registry, "acme/one", { v1: ONE, signature: SIGNATURE });
  seed(registry, "acme/many", { v1: MANY });
  bundle = directory.resolve("bundle");
  const images = ["one:v1", "many:v1"].flatMap((it) => ["--include-image", name(it)]);
  await done(["pull", bundle, ...images]);
});

describe("mirror export of images in a registry", () => {
  test.each(["k3s", "docker-archive", "oci-archive"])(
    "%s has the same bytes as from a bundle of these images",
    async (form) => {
      const [one, two] = [directory.resolve(`${form}-1`), directory.resolve(`${form}-2`)];
      const named = ["one:v1", "many:v1"].map((it) => `docker://${name(it)}`);
      await done(["export", form, bundle, "--out", one]);
      await done(["export", form, ...named, "--out", two]);
      expect((await readFile(two)).equals(await readFile(one))).toBe(true);
    },
  );

  test("what belongs to an image goes with it, platforms can be chosen, and a digest names it too", async () => {
    const out = directory.resolve("static");
    const report = await done(["export", "static", `docker://${name("one:v1")}`, "--out", out]);
    expect(report.images.map(({ digest }) => digest)).toEqual(
      [ONE, SIGNATURE].map(({ manifest }) => manifest.descriptor.digest),
    );
    const { digest } = MANY.manifest.descriptor;
    const arm = await done([
      ...["export", "k3s", `docker://${name("many")}@${digest}`, "--platform", "linux/arm64"],
      ...["--out", directory.resolve("arm.tar")],
    ]);
    expect(arm.images).toMatchObject([{ platforms: ["linux/arm64"] }]);
  });

  test("an image that is not there is named, and the others are exported", async () => {
    const out = directory.resolve("some.tar");
    const words = [`docker://${name("gone:v1")}`, `docker://${name("one:v1")}`, "--out", out];
    const report = await done(["export", "k3s", ...words], 3);
    expect(report.images.map((one) => one.name)).toEqual([name("one:v1")]);
    expect(report.failures).toMatchObject([
      { code: "REGISTRY_NOT_FOUND", subject: name("gone:v1") },
    ]);
  });

  test("a layer that is wrong on the way is not in the archive", async () => {
    const wrong = await openEmbeddedRegistry();
    try {
      const bad = image({ name: "bad", layers: [layer({ "bad.txt": "bad\n" })] });
      seed(wrong, "acme/bad", { v1: bad });
      const blob = bad.blobs.at(-1);
      const size = blob?.content.size ?? 0;
      const open = () => Readable.from([Buffer.alloc(size, 1)]);
      const { blobs } = wrong.content.repository("acme/bad");
      if (blob) blobs.set(blob.descriptor.digest, { size, open });
      const out = directory.resolve("bad.tar");
      const result = await runMirror([
        ...["export", "k3s", `docker://${wrong.host}/acme/bad:v1`, "--out", out],
        ...["--retry-timeout", "1s"],
      ]);
      expect(result.exitCode).toBe(20);
      await expect(readFile(out)).rejects.toMatchObject({ code: "ENOENT" });
    } finally {
      await wrong.close();
    }
  });
});

describe("mirror export of what serve has kept", () => {
  test("takes the platforms that were pulled, names the others, and needs no registry", async () => {
    const cache = directory.resolve("cache");
    const upstream = `example.test=http://${registry.host}`;
    const server = await startMirror([
      ...["serve", "--upstream", upstream, "--cache", cache, "--listen", "127.0.0.1:0"],
    ]);
    const [, address = ""] = await server.waitFor(/"url":"([^"]+)"/);
    const get = async (path: string) => {
      const answer = await fetch(`${address}/v2/acme/many/${path}?ns=example.test`);
      expect(answer.status).toBe(200);
      await answer.arrayBuffer();
    };
    await get("manifests/v1");
    await get(`manifests/${MANY.manifest.descriptor.digest}`);
    await get(`manifests/${ON_AMD64.manifest.descriptor.digest}`);
    for (const { descriptor } of ON_AMD64.blobs) await get(`blobs/${descriptor.digest}`);

    const words = ["export", "k3s", "--cache", cache, "--out", directory.resolve("kept.tar")];
    // While the server has the cache
    const report = await done(words);
    server.kill("SIGTERM");
    await server.finished;
    expect(report.images).toMatchObject([
      { name: "example.test/acme/many:v1", platforms: ["linux/amd64"] },
    ]);
    expect(report.notices).toMatchObject([
      { code: "PLATFORM_ABSENT", message: expect.stringContaining("linux/arm64") },
    ]);
  });
});

async function done(words: readonly string[], status = 0): Promise<ExportReport> {
  const result = await runMirror([...words, "--json"]);
  expect(result, result.stderr).toMatchObject({ exitCode: status });
  return JSON.parse(result.stdout) as ExportReport;
}
