import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { openBundleStore } from "../../src/bundle/images/bundle-store.ts";
import { storeArtifact } from "../../src/demo/store-artifact.ts";
import type { MirrorError } from "../../src/errors.ts";
import { formatLock, toLock } from "../../src/lock/parse-lock.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import type { RepositoryReference } from "../../src/oci/reference.ts";
import { planPull, planPullWithLock } from "../../src/pull/plan/plan-pull.ts";
import { pull } from "../../src/pull/pull.ts";
import { push } from "../../src/push/push.ts";
import { createCredentials } from "../../src/registry/auth/create-credentials.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { parseSelection } from "../../src/selection/grammar/parse-selection.ts";
import type { ParseSelectionOptions } from "../../src/selection/grammar/selection-options.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { verifyBundle } from "../../src/verify/verify.ts";
import { AMD64, artifact, blob, image, index } from "../support/artifacts.ts";
import { chartArchive, chartIndex, startChartServer } from "../support/charts.ts";
import { eachTest } from "../support/fixture.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const directory = eachTest(openTempDirectory);
const registry = eachTest(openEmbeddedRegistry);
const charts = eachTest(startChartServer);
const client = eachTest(() => openRegistryClient({ certsDirectories: [] }));

const VERSIONS = ["1.2.3", "1.3.0", "2.0.0", "2.1.0-rc.1"] as const;

/** A repository with several versions of a chart. */
function serveCharts(versions: readonly string[] = VERSIONS): void {
  const listed = versions.map((version) => {
    const archive = chartArchive({ version });
    charts.files.set(`/stable/nginx-${version}.tgz`, archive);
    return { name: "nginx", version, archive };
  });
  charts.files.set("/stable/index.yaml", chartIndex(listed));
}

const address = () => `http://${charts.host}/stable`;
/** Where charts of the server go below a target. */
const place = () => `${charts.host.replace(":", "-")}/stable/nginx`;

async function pullCharts(options: ParseSelectionOptions, bundle = "bundle") {
  const { selection } = parseSelection(options);
  const notices: { code: string; message: string }[] = [];
  const summary = await pull({
    bundlePath: directory.resolve(bundle),
    selection,
    openSource: (reference) => client.repository(reference),
    web: client.web,
    cacheDirectory: directory.resolve("cache"),
    onEvent: (event) => {
      if (event.type === "notice") notices.push(event);
    },
  });
  const packages = summary.complete ? summary.manifest.packages : [];
  const images = packages.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  return { summary, notices, packages, images };
}

const pushAway = (bundle = "bundle") =>
  push({
    bundlePath: directory.resolve(bundle),
    target: { registry: registry.host, repository: "away" },
    openTarget: (reference) => client.repository(reference),
  });

const failureOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) throw new Error("expected an error");
  return error as MirrorError;
};

const tagsOf = ({ images }: Awaited<ReturnType<typeof pullCharts>>) =>
  images.flatMap(({ tags }) => tags);

