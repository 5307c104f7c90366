import { cp, mkdir, open, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { layerTar } from "../../src/demo/layer-archive.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { type FaultRegistry, startFaultRegistry } from "../support/registry.ts";
import type { ProcessResult } from "../support/run-process.ts";
import { MARKER } from "../support/secrets.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { listFiles } from "./support/bundle-directory.ts";
import { seedModules } from "./support/product-module.ts";

const WEB = image({ name: "web", layers: [randomLayer(300_000, 1)] });
const API = image({ name: "api", layers: [randomLayer(300_000, 2)] });

let directory: TempDirectory;
let source: EmbeddedRegistry;
let target: EmbeddedRegistry;
let guarded: FaultRegistry;

beforeAll(async () => {
  directory = await openTempDirectory();
  [source, target] = [await openEmbeddedRegistry(), await openEmbeddedRegistry()];
  const credentials = { username: "ann", password: MARKER } as const;
  guarded = await startFaultRegistry({ faults: { auth: { scheme: "basic", ...credentials } } });
  seedModules(source, "acme", [
    { name: "foo", versions: ["v1.0.0", "v1.3.0"] },
    { name: "console", versions: ["v1.0.0"], channels: { stable: "v1.0.0" } },
  ]);
  seed(source, "acme/web", { "v1.0.0": WEB });
  seed(source, "acme/api", { "v1.0.0": API });
  await mirror("pull", "whole", "--include-image", webName(), "--include-image", apiName());
  const chunked = ["--include-image", webName(), "--include-image", apiName(), "-c", "200KB"];
  await mirror("pull", "chunked", ...chunked);
});

afterAll(async () => {
  await guarded?.close();
  await target?.close();
  await source?.close();
  await directory?.[Symbol.asyncDispose]();
});

const webName = () => `${source.host}/acme/web:v1.0.0`;
const apiName = () => `${source.host}/acme/api:v1.0.0`;

interface Refusal {
  readonly args: () => readonly string[];
  readonly status: number;
  /** All of these are in stderr. */
  readonly says: readonly RegExp[];
}

const pullFoo = (...rest: readonly string[]) => [
  "pull",
  "new",
  "--source",
  `${source.host}/acme`,
  ...rest,
];

describe("mirror pull", () => {
  test.each<[string, Refusal]>([
    [
      "an unknown module",
      { args: () => pullFoo("-i", "fooo"), status: 11, says: [/module "fooo"/, /hint: .*"foo"/] },
    ],
    [
      "two unknown modules, both at once",
      {
        args: () => pullFoo("-i", "fooo", "-i", "konsole"),
        status: 11,
        says: [/"fooo"/, /"foo"/, /"konsole"/, /"console"/],
      },
    ],
    [
      "a range without a match",
      {
        args: () => pullFoo("-i", "foo@^9.0.0"),
        status: 11,
        says: [/versions \^9\.0\.0 of module "foo"/, /hint: .*v1\.3\.0, v1\.0\.0/],
      },
    ],
    [
      "an exact tag that is not there",
      {
        args: () => pullFoo("-i", "foo@=v1.3.1"),
        status: 11,
        says: [/tag "v1\.3\.1" of module "foo"/, /hint: .*"v1\.3\.0"/],
      },
    ],
    [
      "a module without channels and without a version",
      { args: () => pullFoo("-i", "foo"), status: 11, says: [/no release channels/, /v1\.3\.0/] },
    ],
    [
      "a bad constraint",
      {
        args: () => pullFoo("-i", "foo@^^1"),
        status: 2,
        says: [/--include-module "foo@\^\^1"/, /hint: .*\^1\.3\.0/],
      },
    ],
    [
      "an unknown release channel",
      {
        args: () => pullFoo("-i", "foo@=v1.3.0+stabel"),
        status: 2,
        says: [/"stabel" is not a release channel/, /hint: .*stable/],
      },
    ],
    [
      "modules without a source",
      { args: () => ["pull", "new", "-i", "foo"], status: 2, says: [/hint: Add --source/] },
    ],
    [
      "a bad reference",
      {
        args: () => ["pull", "new", "--include-image", "ghcr.io/Acme/web"],
        status: 2,
        says: [/"ghcr\.io\/Acme\/web"/, /hint: .*lower-case/],
      },
    ],
    [
      "a platform that the image does not have",
      {
        args: () => ["pull", "new", "--include-image", webName(), "--platform", "linux"],
        status: 2,
        says: [/"linux"/, /hint: .*linux\/amd64/],
      },
    ],
    [
      "a source that nobody listens at",
      {
        args: () => [
          "pull",
          "new",
          "--source",
          "127.0.0.1:1/acme",
          "-i",
          "foo",
          "--retry-timeout",
          "100ms",
        ],
        status: 14,
        says: [/Cannot reach "127\.0\.0\.1:1"/, /hint: Check the port/],
      },
    ],
    [
      "a source that wants a login",
      {
        args: () => ["pull", "new", "--source", `${guarded.host}/acme`, "-i", "foo"],
        status: 10,
        says: [/127\.0\.0\.1/, /hint: .*--source-login/],
      },
    ],
    [
      "a directory that holds other files",
      {
        args: () => ["pull", ".", "--include-image", webName()],
        status: 2,
        says: [/it is not empty/, /hint: .*another directory/],
      },
    ],
    [
      "a complete bundle",
      {
        args: () => ["pull", "whole", "--include-image", webName()],
        status: 2,
        says: [/it holds a complete bundle/, /hint: Use --force/],
      },
    ],
  ])("refuses %s", async (_, { args, status, says }) => {
    const result = await run(...args());
    for (const pattern of says) expect(result.stderr).toMatch(pattern);
    expectRefused(result, status);
  });

  test("never shows a wrong password", async () => {
    const login = ["--source-login", "ann", "--source-password", "hunter22"];
    const source = `${guarded.host}/acme`;
    const result = await run("pull", "new", "--source", source, "-i", "foo", ...login, "--debug");
    expect(result.exitCode).toBe(10);
    expect(result.stderr).toMatch(/ann/);
    expect(result.stdout + result.stderr).not.toMatch(/hunter22|YW5uOmh1bnRlcjIy/);
  });

  test("replaces a complete bundle with --force and fetches no blob again", async () => {
    await cp(directory.resolve("whole"), directory.resolve("forced"), { recursive: true });
    const { stdout } = await mirror("pull", "forced", "--include-image", webName(), "--force");
    expect(stdout).toMatch(/^fetched 0 B/m);
    expect(Object.keys(await listFiles(directory.resolve("forced")))).toEqual([
      "SHA256SUMS",
      "bundle.json",
      "images.tar",
    ]);
    await mirror("verify", "forced");
  });
});

describe("mirror push", () => {
  test.each<[string, Refusal]>([
    [
      "a target without a path",
      {
        args: () => ["push", "whole", "127.0.0.1:5000"],
        status: 2,
        says: [/path is missing/, /hint: .*"127\.0\.0\.1:5000\/repo"/],
      },
    ],
    [
      "a missing target",
      {
        args: () => ["push", "whole"],
        status: 2,
        says: [/mirror push <bundle> <registry\/repository>/],
      },
    ],
    [
      "a path that does not exist",
      {
        args: () => ["push", "nowhere", `${target.host}/repo`],
        status: 21,
        says: [/"nowhere"/, /hint: .*mounted/],
      },
    ],
    [
      "a directory that is no bundle",
      {
        args: () => ["push", ".", `${target.host}/repo`],
        status: 21,
        says: [/holds no bundle\.json/, /hint: Name what is in it: \w/],
      },
    ],
    [
      "a target that nobody listens at",
      {
        args: () => ["push", "whole", "127.0.0.1:1/repo", "--retry-timeout", "100ms"],
        status: 14,
        says: [/Cannot reach "127\.0\.0\.1:1"/],
      },
    ],
    [
      "a target that wants a login",
      {
        args: () => ["push", "whole", `${guarded.host}/repo`],
        status: 10,
        says: [/hint: .*--registry-login/],
      },
    ],
    [
      "a part of no size",
      {
        args: () => ["push", "whole", `${target.host}/repo`, "--part-size", "0"],
        status: 2,
        says: [/Cannot use --part-size/],
      },
    ],
    [
      "a receipt in a directory that does not exist",
      {
        args: () => ["push", "whole", `${target.host}/repo`, "--receipt", "no/such/receipt.json"],
        status: 2,
        says: [/receipt/, /hint: .*--receipt/],
      },
    ],
  ])("refuses %s", async (_, { args, status, says }) => {
    const result = await run(...args());
    for (const pattern of says) expect(result.stderr).toMatch(pattern);
    expectRefused(result, status);
    expect(target.repositories.size).toBe(0);
  });

  test.each<
    [string, (bundle: string) => Promise<void>, { status: number; says: readonly RegExp[] }]
  >([
    [
      "a missing chunk",
      (bundle) => rm(`${bundle}/images.tar.0001.chunk`),
      { status: 21, says: [/images\.tar\.0001\.chunk": the file is missing/, /hint: Copy it/] },
    ],
    [
      "a truncated chunk",
      (bundle) => truncate(`${bundle}/images.tar.0001.chunk`, 1234),
      {
        status: 22,
        says: [/images\.tar\.0001\.chunk".*the file has 1234 bytes, .* says 200000/, /hint: Copy/],
      },
    ],
    [
      "a chunk that is too long",
      (bundle) => truncate(`${bundle}/images.tar.0001.chunk`, 200_001),
      { status: 22, says: [/images\.tar\.0001\.chunk".*has 200001 bytes/] },
    ],
    [
      "two files that claim one chunk number",
      async (bundle) => {
        await cp(`${bundle}/images.tar.0001.chunk`, `${bundle}/images.tar.00001.chunk`);
        await rm(`${bundle}/bundle.json`);
      },
      {
        status: 22,
        says: [/0001\.chunk".*"images\.tar\.00001\.chunk" claims the same part/, /hint: Remove/],
      },
    ],
    [
      "a file that claims a chunk number beside bundle.json",
      (bundle) => cp(`${bundle}/images.tar.0001.chunk`, `${bundle}/images.tar.00001.chunk`),
      { status: 22, says: [/00001\.chunk".*"bundle\.json" does not list it/, /hint: Remove/] },
    ],
    [
      "a gap in the chunk numbers without bundle.json",
      async (bundle) => {
        await rm(`${bundle}/images.tar.0001.chunk`);
        await rm(`${bundle}/bundle.json`);
      },
      { status: 21, says: [/0001\.chunk": the file is missing/, /hint: Copy it/] },
    ],
    [
      "a bundle.json that is cut off",
      (bundle) => truncate(`${bundle}/bundle.json`, 100),
      { status: 22, says: [/bundle\.json".*"SHA256SUMS" says/, /hint: Copy the file again/] },
    ],
    [
      "a bundle.json of a newer version",
      async (bundle) => {
        const text = await readFile(`${bundle}/bundle.json`, "utf8");
        const newer = text.replace("bundle.v1+json", "bundle.v2+json");
        await writeFile(`${bundle}/bundle.json`, newer);
        await writeFile(`${bundle}/SHA256SUMS`, await sumsOf(bundle, newer));
      },
      { status: 23, says: [/v2/, /hint: Use a newer version/] },
    ],
    [
      "a pull that is not finished",
      async (bundle) => {
        await rm(`${bundle}/bundle.json`);
        await mkdir(`${bundle}/.mirror`);
        for (const number of ["0000", "0001", "0002", "0003"]) {
          const path = `${bundle}/images.tar.${number}.chunk`;
          await rename(path, `${path}.partial`);
        }
      },
      { status: 21, says: [/its pull is not finished/, /hint: Run the same pull again/] },
    ],
  ])("refuses %s before any request", async (_, damage, { status, says }) => {
    await rm(directory.resolve("damaged"), { recursive: true, force: true });
    await cp(directory.resolve("chunked"), directory.resolve("damaged"), { recursive: true });
    await damage(directory.resolve("damaged"));
    guarded.log.clear();
    const result = await run("push", "damaged", `${guarded.host}/repo`);
    for (const pattern of says) expect(result.stderr).toMatch(pattern);
    expectRefused(result, status);
    expect(guarded.log.entries).toEqual([]);
  });

  test.each([
    ["climbs out of the bundle", "modules/evil/../../../etc/passwd"],
    ["is an absolute path", "/etc/passwd"],
    ["is no part of a layout", "modules/evil/run.sh"],
  ])("refuses a tar with an entry that %s", async (_, path) => {
    await mkdir(directory.resolve("evil"), { recursive: true });
    const file = directory.resolve("evil", "module-evil.tar");
    await writeFile(file, layerTar({ "modules/evil/oci-layout": "{}", [path]: "root::0:0" }));
    for (const command of [
      ["push", "evil", `${target.host}/evil`],
      ["inspect", "evil"],
    ]) {
      const result = await run(...command);
      expect(result.stderr).toContain("module-evil.tar");
      expect(result.stderr).toContain(path);
      expectRefused(result, 22);
    }
  });

  test("names file and blob of a flipped byte, and pushes the other images", async () => {
    await cp(directory.resolve("whole"), directory.resolve("flipped"), { recursive: true });
    const file = directory.resolve("flipped", "images.tar");
    const bytes = await readFile(file);
    const [, damaged] = WEB.blobs;
    const at = bytes.indexOf(await contentOf(damaged));
    await flipByte(file, at + 150_000);

    const result = await run("push", "flipped", `${target.host}/flip`, "--receipt", "flipped.json");
    expect(result.exitCode).toBe(3);
    const says = `Cannot use blob ${damaged?.descriptor.digest} of "flipped/images.tar" at byte ${at}`;
    expect(result.stdout).toContain(says);
    expect(result.stdout).toMatch(/hint: Copy the file again/);
    const path = source.host.replace(":", "-");
    expect(target.repositories.get(`flip/${path}/acme/api`)?.tags.get("v1.0.0")).toBe(
      API.manifest.descriptor.digest,
    );
    expect(target.repositories.get(`flip/${path}/acme/web`)?.tags.size ?? 0).toBe(0);
    const receipt = JSON.parse(await readFile(directory.resolve("flipped.json"), "utf8"));
    expect(receipt).toMatchObject({ complete: false, failures: [{ code: "CONTENT_MISMATCH" }] });
    expect(receipt.images).toMatchObject([
      { repository: `${path}/acme/api`, tag: "v1.0.0", outcome: "pushed" },
      { repository: `${path}/acme/web`, tag: "v1.0.0", outcome: "failed" },
    ]);

    const verified = await run("verify", "flipped");
    expect(verified.exitCode).toBe(20);
    expect(verified.stdout).toContain(says);
    expect(verified.stdout).toContain(`needed by: ${path}/acme/web:v1.0.0`);
    expect(verified.stdout).not.toContain("acme/api");
  });

  test("finishes after the damaged file has been copied again", async () => {
    await cp(directory.resolve("whole"), directory.resolve("flipped"), { recursive: true });
    const { stdout } = await mirror("push", "flipped", `${target.host}/flip`);
    expect(stdout).toMatch(/2 tags read back/);
  });
});

describe("mirror verify", () => {
  test("names the chunk file that holds a flipped byte", async () => {
    await cp(directory.resolve("chunked"), directory.resolve("odd"), { recursive: true });
    await flipByte(directory.resolve("odd", "images.tar.0002.chunk"), 100_000);
    const { exitCode, stdout } = await run("verify", "odd", "--json");
    expect(exitCode).toBe(20);
    const { files } = JSON.parse(stdout) as { files: { name: string; status: string }[] };
    expect(files.filter(({ status }) => status !== "ok").map(({ name }) => name)).toEqual([
      "images.tar.0002.chunk",
    ]);
  });

  test("blames only the missing chunk file, not the ones around it", async () => {
    await cp(directory.resolve("chunked"), directory.resolve("gap"), { recursive: true });
    await rm(directory.resolve("gap", "images.tar.0001.chunk"));
    const { exitCode, stdout } = await run("verify", "gap", "--json");
    expect(exitCode).toBe(21);
    const report = JSON.parse(stdout) as {
      files: { name: string; status: string }[];
      problems: { file: string }[];
    };
    expect(report.files.filter(({ status }) => status !== "ok")).toMatchObject([
      { name: "images.tar.0001.chunk", status: "missing" },
    ]);
    expect([...new Set(report.problems.map(({ file }) => file))]).toEqual([
      "images.tar.0001.chunk",
    ]);
  });
});

function run(...args: readonly string[]): Promise<ProcessResult> {
  return runMirror(args, { cwd: directory.path });
}

/** Runs the program to a good end. */
async function mirror(...args: readonly string[]): Promise<ProcessResult> {
  const result = await run(...args);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return result;
}

/** The status, one error, and nothing that only a developer wants to see. */
function expectRefused({ exitCode, stderr, stdout }: ProcessResult, status: number): void {
  expect(exitCode, stderr).toBe(status);
  expect(stdout).toBe("");
  expect(stderr.match(/^error: /gm)).toHaveLength(1);
  expect(stderr).not.toMatch(/Warning|\bat .*\.js:|\bundefined\b|\[object|a bug in this program/);
}

/** The `SHA256SUMS` of a bundle that has this `bundle.json`. */
async function sumsOf(bundle: string, bundleJson: string): Promise<string> {
  const sums = await readFile(`${bundle}/SHA256SUMS`, "utf8");
  const digest = digestOf(Buffer.from(bundleJson)).slice("sha256:".length);
  return sums.replace(/^\S+(?= +bundle\.json$)/m, digest);
}

async function contentOf(blob: (typeof WEB.blobs)[number] | undefined): Promise<Buffer> {
  const { size = 0 } = blob?.content ?? {};
  return Buffer.concat((await blob?.content.open(0, size).toArray()) ?? []);
}

async function flipByte(path: string, at: number): Promise<void> {
  await using file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, at);
}
