import { readFile, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openServer } from "../../src/serve/open-server.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { entriesOf } from "../bundle/support/sample-bundle.ts";
import { image, seed } from "../support/artifacts.ts";
import { type ChartServer, chartArchive, chartIndex, startChartServer } from "../support/charts.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

let directory: TempDirectory;
let registry: EmbeddedRegistry;
let charts: ChartServer;

beforeEach(async () => {
  directory = await openTempDirectory();
  registry = await openEmbeddedRegistry();
  seed(registry, "acme/web", { "1.0": image({ name: "web" }) });
  const archive = chartArchive({
    chart: `annotations:\n  artifacthub.io/images: |\n    - image: ${registry.host}/acme/web:1.0\n`,
    values: "sidecar: { image: sidecar.test/acme/sidecar:2 }\n",
  });
  charts = await startChartServer({
    "/stable/nginx-1.2.3.tgz": archive,
    "/stable/index.yaml": chartIndex([{ name: "nginx", version: "1.2.3", archive }]),
  });
  await writeFile(directory.resolve("setup.iso"), "what a plant wants to have\n");
});

afterEach(async () => {
  await charts[Symbol.asyncDispose]();
  await registry.close();
  await directory[Symbol.asyncDispose]();
});

const chart = () => `http://${charts.host}/stable#nginx`;
const place = () => `${charts.host.replace(":", "-")}/stable/nginx`;
const file = () => `${directory.resolve("setup.iso")}:tools/setup:1.0`;

async function mirror(...words: readonly string[]) {
  const env = { HOME: directory.path, DOCKER_CONFIG: directory.path };
  return await runInProcess(words, { env });
}

const bundle = () => directory.resolve("bundle");

/** A bundle with the chart, its image and the file. */
async function pullAll(): Promise<void> {
  const flags = ["--include-chart", chart(), "--chart-images", "--include-file", file()];
  expect(await mirror("pull", bundle(), ...flags)).toMatchObject({ status: 0 });
}

describe("charts and files on the command line", () => {
  test("are chosen by flags, by variables and by lists of a configuration file in the same way", async () => {
    const config = directory.resolve("config.json");
    const chosen = { "include-chart": [chart()], "chart-images": true, "include-file": [file()] };
    await writeFile(config, JSON.stringify(chosen));
    const { stdout: byConfig } = await mirror("plan", "--config", config, "--json");
    const flags = [
      "--include-chart",
      chart().replace("#", " "),
      "--chart-images",
      "--include-file",
    ];
    const { stdout: byFlags } = await mirror("plan", ...flags, file(), "--json");
    const env = {
      HOME: directory.path,
      MIRROR_INCLUDE_CHART: chart(),
      MIRROR_CHART_IMAGES: "true",
      MIRROR_INCLUDE_FILE: file(),
    };
    const { stdout: byVariables } = await runInProcess(["plan", "--json"], { env });
    const packagesOf = (text: string) => (JSON.parse(text) as { packages: unknown[] }).packages;
    expect(packagesOf(byConfig)).toHaveLength(3);
    expect(packagesOf(byFlags)).toEqual(packagesOf(byConfig));
    expect(packagesOf(byVariables)).toEqual(packagesOf(byConfig));
  });

  test("--chart-images alone takes no word behind it for its value", async () => {
    const { status } = await mirror("plan", "--include-chart", chart(), "--chart-images", bundle());
    expect(status).toBe(0);
    const wrong = await mirror("plan", "--include-chart", chart(), "--chart-images=all", bundle());
    expect(wrong).toMatchObject({ status: 2, stderr: expect.stringContaining("named, guess") });
  });

  test("plan lists each with its bytes, and every image that a chart names with its place", async () => {
    const flags = ["--include-chart", chart(), "--chart-images", "--include-file", file()];
    const { status, stdout, stderr } = await mirror("plan", ...flags);
    expect(status).toBe(0);
    for (const name of ["artifacts", "files", "images"])
      expect(stdout).toMatch(RegExp(`^${name} `, "m"));
    expect(stdout).toContain(
      `${registry.host}/acme/web:1.0  taken  (Chart.yaml: artifacthub.io/images)`,
    );
    expect(stdout).toContain(
      "sidecar.test/acme/sidecar:2  not taken: it is a guess  (values.yaml: sidecar.image)",
    );
    expect(stderr).toContain("--chart-images=guess takes them");
  });

  test("inspect says what each is", async () => {
    await pullAll();
    const { stdout } = await mirror("inspect", bundle());
    expect(stdout).toMatch(RegExp(`${place()}:1\\.2\\.3 +chart `));
    expect(stdout).toMatch(/tools\/setup:1\.0 +file /);
  });

  test("serve gives them under the paths that a push gives them", async () => {
    await pullAll();
    await using server = await openServer({ bundlePaths: [bundle()], port: 0 });
    for (const path of [`${place()}/manifests/1.2.3`, "tools/setup/manifests/1.0"]) {
      const answer = await fetch(`${server.url}/v2/${path}`);
      const { layers } = (await answer.json()) as { layers: { digest: string; size: number }[] };
      const [layer] = layers;
      const repository = path.replace(/\/manifests.*/, "");
      const blob = await fetch(`${server.url}/v2/${repository}/blobs/${layer?.digest}`);
      expect((await blob.arrayBuffer()).byteLength).toBe(layer?.size);
    }
  });

  test("client-config asks nobody to take images from the host of a chart", async () => {
    await pullAll();
    const flags = ["--bundle", bundle(), "--mirror", "http://mirror.lan"];
    const { stdout } = await mirror("client-config", "containerd", ...flags, "--json");
    expect(stdout).not.toContain(charts.host);
  });

  test("export leaves out what a runtime cannot run and says so; a layout has it all", async () => {
    await pullAll();
    const out = directory.resolve("k3s.tar");
    const k3s = await mirror("export", "k3s", bundle(), "--out", out, "--json");
    const report = JSON.parse(k3s.stdout) as { images: unknown[]; notices: { code: string }[] };
    expect(report.images).toHaveLength(1);
    expect(report.notices.map(({ code }) => code)).toEqual(["NOT_RUNNABLE", "NOT_RUNNABLE"]);
    const whole = directory.resolve("all.tar");
    const all = await mirror("export", "oci-archive", bundle(), "--out", whole, "--json");
    expect((JSON.parse(all.stdout) as { images: unknown[] }).images).toHaveLength(3);
    const entries = await entriesOf(await readFile(whole));
    expect(entries.length).toBeGreaterThan(8);
  });

  test("two values for a chart are refused with the form that is one", async () => {
    const [repository = "", name = ""] = chart().split("#");
    const { status, stderr } = await mirror("plan", "--include-chart", repository, name);
    expect(status).toBe(2);
    expect(stderr).toContain("https://repository#name");
  });
});