describe("a chart of a Helm repository", () => {
  test("is listed as a chart among artifacts, verified, and in the target what helm push makes of it", async () => {
    serveCharts();
    const { packages, images, summary } = await pullCharts({
      includeCharts: [`${address()}#nginx@^1.2`],
    });
    expect(packages.map(({ name, kind }) => [name, kind])).toEqual([["artifacts", "artifacts"]]);
    expect(images.map(({ kind, tags, repository }) => [kind, tags, repository])).toEqual([
      ["chart", ["1.2.3"], place()],
      ["chart", ["1.3.0"], place()],
    ]);
    expect(summary.failures).toEqual([]);
    const verified = await verifyBundle({ bundlePath: directory.resolve("bundle") });
    expect(verified).toMatchObject({ complete: true, problems: [] });
    const receipt = await pushAway();
    expect(receipt.images.map(({ kind }) => kind)).toEqual(["chart", "chart"]);
    const pushed = client.repository({ registry: registry.host, repository: `away/${place()}` });
    const { bytes } = await pushed.fetchManifest("1.3.0");
    const archive = chartArchive({ version: "1.3.0" });
    expect(JSON.parse(bytes.toString("utf8"))).toEqual({
      schemaVersion: 2,
      config: expect.objectContaining({ mediaType: MEDIA_TYPE.chartConfig }),
      layers: [
        { mediaType: MEDIA_TYPE.chartContent, digest: digestOf(archive), size: archive.length },
      ],
      annotations: {
        "org.opencontainers.image.title": "nginx",
        "org.opencontainers.image.version": "1.3.0",
      },
    });
  });

  test.each([
    ["nothing", "", ["2.0.0"]],
    ["a range", "@^1.2", ["1.2.3", "1.3.0"]],
    ["a range that names a pre-release", "@>=2.0.0-0", ["2.0.0", "2.1.0-rc.1"]],
    ["an exact version", "@=2.1.0-rc.1", ["2.1.0-rc.1"]],
  ])(
    "is taken in the versions that %s asks for, as Helm chooses them",
    async (_what, constraint, tags) => {
      serveCharts();
      const pulled = await pullCharts({ includeCharts: [`${address()}#nginx${constraint}`] });
      expect(tagsOf(pulled)).toEqual(tags);
    },
  );

  test.each([
    ["what is excluded", { excludeTags: ["2.*"] }, "", ["1.3.0"]],
    ["the newest", { latest: 1 }, "@^1", ["1.3.0"]],
    [
      "what was made since a day, as the index says",
      { newerThan: "2026-02-02" },
      "@>=1",
      ["1.3.0"],
    ],
  ])("is narrowed as images are: %s", async (_what, limits, constraint, tags) => {
    const days = { "1.2.3": "2026-01-01", "1.3.0": "2026-03-01", "2.0.0": "2026-02-01" };
    const listed = Object.entries(days).map(([version, day]) => {
      const archive = chartArchive({ version });
      charts.files.set(`/stable/nginx-${version}.tgz`, archive);
      return { name: "nginx", version, archive, lines: [`created: "${day}T00:00:00Z"`] };
    });
    charts.files.set("/stable/index.yaml", chartIndex(listed));
    const includeCharts = [`${address()}#nginx${constraint}`];
    expect(tagsOf(await pullCharts({ includeCharts, ...limits }))).toEqual(tags);
  });

  test("is fetched once: of an unchanged one a second pull asks for the index, and whether that has changed", async () => {
    serveCharts();
    const includeCharts = [`${address()}#nginx@^1.2`, `${address()} nginx`];
    const first = await pullCharts({ includeCharts });
    expect(charts.answers.toSorted()).toEqual([
      "GET /stable/index.yaml 200",
      "GET /stable/nginx-1.2.3.tgz 200",
      "GET /stable/nginx-1.2.3.tgz.prov 404",
      "GET /stable/nginx-1.3.0.tgz 200",
      "GET /stable/nginx-1.3.0.tgz.prov 404",
      "GET /stable/nginx-2.0.0.tgz 200",
      "GET /stable/nginx-2.0.0.tgz.prov 404",
    ]);
    charts.answers.length = 0;
    const second = await pullCharts({ includeCharts }, "second");
    expect(charts.answers).toEqual(["GET /stable/index.yaml 304"]);
    expect(second.images).toEqual(first.images);
  });

  test("keeps its provenance", async () => {
    serveCharts(["1.2.3"]);
    charts.files.set("/stable/nginx-1.2.3.tgz.prov", "signed by somebody");
    await pullCharts({ includeCharts: [`${address()}#nginx`] });
    await using store = await openBundleStore(directory.resolve("bundle"));
    const { bytes } = await store.repository(place()).fetchManifest("1.2.3");
    const { layers } = JSON.parse(bytes.toString("utf8")) as { layers: { mediaType: string }[] };
    expect(layers.map(({ mediaType }) => mediaType).toSorted()).toEqual(
      [MEDIA_TYPE.chartProvenance, MEDIA_TYPE.chartContent].toSorted(),
    );
  });

  test("is asked for with the login of its host", async () => {
    serveCharts(["1.2.3"]);
    charts.login = "ada:swordfish";
    const { host } = charts;
    await using known = openRegistryClient({
      certsDirectories: [],
      credentials: createCredentials({
        registry: host,
        login: "ada",
        password: "swordfish",
        env: {},
      }),
    });
    const { selection } = parseSelection({ includeCharts: [`${address()}#nginx`] });
    const plan = await planPull({
      bundlePath: directory.resolve("none"),
      selection,
      openSource: (reference) => known.repository(reference),
      web: known.web,
    });
    expect(plan.failures).toEqual([]);
    expect(plan.packages[0]?.images[0]).toMatchObject({ kind: "chart", tags: ["1.2.3"] });
    await expect(
      failureOf(pullCharts({ includeCharts: [`${address()}#nginx`] })),
    ).resolves.toMatchObject({
      code: "REGISTRY_DENIED",
    });
  });

  test("that is not what its index says fails by name, and the others are taken", async () => {
    serveCharts();
    charts.files.set("/stable/nginx-1.3.0.tgz", chartArchive({ version: "1.3.0", values: "x: 1" }));
    const { summary } = await pullCharts({ includeCharts: [`${address()}#nginx@^1.2`] });
    expect(summary.complete).toBe(false);
    expect(summary.failures).toMatchObject([
      { code: "CONTENT_MISMATCH", subject: `${charts.host}/stable/nginx:1.3.0` },
    ]);
  });

  test.each([
    ["another name", { name: "apache", version: "1.2.3" }, "it is apache 1.2.3"],
    ["another version", { version: "1.2.4" }, "it is nginx 1.2.4"],
  ])("of %s than its index says is refused", async (_what, built, reason) => {
    const archive = chartArchive(built);
    charts.files.set("/stable/nginx-1.2.3.tgz", archive);
    const listed = { name: "nginx", version: "1.2.3", archive };
    charts.files.set("/stable/index.yaml", chartIndex([listed]));
    const { summary } = await pullCharts({ includeCharts: [`${address()}#nginx`] });
    expect(summary.failures).toMatchObject([
      { code: "CONTENT_INVALID", message: expect.stringContaining(reason) },
    ]);
  });

  test("is taken from the next address where the first does not have it", async () => {
    const archive = chartArchive();
    await using elsewhere = await startChartServer({ "/a/nginx.tgz": archive });
    const urls = ["gone.tgz", `http://${elsewhere.host}/a/nginx.tgz`];
    const listed = { name: "nginx", version: "1.2.3", archive, urls };
    charts.files.set("/stable/index.yaml", chartIndex([listed]));
    const pulled = await pullCharts({ includeCharts: [`${address()}#nginx`] });
    expect(tagsOf(pulled)).toEqual(["1.2.3"]);
    expect(charts.answers).toContain("GET /stable/gone.tgz 404");
  });

  test("that its repository lists in a registry comes from there, with a notice", async () => {
    seedChart("acme/nginx", "1.2.3");
    const archive = chartArchive();
    const urls = [`oci://${registry.host}/acme/nginx:1.2.3`];
    const listed = { name: "nginx", version: "1.2.3", archive, urls };
    charts.files.set("/stable/index.yaml", chartIndex([listed]));
    const { images, notices } = await pullCharts({ includeCharts: [`${address()}#nginx`] });
    expect(images).toMatchObject([{ kind: "chart", source: `${registry.host}/acme/nginx:1.2.3` }]);
    expect(notices.map(({ code }) => code)).toContain("CHART_ELSEWHERE");
  });

  test.each([
    ["does not have it", () => `oci://${registry.host}/acme/nothing:1.2.3`],
    ["is none", () => "oci://nothing/at:all:1"],
  ])(
    "that its repository lists in a registry that %s fails by name, and the others are taken",
    async (_what, url) => {
      serveCharts(["1.2.2"]);
      const archive = chartArchive();
      const index = [
        { name: "nginx", version: "1.2.2", archive: chartArchive({ version: "1.2.2" }) },
        { name: "nginx", version: "1.2.3", archive, urls: [url()] },
      ];
      charts.files.set("/stable/index.yaml", chartIndex(index));
      const { summary } = await pullCharts({ includeCharts: [`${address()}#nginx@^1`] });
      expect(summary).toMatchObject({
        complete: false,
        failures: [{ code: "CONTENT_MISSING", subject: `${charts.host}/stable/nginx:1.2.3` }],
      });
    },
  );

  test("that a repository does not list is an error with the nearest name", async () => {
    serveCharts();
    const error = await failureOf(pullCharts({ includeCharts: [`${address()}#ngnix`] }));
    expect(error).toMatchObject({ code: "SELECTION_UNMATCHED", hint: 'Did you mean "nginx"?' });
  });

  test("in a version that is not there is an error with the versions that are", async () => {
    serveCharts();
    const error = await failureOf(pullCharts({ includeCharts: [`${address()}#nginx@^7`] }));
    expect(error.hint).toBe("Choose from 2.1.0-rc.1, 2.0.0, 1.3.0, 1.2.3");
  });

  test("goes on after a kill from the plan alone, without the index", async () => {
    serveCharts(["1.2.3"]);
    const stop = new AbortController();
    const { selection } = parseSelection({ includeCharts: [`${address()}#nginx`] });
    const options = {
      bundlePath: directory.resolve("bundle"),
      selection,
      openSource: (reference: { registry: string; repository: string }) =>
        client.repository(reference),
      web: client.web,
    };
    const onEvent = ({ type }: { readonly type: string }) => {
      if (type === "planned") stop.abort();
    };
    await failureOf(pull({ ...options, signal: stop.signal, onEvent }));
    charts.files.delete("/stable/index.yaml");
    expect(await pull(options)).toMatchObject({ complete: true, failures: [] });
  });
});

