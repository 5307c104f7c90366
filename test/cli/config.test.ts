import { mkdir, readFile, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { listFiles } from "../e2e/support/bundle-directory.ts";
import { image, seed } from "../support/artifacts.ts";
import { eachTest } from "../support/fixture.ts";
import { runInProcess } from "../support/run-cli.ts";
import { MARKER } from "../support/secrets.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const directory = eachTest(openTempDirectory);
const source = eachTest(openEmbeddedRegistry);

beforeEach(async () => {
  seed(source, "acme/web", { v1: image() });
  seed(source, "acme/api", { v1: image({ name: "api" }) });
});

describe("mirror pull with a file that lists bundles", () => {
  test("makes all of them, each with its own selection", async () => {
    await write(bundlesOf("acme/web", "acme/api"));
    const { status, stdout, stderr } = await pull();
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/one {2}done\n.*two {2}done\n$/);
    expect(await selectionOf("one")).toEqual([`${source.host}/acme/web:v1`]);
    expect(await selectionOf("two")).toEqual([`${source.host}/acme/api:v1`]);
  });

  test("goes on with the others when one fails, names it, and ends with status 3", async () => {
    await write(bundlesOf("acme/missing", "acme/api"));
    const { status, stdout, stderr } = await pull();
    expect(status).toBe(3);
    expect(stderr).toMatch(/bundle ".*one"\nerror: .*acme\/missing/s);
    expect(stdout).toMatch(/one {2}failed with status 11\n.*two {2}done\n$/);
    expect(Object.keys(await listFiles(path("two")))).toContain("bundle.json");
  });

  test("prints one document with the report of each, or what it failed of", async () => {
    await write(bundlesOf("acme/missing", "acme/api"));
    const { status, stdout } = await pull("--json");
    expect(status).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      mediaType: "application/vnd.airgap-mirror.runs.v1+json",
      complete: false,
      runs: [
        { bundle: path("one"), status: 11, report: { error: { code: "SELECTION_UNMATCHED" } } },
        { bundle: path("two"), status: 0, report: { complete: true } },
      ],
    });
  });

  test("makes the one that is named, with what the file says of it", async () => {
    await write(bundlesOf("acme/web", "acme/api"));
    const { status, stderr } = await runInProcess([
      "pull",
      path("two"),
      "--config",
      path("m.yaml"),
    ]);
    expect(status, stderr).toBe(0);
    expect(await selectionOf("two")).toEqual([`${source.host}/acme/api:v1`]);
    await expect(readFile(`${path("one")}/bundle.json`)).rejects.toThrow(/ENOENT/);
  });

  test("refuses one that it does not list", async () => {
    await write(bundlesOf("acme/web", "acme/api"));
    const { status, stderr } = await runInProcess(["pull", path("x"), "--config", path("m.yaml")]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/has no bundle ".*x"\nhint: Name one of .*one, .*two/);
  });

  test("plans all of them too, and writes the lock that each names", async () => {
    await write(bundlesOf("acme/web", "acme/api", `    out: ${path("two.json")}\n`));
    const { status, stderr } = await runInProcess(["plan", "--config", path("m.yaml")]);
    expect(status, stderr).toBe(0);
    expect(JSON.parse(await readFile(path("two.json"), "utf8"))).toMatchObject({ packages: [{}] });
  });

  test.each([
    ["--out", ["plan", "--out", "x.json"], /Cannot use --out for several bundles/],
    ["a secret on stdin", ["pull", "--license-stdin"], /Cannot use --license-stdin for several/],
  ])("refuses %s for all of them", async (_, words, message) => {
    await write(bundlesOf("acme/web", "acme/api"));
    const { status, stderr } = await runInProcess([...words, "--config", path("m.yaml")]);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  test("sends no login of one source to another", async () => {
    const env = { MIRROR_SOURCE_LOGIN: "ada", MIRROR_SOURCE_PASSWORD: MARKER };
    await write(
      `bundles:\n  - {bundle: ${path("one")}, source: a.test/x}\n  - {bundle: ${path("two")}, source: b.test/x}\n`,
    );
    const { status, stderr } = await runInProcess(["pull", "--config", path("m.yaml")], { env });
    expect(stderr).toMatch(
      /Cannot use --source-login for several bundles: it would be sent to a\.test and b\.test/,
    );
    expect(status).toBe(2);
  });

  test("takes flags of the command line for all, above what the file says", async () => {
    await write(`concurrency: 1\n${bundlesOf("acme/web", "acme/api")}`);
    const { status, stderr } = await pull("-c", "3KB");
    expect(status, stderr).toBe(0);
    expect(Object.keys(await listFiles(path("one")))).toContain("images.tar.0000.chunk");
  });
});

