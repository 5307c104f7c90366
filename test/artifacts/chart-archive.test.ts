import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readChart } from "../../src/artifacts/chart-archive.ts";
import { chartPlaceOf } from "../../src/artifacts/chart-place.ts";
import { packChart } from "../../src/artifacts/pack-chart.ts";
import { type LayerFiles, layerTar, storedGzip } from "../../src/demo/layer-archive.ts";
import { isRepositoryName, parseReference } from "../../src/oci/reference.ts";
import { chartArchive } from "../support/charts.ts";

const archiveOf = (files: LayerFiles) => storedGzip(layerTar(files));

const configOf = async (archive: Buffer) => {
  const { metadata } = await readChart(archive, "chart");
  const file = { bytes: archive, address: "https://repo.test/x.tgz" };
  const { contents } = packChart({ metadata, archive: file, namedBy: "https://repo.test" });
  const [, config] = contents;
  return config?.kind === "text" ? JSON.parse(config.text) : undefined;
};

describe("readChart()", () => {
  test.each([
    ["what is not compressed", layerTar({ "x/Chart.yaml": "name: x" }), "it is not gzip"],
    ["what is no tar", gzipSync("no tar at all".repeat(100)), "it is not a readable tar archive"],
    ["nothing", Buffer.alloc(0), "it is not gzip"],
    ["an archive without a chart", archiveOf({ "x/y": "" }), "it has no Chart.yaml"],
    ["a Chart.yaml that is none", archiveOf({ "x/Chart.yaml": "- 1" }), "its Chart.yaml is no map"],
    ["a Chart.yaml without a name", archiveOf({ "x/Chart.yaml": "version: 1" }), "has no name"],
    [
      "a key given twice",
      archiveOf({ "x/Chart.yaml": "name: x\nversion: 1.0.0\nname: y" }),
      "it is not YAML",
    ],
    [
      "what expands to more than Helm takes",
      gzipSync(Buffer.alloc(101 * 1024 * 1024)),
      "it expands to more than",
    ],
    [
      "a file larger than Helm takes",
      gzipSync(layerTar({ "x/values.yaml": Buffer.alloc(6 * 1024 * 1024) })),
      "is larger than",
    ],
  ])("refuses %s", async (_what, bytes, reason) => {
    await expect(readChart(bytes, "chart")).rejects.toMatchObject({
      code: "CONTENT_INVALID",
      message: expect.stringContaining(reason),
    });
  });

  test("reads what lies in a directory of any name, and no path that leads out of it", async () => {
    const { metadata, files } = await readChart(
      archiveOf({
        "./any/Chart.yaml": "name: x\nversion: 1.0.0",
        "any/../../values.yaml": "a: 1",
        "/etc/values.yaml/../x": "",
      }),
      "chart",
    );
    expect(metadata).toMatchObject({ name: "x", version: "1.0.0" });
    expect([...files.keys()]).toEqual(["Chart.yaml"]);
  });
});

describe("packChart()", () => {
  test("writes the fields that Helm knows, as texts, and leaves out the others", async () => {
    const chart = "appVersion: 1.10\ndeprecated: true\nicon: ''\nunknown: 1\nkeywords: []\n";
    expect(await configOf(chartArchive({ chart }))).toEqual({
      name: "nginx",
      version: "1.2.3",
      apiVersion: "v2",
      appVersion: "1.1",
      deprecated: true,
    });
  });

  test("takes the dependencies of a chart of Helm 2 from their own file", async () => {
    const dependency = { name: "redis", version: "7", repository: "https://repo.test" };
    const config = await configOf(
      archiveOf({
        "x/Chart.yaml": "name: x\nversion: 1.0.0",
        "x/requirements.yaml": JSON.stringify({ dependencies: [dependency] }),
      }),
    );
    expect(config).toEqual({
      name: "x",
      version: "1.0.0",
      apiVersion: "v1",
      dependencies: [dependency],
    });
  });
});

describe("chartPlaceOf()", () => {
  test.each([
    ["https://repo.test/charts", "nginx", "repo.test/charts/nginx"],
    ["https://repo.test", "nginx", "repo.test/nginx"],
    ["http://127.0.0.1:8080/a/b", "nginx", "127.0.0.1:8080/a/b/nginx"],
    ["https://charts/stable", "nginx", "charts:443/stable/nginx"],
    ["http://charts/stable", "nginx", "charts:80/stable/nginx"],
    ["https://repo.test/~ada/My%20Charts/", "Nginx_2", "repo.test/ada/my-20charts/nginx_2"],
    ["https://repo.test/a..b/c--d/_e_", "n.x", "repo.test/a-b/c--d/e/n.x"],
  ])("calls the chart of %s and %s %s, which is a reference", (address, name, expected) => {
    const { registry, repository } = chartPlaceOf(address, name);
    expect(`${registry}/${repository}`).toBe(expected);
    expect(isRepositoryName(repository)).toBe(true);
    expect(parseReference(expected)).toEqual({ registry, repository });
  });
});