/** A chart in the registry, as Helm pushes it. */
function chartArtifact(version: string, archive: Buffer) {
  return artifact({
    config: blob(MEDIA_TYPE.chartConfig, Buffer.from(`{"name":"nginx","version":"${version}"}`)),
    blobs: [blob(MEDIA_TYPE.chartContent, archive)],
  });
}

function seedChart(repository: string, version: string, archive = chartArchive({ version })): void {
  const built = chartArtifact(version, archive);
  storeArtifact(registry.content.repository(repository), built, [version.replace("+", "_")]);
}

describe("a chart of a registry", () => {
  test.each([
    ["nothing", "", ["2.0.0"]],
    ["a range", "@^1.2", ["1.2.3", "1.3.0"]],
    ["a tag", ":1.2.3", ["1.2.3"]],
    ["an exact version", "@=1.2.3+up1", ["1.2.3_up1"]],
  ])("is taken in the versions that %s asks for", async (_what, constraint, tags) => {
    for (const version of [...VERSIONS, ...(constraint.includes("up1") ? ["1.2.3+up1"] : [])])
      seedChart("acme/nginx", version);
    const pulled = await pullCharts({
      includeCharts: [`oci://${registry.host}/acme/nginx${constraint}`],
    });
    expect(tagsOf(pulled)).toEqual(tags);
    expect(pulled.images.map(({ kind }) => kind)).toEqual(tags.map(() => "chart"));
  });

  test("that is none fails by name", async () => {
    const built = artifact({ artifactType: "application/vnd.example.thing" });
    storeArtifact(registry.content.repository("acme/nginx"), built, ["1.0.0"]);
    const { summary } = await pullCharts({ includeCharts: [`oci://${registry.host}/acme/nginx`] });
    expect(summary.failures).toMatchObject([
      { code: "CONTENT_INVALID", message: expect.stringContaining("it is no Helm chart") },
    ]);
  });

  test("is found in an index beside an image, which is taken whole", async () => {
    storeArtifact(registry.content.repository("acme/web"), image({ name: "web" }), ["1.0"]);
    const annotations = ANNOTATIONS([`${registry.host}/acme/web:1.0`]);
    const archive = chartArchive({ version: "1.2.3", chart: annotations });
    const chart = chartArtifact("1.2.3", archive);
    const both = index([image({ name: "controller", platform: AMD64 }), chart]);
    storeArtifact(registry.content.repository("acme/nginx"), both, ["1.2.3"]);
    const { images, summary } = await pullCharts({
      includeCharts: [`oci://${registry.host}/acme/nginx`],
      chartImages: "named",
    });
    expect(summary.failures).toEqual([]);
    expect(images.map(({ digest, repository }) => [repository.split("/").at(-1), digest])).toEqual(
      expect.arrayContaining([
        ["nginx", both.manifest.descriptor.digest],
        ["web", image({ name: "web" }).manifest.descriptor.digest],
      ]),
    );
  });

  test("is called a chart also where it is named as an image", async () => {
    seedChart("acme/nginx", "1.2.3");
    const { images } = await pullCharts({ includeImages: [`${registry.host}/acme/nginx:1.2.3`] });
    expect(images.map(({ kind }) => kind)).toEqual(["chart"]);
  });
});

