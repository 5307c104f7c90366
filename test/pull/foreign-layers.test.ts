import type { IncomingHttpHeaders } from "node:http";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBundle } from "../../src/bundle/read/bundle-reader.ts";
import { storeArtifact } from "../../src/demo/store-artifact.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { pull } from "../../src/pull/pull.ts";
import { push } from "../../src/push/push.ts";
import { createCredentials } from "../../src/registry/auth/create-credentials.ts";
import { openRegistryClient, type RegistryClient } from "../../src/registry/registry-client.ts";
import { parseSelection } from "../../src/selection/grammar/parse-selection.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { verifyBundle } from "../../src/verify/verify.ts";
import { createAuthority } from "../registry/support/authority.ts";
import { startServer } from "../registry/support/server.ts";
import { blob, image } from "../support/artifacts.ts";
import { MARKER } from "../support/secrets.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";

let directory: TempDirectory;
let registry: EmbeddedRegistry;
let client: RegistryClient;

beforeEach(async () => {
  directory = await openTempDirectory();
  registry = await openEmbeddedRegistry();
  client = openRegistryClient({ certsDirectories: [] });
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
    bundlePath: directory.resolve("bundle"),
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
    bundlePath: directory.resolve("bundle"),
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
        await using bundle = await openBundle(directory.resolve("bundle"));
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
    expect((await verifyBundle({ bundlePath: directory.resolve("bundle") })).problems).toEqual([]);
    const receipt = await pushAway();
    expect(receipt.complete).toBe(true);
    expect(receipt.notices).toMatchObject([
      { code: "FOREIGN_LAYER_LEFT_OUT", message: expect.stringContaining(digest) },
    ]);
  });
});

const openssl = requireTool("openssl");

openssl.describe("a foreign layer that only its address has", () => {
  async function servedAs(body: Buffer) {
    const authority = await createAuthority(directory.path);
    const certificate = await authority.issue("layers");
    const asked: IncomingHttpHeaders[] = [];
    const server = await startServer((request, response) => {
      asked.push(request.headers);
      response.writeHead(200, { "content-length": body.length }).end(body);
    }, certificate);
    await client[Symbol.asyncDispose]();
    const login = { registry: server.host, login: "me", password: MARKER };
    const credentials = createCredentials({ env: {}, ...login });
    const caFiles = [authority.certificatePath];
    client = openRegistryClient({ env: {}, caFiles, certsDirectories: [], credentials });
    return { server, asked, address: `https://${server.host}/base` };
  }

  openssl.test("is fetched from there over HTTPS, without a login, and pushed", async () => {
    const { server, asked, address } = await servedAs(await contentOf(LAYER));
    await using _closed = server;
    const { summary } = await pullForeign(seedForeign(DOCKER, [address], false));
    expect(summary).toMatchObject({ complete: true, failures: [] });
    expect(asked.map(({ authorization }) => authorization)).toEqual([undefined]);
    expect(await pushAway()).toMatchObject({ complete: true });
  });

  openssl.test("fails its image where the address has other bytes", async () => {
    const { server, address } = await servedAs(Buffer.from("a base layer of somebody ELSE"));
    await using _closed = server;
    const { summary } = await pullForeign(seedForeign(DOCKER, [address], false));
    expect(summary).toMatchObject({ complete: false, failures: [{ code: "CONTENT_MISMATCH" }] });
  });
});

async function contentOf({ content }: typeof LAYER): Promise<Buffer> {
  return await buffer(content.open(0, content.size));
}
