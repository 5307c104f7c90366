import { afterAll, beforeAll, expect } from "vitest";
import { exportBundle } from "../../src/index.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { writeBundle } from "../serve/support/bundles.ts";
import { AMD64, artifact, blob, image, index, layer } from "../support/artifacts.ts";
import type { ProcessResult } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireDaemon, requireTool } from "../support/tool.ts";
import { openPodman, startContainerd, startDockerd } from "./support/container-daemons.ts";

const [BASE, TOP] = [layer({ "etc/base": "base\n" }), layer({ "etc/top": "top\n" })];
/** Builders make the same layer twice, where two steps change nothing. */
const TWICE = image({ name: "twice", platform: AMD64, layers: [BASE, TOP, BASE, TOP] });
const NONE = image({ name: "none", platform: AMD64, layers: 0 });
/** As BuildKit adds what it knows of the making: for a machine that there is not, with layers that are none. */
const ATTESTED = index([TWICE, attestationOf(TWICE)]);
const IMAGES = {
  "registry.test/acme/attested:1": ATTESTED,
  "registry.test/acme/none:1": NONE,
  "registry.test/acme/twice:1": TWICE,
};

/** Of no use on this machine: some runtime takes nothing of an archive that has one of them. */
const on = (os: string) => image({ name: os, platform: { os, architecture: "amd64" } });
const OTHERS = {
  "registry.test/other/darwin:1": on("darwin"),
  "registry.test/other/freebsd:1": on("freebsd"),
  "registry.test/other/windows:1": on("windows"),
  "registry.test/other/windows-index:1": index([on("windows")]),
  "registry.test/other/mismatched:1": image({
    name: "mismatched",
    layers: [BASE, TOP],
    // So that its size does not tell
    labels: { text: " ".repeat(200) },
    config: { rootfs: { type: "layers", diff_ids: [BASE.diffId] } },
  }),
};

let directory: TempDirectory;
const FORMS = ["k3s", "docker-archive"] as const;
const path = (form: string) => directory.resolve(`${form}.tar`);

beforeAll(async () => {
  directory = await openTempDirectory();
  const bundle = directory.resolve("bundle");
  await writeBundle(bundle, { ...IMAGES, ...OTHERS });
  for (const form of FORMS) await exportBundle({ form, bundlePaths: [bundle], out: path(form) });
});

afterAll(() => directory?.[Symbol.asyncDispose]());

requireDaemon("containerd", "ctr").test.each(FORMS)(
  "containerd unpacks %s of images with a layer twice, with none, with an attestation, and beside those of other systems",
  async (form) => {
    await using containerd = await startContainerd();
    const flags = ["--snapshotter", "native", "--all-platforms"];
    done(await containerd.run("images", "import", ...flags, path(form)));
    const { stdout } = await containerd.run("images", "ls", "-q");
    const names = stdout.trim().split("\n");
    expect(names.filter((name) => !name.includes("@"))).toEqual(Object.keys(IMAGES));
  },
);

requireTool("podman").test.each(FORMS)(
  "podman loads %s of images with a layer twice, with none, with an attestation, and beside those of other systems",
  async (form) => {
    await using podman = await openPodman();
    done(await podman.run("load", "--input", path(form)));
    const { stdout } = done(await podman.run("images", "--no-trunc", "--format", "{{.ID}}"));
    expect(stdout).toContain(TWICE.blobs[0]?.descriptor.digest);
  },
);

requireDaemon("containerd", "dockerd", "docker").test.each(FORMS)(
  "docker loads %s of images with a layer twice, with none, with an attestation, and beside those of other systems",
  async (form) => {
    await using containerd = await startContainerd();
    await using docker = await startDockerd(containerd.socket);
    done(await docker.run("load", "--input", path(form)));
    const { stdout } = done(await docker.run("images", "--no-trunc", "--format", "{{.ID}}"));
    expect(stdout).toContain(TWICE.blobs[0]?.descriptor.digest);
  },
);

function attestationOf({ manifest }: typeof TWICE): typeof TWICE {
  const platform = { os: "unknown", architecture: "unknown" };
  const config = blob(MEDIA_TYPE.imageConfig, Buffer.from(JSON.stringify(platform)));
  const statement = blob("application/vnd.in-toto+json", Buffer.from("{}"));
  const built = artifact({ config, blobs: [statement] });
  const annotations = {
    "vnd.docker.reference.type": "attestation-manifest",
    "vnd.docker.reference.digest": manifest.descriptor.digest,
  };
  const { bytes, descriptor } = built.manifest;
  return { ...built, platform, manifest: { bytes, descriptor: { ...descriptor, annotations } } };
}

function done(result: ProcessResult): ProcessResult {
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return result;
}
