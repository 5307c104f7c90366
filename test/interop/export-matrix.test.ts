import { mkdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ExportForm, type ExportReport, exportBundle } from "../../src/index.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { writeBundle } from "../serve/support/bundles.ts";
import { AMD64, ARM64, image, index, layer } from "../support/artifacts.ts";
import { d8Layout, d8Package, writeChunks } from "../support/d8-bundle.ts";
import { type ProcessResult, runProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireDaemon, requireTool } from "../support/tool.ts";
import {
  openBuildah,
  openPodman,
  startContainerd,
  startDockerd,
  type ToolSession,
} from "./support/container-daemons.ts";

const ONE = image({ name: "one", layers: [layer({ "one.txt": "1\n" })] });
const ON_AMD64 = image({ name: "amd64", platform: AMD64, layers: [layer({ a: "amd64\n" })] });
const ON_ARM64 = image({ name: "arm64", platform: ARM64, layers: [layer({ a: "arm64\n" })] });
const MANY = index([ON_ARM64, ON_AMD64]);

const [MANY_NAME, ONE_NAME] = ["registry.test/acme/many:v1", "registry.test/acme/one:v1"] as const;
const IMAGES = { [MANY_NAME]: MANY, [ONE_NAME]: ONE };
const DIGESTS = [MANY, ONE].map(({ manifest }) => manifest.descriptor.digest);
const CONFIGS = [ON_AMD64, ONE].map(({ blobs }) => blobs[0]?.descriptor.digest ?? "");

const KINDS = ["one tar", "chunks", "several bundles", "bundle of d8 mirror"] as const;
type Kind = (typeof KINDS)[number];

let directory: TempDirectory;
let exported = 0;
const bundles = new Map<Kind, readonly string[]>();

beforeAll(async () => {
  directory = await openTempDirectory();
  const at = (name: string) => directory.resolve(name);
  await writeBundle(at("whole"), IMAGES, 1_000_000);
  await writeBundle(at("chunked"), IMAGES, 3_000);
  await writeBundle(at("first"), { [MANY_NAME]: MANY });
  await writeBundle(at("second"), { [ONE_NAME]: ONE });
  await mkdir(at("d8"));
  const layout = await d8Layout(
    [
      { artifact: MANY, tag: "v1", refName: MANY_NAME },
      { artifact: ONE, tag: "v2", refName: ONE_NAME },
    ],
    { generation: "new" },
  );
  const tar = d8Package({ "": layout });
  await writeChunks(at("d8"), "platform", { tar, sizes: [4_000] });
  bundles.set("one tar", [at("whole")]);
  bundles.set("chunks", [at("chunked")]);
  bundles.set("several bundles", [at("first"), at("second")]);
  bundles.set("bundle of d8 mirror", [at("d8")]);
});

afterAll(() => directory?.[Symbol.asyncDispose]());

requireDaemon("containerd", "ctr").test.each(["k3s", "oci-archive", "docker-archive"] as const)(
  "containerd imports %s of every kind of bundle, with the digests of the images",
  async (form) => {
    await using containerd = await startContainerd();
    for (const kind of KINDS) {
      const { path, images } = await exportFrom(kind, form);
      const namespace = ["--namespace", kind.replaceAll(" ", "-"), "images"];
      done(await containerd.run(...namespace, "import", "--all-platforms", path));
      const { stdout } = await containerd.run(...namespace, "ls");
      for (const [place, { name }] of images.entries()) {
        // What docker save writes has no manifest to keep
        const digest = form === "docker-archive" ? "sha256:" : DIGESTS[place];
        expect(stdout, kind).toMatch(new RegExp(`${name} .*${digest}`));
      }
    }
  },
);

requireDaemon("containerd", "dockerd", "docker").test.each(["k3s", "docker-archive"] as const)(
  "docker load takes %s of every kind of bundle, with the ids of the images",
  async (form) => {
    await using containerd = await startContainerd();
    await using docker = await startDockerd(containerd.socket);
    await loadAll(form, docker);
  },
);

requireTool("podman").test.each(["k3s", "docker-archive"] as const)(
  "podman load takes %s of every kind of bundle, with the ids of the images",
  async (form) => {
    await using podman = await openPodman();
    await loadAll(form, podman);
  },
);

