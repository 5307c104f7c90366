import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBundle } from "../../src/bundle/bundle-reader.ts";
import { storeArtifact } from "../../src/demo/store-artifact.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { pull } from "../../src/pull/pull.ts";
import { push } from "../../src/push/push.ts";
import { openRegistryClient, type RegistryClient } from "../../src/registry/registry-client.ts";
import { parseSelection } from "../../src/selection/grammar/parse-selection.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { verifyBundle } from "../../src/verify/verify.ts";
import { blob, image } from "../support/artifacts.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

let directory: TempDirectory;
let registry: EmbeddedRegistry;
let client: RegistryClient;

beforeEach(async () => {
  directory = await openTempDirectory();
  registry = await openEmbeddedRegistry();
  client = openRegistryClient();
});

afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

const LAYER = blob("application/octet-stream", Buffer.from("a base layer of somebody else"));
const { digest } = LAYER.descriptor;

/** An image with a foreign layer, in the source with or without the layer. */
function seedForeign(type: string, urls: readonly string[], isHeld: boolean): string {
  const built = image();
  const document = JSON.parse(built.manifest.bytes.toString("utf8")) as { layers: object[] };
  const layers = [{ ...LAYER.descriptor, mediaType: type, urls }, ...document.layers];
  const bytes = Buffer.from(JSON.stringify({ ...document, layers }));
  const { mediaType } = built.manifest.descriptor;
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  const blobs = isHeld ? [...built.blobs, LAYER] : built.blobs;
  const repository = registry.content.repository("acme/web");
  storeArtifact(repository, { manifest: { descriptor, bytes }, blobs, children: [] }, ["v1"]);
  return `${registry.host}/acme/web:v1`;
}

const DOCKER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const OCI = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
const URLS = ["https://layers.test/base"];

async function pullForeign(name: string, skipForeignLayers = false) {
  const { selection } = parseSelection({ includeImages: [name], skipForeignLayers });
  const notices: { code: string; message: string }[] = [];
  const summary = await pull({
    bundlePath: directory.path,
    selection,
    openSource: (reference) => client.repository(reference),
    onEvent: (event) => {
      if (event.type === "notice") notices.push(event);
    },
  });
  const images = summary.complete
    ? summary.manifest.packages.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images))
    : [];
  return { summary, notices, image: images[0] };
}

const pushAway = () =>
  push({
    bundlePath: directory.path,
    target: { registry: registry.host, repository: "away" },
    openTarget: (reference) => client.repository(reference),
  });

describe("a foreign layer", () => {
  test.each([DOCKER, OCI])(
    "of type %s is pulled from a registry that has it, and pushed",
    async (type) => {
      const { summary } = await pullForeign(seedForeign(type, URLS, true));
      expect(summary).toMatchObject({ complete: true, failures: [] });
      {
        await using bundle = await openBundle(directory.path);
        expect(bundle.layouts[0]?.blobs.has(digest)).toBe(true);
      }
      expect(await pushAway()).toMatchObject({ complete: true, notices: [] });
      const [path = ""] = [`away/${registry.host.replace(":", "-")}/acme/web`];
      expect(registry.content.repository(path).blobs.has(digest)).toBe(true);
    },
  );

  test.each([
    ["plain HTTP", "http://layers.test/base"],
    ["credentials", "https://me:secret@layers.test/base"],
    ["no address", "layers"],
    ["cloud metadata", "https://169.254.169.254/base"],
  ])("that its registry lacks is not fetched from %s, and fails its image", async (_, address) => {
    const { summary } = await pullForeign(seedForeign(DOCKER, [address], false));
    expect(summary).toMatchObject({
      complete: false,
      failures: [
        {
          code: "CONTENT_MISSING",
          message: expect.stringContaining(digest),
          hint: "Use `skipForeignLayers` to take images without such layers",
        },
      ],
    });
    expect(JSON.stringify(summary)).not.toContain("secret");
  });

  test("is left out by choice, and named in notice, manifest, report and receipt", async () => {
    const name = seedForeign(OCI, URLS, true);
    const { image: found, notices } = await pullForeign(name, true);
    expect(found?.omitted).toEqual([
      { kind: "foreign-layer", digest, mediaType: OCI, reason: "it is not for redistribution" },
    ]);
    expect(notices).toMatchObject([
      { code: "FOREIGN_LAYER_LEFT_OUT", message: expect.stringContaining(`"${name}"`) },
    ]);
    expect(notices[0]?.message).toContain(digest);
    expect((await verifyBundle({ bundlePath: directory.path })).problems).toEqual([]);
    const receipt = await pushAway();
    expect(receipt.complete).toBe(true);
    expect(receipt.notices).toMatchObject([
      { code: "FOREIGN_LAYER_LEFT_OUT", message: expect.stringContaining(digest) },
    ]);
  });
});