const ANNOTATIONS = (images: readonly string[]) =>
  `annotations:\n  artifacthub.io/images: |\n${images.map((one) => `    - image: ${one}\n`).join("")}`;

/** A chart that names an image of the registry, and seems to need two more, of which one is there. */
function serveNaming(from: "repository" | "registry"): string {
  for (const name of ["web", "tool"]) {
    storeArtifact(registry.content.repository(`acme/${name}`), image({ name }), ["1.0"]);
  }
  const archive = chartArchive({
    chart: ANNOTATIONS([`${registry.host}/acme/web:1.0`]),
    values: `tool: { image: "${registry.host}/acme/tool:1.0" }\nold: { image: "${registry.host}/acme/old:1.0" }\n`,
  });
  if (from === "registry") {
    seedChart("acme/nginx", "1.2.3", archive);
    return `oci://${registry.host}/acme/nginx`;
  }
  charts.files.set("/stable/nginx-1.2.3.tgz", archive);
  charts.files.set(
    "/stable/index.yaml",
    chartIndex([{ name: "nginx", version: "1.2.3", archive }]),
  );
  return `${address()}#nginx`;
}

describe.each(["repository", "registry"] as const)("images of a chart of a %s", (from) => {
  const taken = ({ images }: Awaited<ReturnType<typeof pullCharts>>) =>
    images
      .filter(({ kind }) => kind === "image")
      .map(({ repository }) => repository.split("/").at(-1));

  test("are not looked for by themselves, and a notice says so", async () => {
    const pulled = await pullCharts({ includeCharts: [serveNaming(from)] });
    expect(taken(pulled)).toEqual([]);
    expect(pulled.summary.chartImages).toBeUndefined();
  });

  test("are taken where the chart says that it needs them; a guess is listed with its place", async () => {
    const includeCharts = [serveNaming(from)];
    const pulled = await pullCharts({ includeCharts, chartImages: "named" });
    expect(taken(pulled)).toEqual(["web"]);
    const isGuess = { basis: "guess", isTaken: false, reason: "it is a guess" };
    expect(pulled.summary.chartImages).toMatchObject([
      { image: `${registry.host}/acme/old:1.0`, place: "values.yaml: old.image", ...isGuess },
      { image: `${registry.host}/acme/tool:1.0`, place: "values.yaml: tool.image", ...isGuess },
      {
        image: `${registry.host}/acme/web:1.0`,
        place: "Chart.yaml: artifacthub.io/images",
        basis: "named",
        isTaken: true,
      },
    ]);
    expect(pulled.notices).toMatchObject([{ code: "CHART_IMAGE_NOT_TAKEN" }]);
  });

  test("are taken as guesses where these are asked for; a wrong one is listed with the reason", async () => {
    const includeCharts = [serveNaming(from)];
    const pulled = await pullCharts({ includeCharts, chartImages: "guess" });
    expect(pulled.summary.failures).toEqual([]);
    expect(taken(pulled)).toEqual(["tool", "web"]);
    expect(pulled.summary.chartImages?.find(({ isTaken }) => !isTaken)).toMatchObject({
      image: `${registry.host}/acme/old:1.0`,
      reason: expect.stringContaining("there is no repository"),
    });
  });

  test("that a chart names and nobody has fail by name, and the rest is taken", async () => {
    const includeCharts = [serveNaming(from)];
    registry.content.repository("acme/web").tags.clear();
    const { summary } = await pullCharts({ includeCharts, chartImages: "named" });
    expect(summary).toMatchObject({
      complete: false,
      failures: [
        { code: "SELECTION_UNMATCHED", subject: expect.stringContaining("acme/web:1.0 of") },
      ],
    });
  });
});

describe("a lock with a chart and a file", () => {
  test("pulls the same bundle, without the index, and says no time and no path but the one that was given", async () => {
    serveCharts();
    await writeFile(directory.resolve("setup.iso"), "what a plant wants to have\n");
    const { selection } = parseSelection({
      includeCharts: [`${address()}#nginx@^1.2`],
      includeFiles: [`${directory.resolve("setup.iso")}:tools/setup`],
    });
    const place = (name: string) => ({
      bundlePath: directory.resolve(name),
      openSource: (reference: RepositoryReference) => client.repository(reference),
      web: client.web,
    });
    const { lock } = await planPullWithLock({ ...place("first"), selection });
    if (lock === undefined) throw new Error("there is no lock");
    expect(formatLock(lock)).not.toContain("modifiedAt");
    const first = await pull({ ...place("first"), selection });
    charts.files.delete("/stable/index.yaml");
    const again = toLock(JSON.parse(formatLock(lock)), "lock");
    const second = await pull({ ...place("second"), lock: again });
    expect(second).toMatchObject({ complete: true, failures: [] });
    expect(second.manifest).toEqual(first.manifest);
  });
});
