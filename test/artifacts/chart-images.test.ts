import { describe, expect, test } from "vitest";
import { readChart } from "../../src/artifacts/chart-archive.ts";
import { findChartImages } from "../../src/artifacts/chart-images.ts";
import { findValueImages } from "../../src/artifacts/value-images.ts";
import { type ChartOptions, chartArchive } from "../support/charts.ts";

async function imagesOf(options: ChartOptions) {
  const found = await findChartImages(await readChart(chartArchive(options), "chart"), "chart");
  return { ...found, lines: found.images.map((one) => `${one.basis} ${one.image} (${one.place})`) };
}

const ANNOTATED = `annotations:
  artifacthub.io/images: |
    - name: web
      image: ghcr.io/acme/web:1.0
    - name: sidecar
      image: ghcr.io/acme/sidecar@sha256:${"a".repeat(64)}
  helm.sh/images: |
    - docker.io/acme/job:2
  images: |
    - image: docker.io/acme/tool:3
      name: tool
`;

const MANY_VALUES = JSON.stringify(Array.from({ length: 11_000 }, () => ({}))).replace(
  /^.*$/s,
  '{"a": $&}',
);

describe("findChartImages()", () => {
  test("names the images of annotations, and those of charts inside the chart, each with its place", async () => {
    const redis = chartArchive({
      name: "redis",
      chart: "annotations:\n  artifacthub.io/images: |\n    - image: docker.io/acme/redis:7\n",
    });
    const { lines, unread } = await imagesOf({
      chart: ANNOTATED,
      files: {
        "charts/redis-1.2.3.tgz": redis,
        "charts/common/Chart.yaml":
          "name: common\nversion: 1.0.0\nannotations:\n  helm.sh/images: 'a.test/x:1, a.test/y:2'\n",
      },
    });
    expect(lines).toEqual([
      "named ghcr.io/acme/web:1.0 (Chart.yaml: artifacthub.io/images)",
      `named ghcr.io/acme/sidecar@sha256:${"a".repeat(64)} (Chart.yaml: artifacthub.io/images)`,
      "named docker.io/acme/job:2 (Chart.yaml: helm.sh/images)",
      "named docker.io/acme/tool:3 (Chart.yaml: images)",
      "named docker.io/acme/redis:7 (charts/redis-1.2.3.tgz/Chart.yaml: artifacthub.io/images)",
      "named a.test/x:1 (charts/common/Chart.yaml: helm.sh/images)",
      "named a.test/y:2 (charts/common/Chart.yaml: helm.sh/images)",
    ]);
    expect(unread).toEqual([]);
  });

  test("guesses from the values of charts inside, as the chart above and its globals leave them", async () => {
    const redis = chartArchive({
      name: "redis",
      chart: "appVersion: '7.0'\n",
      values: "image:\n  registry: docker.io\n  repository: acme/redis\n",
    });
    const { lines } = await imagesOf({
      chart: "dependencies:\n- name: redis\n  alias: store\n",
      values: "global:\n  imageRegistry: mirror.test\nstore:\n  image:\n    tag: '7.2'\n",
      files: { "charts/redis-1.2.3.tgz": redis },
    });
    expect(lines).toEqual([
      "guess mirror.test/acme/redis:7.2 (charts/redis-1.2.3.tgz/values.yaml: image)",
    ]);
  });

  test("says an image that is named and guessed once, as named", async () => {
    const { lines } = await imagesOf({
      chart: ANNOTATED,
      values: "image: ghcr.io/acme/web:1.0\n",
    });
    expect(lines.filter((line) => line.includes("acme/web"))).toHaveLength(1);
    expect(lines[0]).toMatch(/^named/);
  });

  test.each([
    ["an annotation that is no list", "annotations:\n  artifacthub.io/images: '{a: 1}'\n", {}],
    ["an annotation that is no YAML", "annotations:\n  helm.sh/images: '[a'\n", {}],
    ["values that are no YAML", "", { "values.yaml": "a: b: c" }],
    ["values that are no map", "", { "values.yaml": "- image: a:1" }],
    ["more values than any chart has", "", { "values.yaml": MANY_VALUES }],
    ["values that nest without an end", "", { "values.yaml": "[".repeat(20_000) }],
    ["values whose aliases multiply", "", { "values.yaml": bomb() }],
    ["a chart inside that is no archive", "", { "charts/x.tgz": "no gzip" }],
    ["a chart inside without a name", "", { "charts/x/Chart.yaml": "version: 1" }],
  ])("says that it could not read %s", async (_what, chart, files) => {
    const { unread } = await imagesOf({ chart, files });
    expect(unread).toHaveLength(1);
  });

  test("ends where charts lie in each other without an end", async () => {
    let inner = chartArchive({ name: "leaf" });
    for (let depth = 0; depth < 12; depth += 1) {
      inner = chartArchive({ name: `c${depth}`, files: { "charts/x.tgz": inner } });
    }
    const { unread } = await imagesOf({ files: { "charts/x.tgz": inner } });
    expect(unread).toMatchObject([expect.stringContaining("too many charts in each other")]);
  });
});

function bomb(): string {
  const lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
  for (const [before, name] of ["ab", "bc", "cd", "de", "ef", "fg"].map((pair) => [...pair])) {
    lines.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(", ")}]`);
  }
  return lines.join("\n");
}

describe("findValueImages()", () => {
  test.each([
    ["repository and tag", { image: { repository: "acme/web", tag: "1" } }, ["acme/web:1"]],
    [
      "no tag: the version of the application",
      { image: { repository: "acme/web" } },
      ["acme/web:9.9"],
    ],
    ["an empty tag", { image: { repository: "acme/web", tag: "" } }, ["acme/web:9.9"]],
    [
      "a registry",
      { image: { registry: "quay.io", repository: "acme/web", tag: "1" } },
      ["quay.io/acme/web:1"],
    ],
    [
      "a digest",
      { image: { repository: "acme/web", tag: "1", digest: `sha256:${"b".repeat(64)}` } },
      [`acme/web:1@sha256:${"b".repeat(64)}`],
    ],
    ["a text", { image: "nginx:1.27" }, ["nginx:1.27"]],
    ["a text and a tag beside it", { image: "nginx", imageTag: "1.27" }, ["nginx:1.27"]],
    ["a text whose key ends with Image", { sidecarImage: "acme/sidecar:2" }, ["acme/sidecar:2"]],
    ["a name below an image", { image: { name: "acme/web", tag: "1" } }, ["acme/web:1"]],
    ["a list", { jobs: [{ image: "a:1" }, { image: "b:2" }] }, ["a:1", "b:2"]],
    ["a number as a tag", { image: { repository: "acme/web", tag: 2024 } }, ["acme/web:2024"]],
    ["a repository of charts", { chart: { repository: "https://repo.test/x", tag: "1" } }, []],
    ["a repository of something else", { git: { repository: "acme/web" } }, []],
    ["a template", { image: "{{ .Values.global.image }}" }, []],
  ])("reads %s", (_what, values, images) => {
    expect(findValueImages(values, "9.9").images.map(({ image }) => image)).toEqual(images);
  });
});