test("mirror pull without a bundle and without a file that lists some says what is missing", async () => {
  await write("concurrency: 1\n");
  const { status, stderr } = await pull();
  expect(stderr).toMatch(/Argument missing: mirror pull <bundle>/);
  expect(status).toBe(2);
});

describe("mirror config check", () => {
  test("says what the file would do, asks nobody and shows no secret", async () => {
    await source.close();
    await write(
      `source-password: \${SECRET}\nsource-login: ada\n${bundlesOf("acme/web", "acme/api")}`,
    );
    const words = ["config", "check", path("m.yaml")];
    const { status, stdout, stderr } = await runInProcess(words, { env: { SECRET: MARKER } });
    expect(status, stderr).toBe(0);
    expect(stdout).toContain(`mirror pull ${path("one")}\n`);
    expect(stdout).toContain(`images: ${source.host}/acme/web:v1`);
    // Without a source nothing of one is taken
    expect(stdout).not.toMatch(/platform|modules/);
    expect(stdout).toMatch(
      /for all: source-password, source-login\n".*" is in order: 2 bundles\.\n$/,
    );
    const json = await runInProcess([...words, "--json"], { env: { SECRET: MARKER } });
    expect(JSON.parse(json.stdout)).toMatchObject({
      settings: { "source-password": "***", "source-login": "ada" },
      bundles: [{ bundle: path("one"), selection: { images: [{}] } }, {}],
    });
  });

  test("tells all that is wrong with the bundles at once", async () => {
    await write(
      `bundles:\n  - {bundle: a, include-image: "x y"}\n  - {bundle: b, rps: "-1", include-image: x}\n`,
    );
    const { status, stderr } = await runInProcess(["config", "check", path("m.yaml")]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/a: .*\n.*b: Cannot use --rps/);
  });

  test("names line and column of what cannot be read", async () => {
    await write("concurrency: 1\nsorce: x\n");
    const { status, stderr } = await runInProcess(["config", "check", path("m.yaml")]);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /m\.yaml", line 2, column 1: unknown key "sorce"\nhint: Did you mean .*source/,
    );
  });

  test.each([[["config", "check"]], [["config", "burn", "x"]]])("refuses %j", async (words) => {
    expect((await runInProcess(words)).status).toBe(2);
  });
});

const path = (name: string) => directory.resolve(name);
const pull = (...flags: string[]) => runInProcess(["pull", "--config", path("m.yaml"), ...flags]);

function bundlesOf(first: string, second: string, more = ""): string {
  const one = `  - bundle: ${path("one")}\n    include-image: ${source.host}/${first}:v1\n`;
  const two = `  - bundle: ${path("two")}\n    include-image: ${source.host}/${second}:v1\n`;
  return `bundles:\n${one}${two}${more}`;
}

async function write(text: string): Promise<void> {
  await mkdir(directory.path, { recursive: true });
  await writeFile(path("m.yaml"), text);
}

async function selectionOf(bundle: string): Promise<string[]> {
  const { packages } = JSON.parse(await readFile(`${path(bundle)}/bundle.json`, "utf8"));
  return packages.flatMap((one: { layouts: { images: { source: string }[] }[] }) =>
    one.layouts.flatMap(({ images }) => images.map((found) => found.source)),
  );
}
