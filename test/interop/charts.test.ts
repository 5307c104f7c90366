import { mkdir, readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { type ChartServer, chartArchive, chartIndex, startChartServer } from "../support/charts.ts";
import { runMirror } from "../support/cli.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { type ProcessResult, runProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool, useTool } from "../support/tool.ts";

const TEXT = "what a plant wants to have\n";

const CHART = `description: "A <b>chart</b> & more, ünï"
home: https://example.test
appVersion: 1.10
keywords: [a, b]
sources: [https://example.test/x, https://example.test/y]
maintainers:
- name: Ada
  email: ada@example.test
- name: Bob
kubeVersion: ">=1.20.0-0"
dependencies:
- name: redis
  version: 7.x.x
  repository: https://charts.test
  condition: redis.enabled
  tags: [cache]
  import-values: [x, {parent: b, child: a}]
  alias: store
annotations:
  zeta: "1"
  alpha: 'two <x>'
type: application
`;

const ARCHIVE = chartArchive({
  version: "1.2.3+up1",
  chart: CHART,
  files: { "charts/redis/Chart.yaml": "apiVersion: v2\nname: redis\nversion: 7.0.0\n" },
});

let directory: TempDirectory;
let charts: ChartServer;

beforeAll(async () => {
  directory = await openTempDirectory();
  const file = "nginx-1.2.3+up1.tgz";
  charts = await startChartServer({
    [`/stable/${file}`]: ARCHIVE,
    "/stable/index.yaml": chartIndex([
      { name: "nginx", version: "1.2.3+up1", archive: ARCHIVE, urls: [file] },
    ]),
  });
  await writeFile(directory.resolve(file), ARCHIVE);
  await writeFile(directory.resolve("setup.iso"), TEXT);
  await mirror(
    ...["pull", "./bundle", "--include-chart", `http://${charts.host}/stable#nginx`],
    ...["--include-file", "./setup.iso:tools/setup:1.0"],
  );
});

afterAll(async () => {
  await charts?.[Symbol.asyncDispose]();
  await directory?.[Symbol.asyncDispose]();
});

useTool("oras", "tar").test(
  "a file is taken out of an unpacked files.tar without a registry",
  async () => {
    const [layouts, out] = [directory.resolve("layouts"), directory.resolve("taken")];
    await mkdir(layouts);
    await run("tar", "-xf", directory.resolve("bundle", "files.tar"), "-C", layouts);
    await run("oras", "pull", "--oci-layout", `${layouts}/tools/setup:1.0`, "--output", out);
    expect(await readFile(`${out}/setup.iso`, "utf8")).toBe(TEXT);
  },
);

requireTool("skopeo").test("skopeo finds a chart in artifacts.tar by its name", async () => {
  const archive = directory.resolve("bundle", "artifacts.tar");
  const name = `${charts.host}/stable/nginx:1.2.3_up1`;
  await run("skopeo", "inspect", "--raw", `oci-archive:${archive}:${name}`);
});

requireTool("docker-registry").describe("with a docker-registry", () => {
  let registry: DockerRegistry;

  beforeAll(async () => {
    registry = await startDockerRegistry();
    await mirror("push", "./bundle", `${registry.host}/ours`);
  });

  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
  });

  describeTools(() => registry.host);
});

describe("with the embedded registry", () => {
  let registry: EmbeddedRegistry;

  beforeAll(async () => {
    registry = await openEmbeddedRegistry();
    await mirror("push", "./bundle", `${registry.host}/ours`);
  });

  afterAll(async () => {
    await registry?.close();
  });

  describeTools(() => registry.host);
});

/** Neither program is a package of Debian: where they are installed, they are asked. */
function describeTools(host: () => string): void {
  const place = () => `ours/${charts.host.replace(":", "-")}/stable/nginx`;
  const { test: helm } = useTool("helm");
  const { test: oras } = useTool("oras");

  helm(
    "a chart is what helm push makes of it, but for the time, and helm pull takes it",
    async () => {
      const archive = directory.resolve("nginx-1.2.3+up1.tgz");
      await run("helm", "push", archive, `oci://${host()}/theirs`, "--plain-http");
      const theirs = await manifestOf(host(), "theirs/nginx", "1.2.3_up1");
      const ours = await manifestOf(host(), place(), "1.2.3_up1");
      expect(ours).toBe(theirs.replace(/"org\.opencontainers\.image\.created":"[^"]*",/, ""));
      const out = directory.resolve(`out-${host().replace(":", "-")}`);
      await mkdir(out);
      await run(
        ...["helm", "pull", `oci://${host()}/${place()}`, "--version", "1.2.3+up1"],
        ...["--plain-http", "--destination", out],
      );
      expect(await readFile(`${out}/nginx-1.2.3+up1.tgz`)).toEqual(ARCHIVE);
    },
  );

  oras("a file is taken out by oras pull under its name", async () => {
    const out = directory.resolve(`files-${host().replace(":", "-")}`);
    await run("oras", "pull", `${host()}/ours/tools/setup:1.0`, "--plain-http", "--output", out);
    expect(await readFile(`${out}/setup.iso`, "utf8")).toBe(TEXT);
  });

  test("both are there with all that they point at", async () => {
    for (const [repository, tag] of [
      [place(), "1.2.3_up1"],
      ["ours/tools/setup", "1.0"],
    ] as const) {
      const { config, layers } = JSON.parse(await manifestOf(host(), repository, tag));
      for (const { digest, size } of [config, ...layers]) {
        const url = `http://${host()}/v2/${repository}/blobs/${digest}`;
        expect((await (await fetch(url)).arrayBuffer()).byteLength).toBe(size);
      }
    }
  });
}

async function manifestOf(host: string, repository: string, tag: string): Promise<string> {
  const headers = { accept: "application/vnd.oci.image.manifest.v1+json" };
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers });
  expect(answer.status).toBe(200);
  return await answer.text();
}

async function mirror(...args: readonly string[]): Promise<void> {
  expectDone(await runMirror(args, { cwd: directory.path }));
}

async function run(...words: readonly string[]): Promise<void> {
  const [program = "", ...args] = words;
  const home = directory.resolve("home");
  const env = { ...process.env, HOME: home, HELM_REGISTRY_CONFIG: `${home}/registry.json` };
  expectDone(await runProcess(program, args, { cwd: directory.path, env }));
}

function expectDone(result: ProcessResult): void {
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
}