requireTool("skopeo").test.each(["oci-layout", "oci-archive"] as const)(
  "skopeo reads %s of every kind of bundle, with the bytes of the images",
  async (form) => {
    for (const kind of KINDS) {
      const { path, images } = await exportFrom(kind, form);
      for (const [place, { name }] of images.entries()) {
        const transport = form === "oci-layout" ? "oci" : form;
        const words = ["inspect", "--raw", `${transport}:${path}:${name}`];
        const { stdout } = done(await runProcess("skopeo", words));
        expect(stdout, kind).toBe([MANY, ONE][place]?.manifest.bytes.toString());
      }
    }
  },
);

requireTool("skopeo").test(
  "skopeo reads the configs of the images in k3s and docker-archive of every kind of bundle",
  async () => {
    for (const form of ["k3s", "docker-archive"] as const) {
      for (const [kind, { path, images }] of await exportEach(form)) {
        for (const [place, { name }] of images.entries()) {
          const words = ["inspect", "--raw", "--config", `docker-archive:${path}:${name}`];
          const { stdout } = done(await runProcess("skopeo", words));
          expect(digestOf(Buffer.from(stdout)), `${form} of ${kind}`).toBe(CONFIGS[place]);
        }
      }
    }
  },
);

/** Form, and the name of what reads it. An image of a layout they call by the path of the layout, which is for skopeo. */
const TRANSPORTS = [
  ["docker-archive", "docker-archive"],
  ["k3s", "docker-archive"],
  ["k3s", "oci-archive"],
  ["oci-archive", "oci-archive"],
] as const;

describe.each([
  ["podman", openPodman],
  ["buildah", openBuildah],
] as const)("%s", (program, open) => {
  requireTool(program).test(
    "pulls each image by its name out of every form of every kind of bundle, with its id",
    async () => {
      await using session = await open();
      for (const [form, transport] of TRANSPORTS) {
        for (const [kind, { path, images }] of await exportEach(form)) {
          for (const [place, { name }] of images.entries()) {
            const about = `${form} of ${kind} by ${transport}`;
            const source = `${transport}:${path}:${name}`;
            const { stdout } = done(await session.run("pull", "-q", source));
            expect(`sha256:${stdout.trim()}`, about).toBe(CONFIGS[place]);
            done(await session.run("rmi", "--force", stdout.trim()));
          }
        }
      }
    },
  );
});

test("a static tree of every kind of bundle has the bytes of the images", async () => {
  for (const kind of KINDS) {
    const { path, images } = await exportFrom(kind, "static");
    for (const [place, { name }] of images.entries()) {
      const [repository, tag] = name.split(":");
      const bytes = await readFile(`${path}/v2/${repository}/manifests/${tag}`);
      expect(bytes, kind).toEqual([MANY, ONE][place]?.manifest.bytes);
    }
  }
});

async function loadAll(form: ExportForm, runtime: ToolSession): Promise<void> {
  for (const kind of KINDS) {
    const { path, images } = await exportFrom(kind, form);
    done(await runtime.run("load", "--input", path));
    const format = "{{.Repository}}:{{.Tag}} {{.ID}}";
    const { stdout } = await runtime.run("images", "--no-trunc", "--format", format);
    const expected = images.map(({ name }, place) => `${name} ${CONFIGS[place]}`);
    expect(stdout.trim().split("\n").sort(), kind).toEqual(expected);
    done(await runtime.run("rmi", "--force", ...images.map(({ name }) => name)));
  }
}

/** Of each kind of bundle; what has the same bytes as another one is read once. */
async function exportEach(form: ExportForm): Promise<Map<Kind, ExportReport>> {
  const reports = new Map<Kind, ExportReport>();
  const known = new Set<string | undefined>();
  for (const kind of KINDS) {
    const report = await exportFrom(kind, form);
    if (report.sha256 === undefined || !known.has(report.sha256)) reports.set(kind, report);
    known.add(report.sha256);
  }
  return reports;
}

async function exportFrom(kind: Kind, form: ExportForm): Promise<ExportReport> {
  const name = `${form} of ${kind} ${exported++}`;
  const out = directory.resolve(name.replaceAll(" ", "-"));
  const report = await exportBundle({ form, bundlePaths: bundles.get(kind) ?? [], out });
  expect(report.complete).toBe(true);
  return report;
}

function done(result: ProcessResult): ProcessResult {
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return result;
}
