import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { BundleManifest } from "../../src/bundle/read/bundle-manifest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { AMD64, artifact, blob, image, index, seed } from "../support/artifacts.ts";
import { eachTest } from "../support/fixture.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const directory = eachTest(openTempDirectory);
const source = eachTest(openEmbeddedRegistry);

const LINUX = image({ name: "linux", platform: AMD64 });
const on = (os: string) => image({ name: os, platform: { os, architecture: "amd64" } });

test.each(["windows", "darwin", "freebsd", "wasip1"])(
  "that Docker takes nothing of images.tar for a plain image for %s is told, with what helps",
  async (os) => {
    const { notices } = await pull({ linux: LINUX, other: on(os) });
    const told = notices.filter(({ code }) => code === "ARCHIVE_MIXED");
    expect(told).toHaveLength(1);
    expect(told[0]?.message).toContain(`/acme/other:v1" for ${os}`);
    expect(told[0]?.message).toContain("mirror export");
  },
);

test("images for one system are an archive for it", async () => {
  const codes = async (images: Parameters<typeof pull>[0]) =>
    (await pull(images)).notices.map(({ code }) => code);
  expect(await codes({ linux: LINUX, other: image({ name: "other" }) })).toEqual([]);
  expect(await codes({ windows: on("windows") })).toEqual([]);
});

test("a plain image with layers of elsewhere, as those of Windows have, is looked at and lies apart", async () => {
  const url = `http://${source.host}/v2/acme/other/blobs/`;
  const built = on("windows");
  const layer = {
    ...blob("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Buffer.from("x")),
  };
  const foreign = {
    ...layer,
    descriptor: { ...layer.descriptor, urls: [url + layer.descriptor.digest] },
  };
  const config = blob(MEDIA_TYPE.imageConfig, Buffer.from(configFor("windows")));
  const windows = artifact({ config, blobs: [foreign, ...built.blobs.slice(1)] });
  const { notices, packages } = await pull({ linux: LINUX, other: windows });
  expect(notices).toEqual([]);
  expect(placesOf(packages)).toEqual({ linux: "images", other: "artifacts" });
});

test("what runs on Windows only lies apart from what runs on Linux, and is alone an archive", async () => {
  const windows = index([on("windows")]);
  expect(placesOf((await pull({ linux: LINUX, other: windows })).packages)).toEqual({
    linux: "images",
    other: "artifacts",
  });
  expect(placesOf((await pull({ other: windows })).packages)).toEqual({ other: "images" });
});

function configFor(os: string): string {
  const diff_ids = [0, 1].map(() => `sha256:${"0".repeat(64)}`);
  return JSON.stringify({ os, architecture: "amd64", rootfs: { type: "layers", diff_ids } });
}

async function pull(images: Readonly<Record<string, typeof LINUX>>) {
  for (const [name, built] of Object.entries(images)) seed(source, `acme/${name}`, { v1: built });
  const wishes = Object.keys(images).flatMap((name) => [
    "--include-image",
    `${source.host}/acme/${name}:v1`,
  ]);
  const words = ["pull", directory.resolve("b"), ...wishes, "--json", "--force", "--no-cache"];
  const { status, stdout, stderr } = await runInProcess(words);
  expect(status, stderr).toBe(0);
  const { notices } = JSON.parse(stdout) as { notices: { code: string; message: string }[] };
  const manifest = await readFile(directory.resolve("b/bundle.json"), "utf8");
  return { notices, packages: (JSON.parse(manifest) as BundleManifest).packages };
}

/** Name of each image → package. */
function placesOf(packages: BundleManifest["packages"]): Record<string, string> {
  const places = packages.flatMap(({ name, layouts }) =>
    layouts.flatMap(({ images }) =>
      images.map(({ repository }) => [repository.split("/").at(-1) ?? "", name]),
    ),
  );
  return Object.fromEntries(places);
}
