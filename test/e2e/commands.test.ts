import { existsSync } from "node:fs";
import { open, readFile, rm, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { seedCatalogue } from "../../src/demo/catalogue.ts";
import type { PullPlanReport, Receipt } from "../../src/index.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

/** The whole way: a source with modules, an empty target, a directory, and the program between them. */
async function openWay() {
  const source = await openEmbeddedRegistry();
  const target = await openEmbeddedRegistry();
  const directory = await openTempDirectory();
  seedCatalogue(source);
  const env = { HOME: directory.path, DOCKER_CONFIG: directory.path };
  return {
    bundle: directory.resolve("bundle"),
    receipt: directory.resolve("receipt.json"),
    resolve: directory.resolve,
    from: ["--source", `${source.host}/acme`, "-i", "foo@=v1.3.0"],
    sourceHost: source.host,
    target: `${target.host}/repo`,
    mirror: (words: readonly string[], { input = "", more = {} } = {}) =>
      runInProcess(words, { env: { ...env, ...more }, input }),
    async [Symbol.asyncDispose]() {
      await source.close();
      await target.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** `openWay` with a bundle that is pulled already. */
async function openPulled() {
  const way = await openWay();
  const { status, stderr } = await way.mirror(["pull", way.bundle, ...way.from, "-c", "0.001"]);
  expect(stderr).toContain("finished module-foo");
  expect(status).toBe(0);
  return way;
}

async function damage(path: string, position: number): Promise<void> {
  await using file = await open(path, "r+");
  await file.write(Buffer.from("damaged"), 0, 7, position);
}

const linesOf = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("mirror plan", () => {
  test("prints packages, bytes and free space, and writes nothing", async () => {
    await using way = await openWay();
    const { status, stdout } = await way.mirror(["plan", way.bundle, ...way.from]);
    expect(stdout).toMatch(/^module-foo +\d+ +1 +\d/m);
    expect(stdout).toMatch(/^to fetch +\d/m);
    expect(status).toBe(0);
    expect(existsSync(way.bundle)).toBe(false);
  });

  test("is also pull --dry-run, with the same JSON", async () => {
    await using way = await openWay();
    // Without what the first of them would keep for the second
    const words = [way.bundle, ...way.from, "--json", "--no-cache"];
    const plan = await way.mirror(["plan", ...words]);
    const dryRun = await way.mirror(["pull", ...words, "--dry-run"]);
    const withoutFree = (text: string) => ({ ...JSON.parse(text), freeBytes: 0 });
    expect(withoutFree(dryRun.stdout)).toEqual(withoutFree(plan.stdout));
    expect(withoutFree(plan.stdout)).toMatchObject({ schemaVersion: 1 });
  });

  test("lists all notices in its JSON, also those about the flags themselves", async () => {
    await using way = await openWay();
    const flags = ["--no-modules", "-i", "foo", "--skip-vex-images", "--json"];
    const { stdout, stderr } = await way.mirror(["plan", way.bundle, ...way.from, ...flags]);
    const { notices } = JSON.parse(stdout) as PullPlanReport;
    const codes = notices.map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining(["NO_MODULES_IGNORED", "VEX_SKIPPED"]));
    expect(codes).toContain("COMPONENTS_MISSING");
    for (const { message } of notices) expect(stderr.split(message)).toHaveLength(2);
  });

  test("takes flags from the environment and the configuration file", async () => {
    await using way = await openWay();
    const config = way.resolve("mirror.json");
    await writeFile(config, JSON.stringify({ source: way.from[1], "include-module": ["bar"] }));
    const more = { MIRROR_CONFIG: config, MIRROR_INCLUDE_MODULE: "foo@=v1.3.0;console@=bobV1" };
    const { stdout } = await way.mirror(["plan", way.bundle, "--json"], { more });
    const names = JSON.parse(stdout).packages.map((one: { name: string }) => one.name);
    expect(names).toEqual(["module-console", "module-foo"]);
  });
});

describe("mirror pull", () => {
  test("prints its summary on stdout and its progress on stderr", async () => {
    await using way = await openWay();
    const { stdout, stderr } = await way.mirror(["pull", way.bundle, ...way.from]);
    expect(stdout).toContain(`The bundle "${way.bundle}" is complete`);
    expect(stderr).toMatch(/^planned \d+ images in 1 package/m);
    expect(stderr).toMatch(/^finished module-foo: 1 file/m);
  });

  test("prints events and the summary as lines with --progress json", async () => {
    await using way = await openWay();
    const words = ["pull", way.bundle, ...way.from, "--progress", "json"];
    const { stdout, stderr } = await way.mirror(words);
    const lines = linesOf(stdout);
    expect(lines.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["resolving", "planned", "blob-finished", "package-finished"]),
    );
    expect(lines.at(-1)).toMatchObject({ type: "result", schemaVersion: 1, complete: true });
    expect(stderr).toBe("");
  });

  test("reads images from stdin, with comments", async () => {
    await using way = await openWay();
    const input = `# the web\n${way.sourceHost}/acme/web@^2.1   # all of them\n\n`;
    const words = ["pull", way.bundle, "--images-from", "-", "--progress", "none", "--json"];
    const { stdout, stderr } = await way.mirror(words, { input });
    const { manifest } = JSON.parse(stdout);
    expect(manifest.packages.map((one: { name: string }) => one.name)).toEqual(["images"]);
    expect(stderr).toBe("");
  });

  test("tells that a login without a source is not used", async () => {
    await using way = await openWay();
    const words = ["plan", "--include-image", `${way.sourceHost}/acme/web:v2.1.0`];
    const login = ["--source-login", "ada", "--source-password-stdin"];
    const { stderr } = await way.mirror([...words, ...login], { input: "secret" });
    expect(stderr).toContain("notice: The login is for --source");
    expect(stderr).not.toContain("secret");
  });

  test("refuses a complete bundle with status 2 and an unknown module with 11", async () => {
    await using way = await openPulled();
    const again = await way.mirror(["pull", way.bundle, ...way.from]);
    expect(again.stderr).toContain("hint: Use --force");
    expect(again.status).toBe(2);
    const unknown = await way.mirror(["plan", ...way.from, "-i", "fooo"]);
    expect(unknown.stderr).toContain('"foo"');
    expect(unknown.status).toBe(11);
  });
});

describe("mirror inspect", () => {
  test("draws the bundle, or prints it as JSON", async () => {
    await using way = await openPulled();
    const drawn = await way.mirror(["inspect", way.bundle]);
    expect(drawn.stdout).toMatch(/^module-foo \(module, /m);
    expect(drawn.stdout).toMatch(/^ {4}modules\/foo:v1\.3\.0 {2}/m);
    const { stdout } = await way.mirror(["inspect", way.bundle, "--json"]);
    expect(JSON.parse(stdout).packages[0].name).toBe("module-foo");
  });

  test("ends with 21 for a directory that is no bundle", async () => {
    await using way = await openWay();
    expect((await way.mirror(["inspect", way.resolve(".")])).status).toBe(21);
  });
});

describe("mirror verify", () => {
  test("ends with 0 for a good bundle", async () => {
    await using way = await openPulled();
    const { status, stdout } = await way.mirror(["verify", way.bundle]);
    expect(stdout).toContain("is complete and undamaged");
    expect(status).toBe(0);
  });

  test("ends with the status of the first problem", async () => {
    await using way = await openPulled();
    await damage(`${way.bundle}/module-foo.tar.0001.chunk`, 500_000);
    const damaged = await way.mirror(["verify", way.bundle, "--json"]);
    expect(JSON.parse(damaged.stdout).problems[0].code).toBe("CONTENT_MISMATCH");
    expect(damaged.status).toBe(20);
    await rm(`${way.bundle}/module-foo.tar.0001.chunk`);
    const missing = await way.mirror(["verify", way.bundle]);
    expect(missing.stdout).toMatch(/^module-foo\.tar\.0001\.chunk: .*missing/m);
    expect(missing.status).toBe(21);
  });
});

describe("mirror push", () => {
  test("pushes, writes the receipt and sends nothing the second time", async () => {
    await using way = await openPulled();
    const words = ["push", way.bundle, way.target, "--receipt", way.receipt];
    const first = await way.mirror(words);
    expect(first.stdout).toContain(`Pushed to ${way.target}`);
    expect(first.status).toBe(0);
    const receipt: Receipt = JSON.parse(await readFile(way.receipt, "utf8"));
    expect(receipt).toMatchObject({ schemaVersion: 1, complete: true, failures: [] });
    expect(receipt.images.map(({ tag }) => tag)).toContain("v1.3.0");
    const second = await way.mirror([...words, "--json"]);
    expect(JSON.parse(second.stdout).totals.sentBytes).toBe(0);
  });

  test("prints with --dry-run what goes where, and sends nothing", async () => {
    await using way = await openPulled();
    const words = ["push", way.bundle, "127.0.0.1:1/repo", "--receipt", way.receipt, "--dry-run"];
    const { status, stdout } = await way.mirror(words);
    expect(stdout).toMatch(/^modules\/foo:v1\.3\.0 {2}[0-9a-f]{12}$/m);
    expect(stdout).toContain("to push to 127.0.0.1:1/repo: ");
    expect(status).toBe(0);
    expect(existsSync(way.receipt)).toBe(false);
    const { images } = JSON.parse((await way.mirror([...words, "--json"])).stdout);
    expect(images[0]).toMatchObject({ repository: "modules/foo" });
  });

  test("pushes the packages that --file names, without a bundle", async () => {
    await using way = await openWay();
    await way.mirror(["pull", way.bundle, ...way.from, "-i", "bar"]);
    const files = ["foo", "bar"].map((name) => `--file=${way.bundle}/module-${name}.tar`);
    const { status, stderr } = await way.mirror([
      ...["push", ...files, way.target, "--receipt", way.receipt],
    ]);
    expect([status, stderr]).toEqual([0, stderr]);
    const receipt: Receipt = JSON.parse(await readFile(way.receipt, "utf8"));
    const whole = await way.mirror(["push", way.bundle, way.target, "--receipt", way.receipt]);
    expect(whole.status).toBe(0);
    const complete: Receipt = JSON.parse(await readFile(way.receipt, "utf8"));
    const tagsOf = ({ images: list }: Receipt) =>
      list.map(({ repository, tag }) => `${repository}:${tag}`).sort();
    expect(tagsOf(receipt)).toEqual(tagsOf(complete));
    expect(complete.totals.sentBytes).toBe(0);
  });

  test("sends nothing of the good files when one of them cannot be read", async () => {
    await using way = await openPulled();
    await writeFile(way.resolve("broken.tar"), "this is no tar");
    const files = [
      `--file=${way.bundle}/module-foo.tar.0000.chunk`,
      "--file",
      way.resolve("broken.tar"),
    ];
    const { status, stderr } = await way.mirror(["push", ...files, "127.0.0.1:1/repo"]);
    expect(stderr).toContain("broken.tar");
    expect(status).toBe(22);
  });

  test("prints the receipt as the last line with --progress json", async () => {
    await using way = await openPulled();
    const words = ["push", way.bundle, way.target, "--receipt", way.receipt, "--progress=json"];
    const lines = linesOf((await way.mirror(words)).stdout);
    expect(lines[0]).toMatchObject({ type: "opened" });
    expect(lines.at(-1)).toEqual({
      type: "result",
      ...JSON.parse(await readFile(way.receipt, "utf8")),
    });
  });

  test("keeps the password to itself", async () => {
    await using way = await openPulled();
    const words = ["push", way.bundle, way.target, "--receipt", way.receipt, "--debug"];
    const login = ["-u", "ada", "--registry-password-stdin"];
    const { status, stdout, stderr } = await way.mirror([...words, ...login], {
      input: "geheim\n",
    });
    expect(status).toBe(0);
    expect(stdout + stderr + (await readFile(way.receipt, "utf8"))).not.toContain("geheim");
  });

  test("ends with 14 when nobody answers", async () => {
    await using way = await openPulled();
    const words = ["push", way.bundle, "127.0.0.1:1/repo", "--receipt", way.receipt];
    const { status, stderr } = await way.mirror([...words, "--retry-timeout", "0"]);
    expect(stderr).toMatch(/^error: Cannot reach "127\.0\.0\.1:1"/m);
    expect(status).toBe(14);
  });
});

describe("mirror demo", () => {
  test("goes the whole way and says so", async () => {
    await using way = await openWay();
    const { status, stdout } = await way.mirror(["demo", "--directory", way.resolve("demo")]);
    expect(stdout).toContain("$ mirror pull ./bundle");
    expect(stdout).toContain("What was planned is in the target");
    expect(status).toBe(0);
    expect(existsSync(way.resolve("demo/bundle/bundle.json"))).toBe(true);
  });
});
