import { readdir, readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { startMirror } from "../support/cli.ts";
import { allTests } from "../support/fixture.ts";
import { startFaultRegistry } from "../support/registry.ts";
import type { RunningProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { createRandom, seedsFrom } from "./support/random.ts";

const MIB = 1024 * 1024;
const KILLS = seedsFrom(1, 16).length;
/** After so many kills everything may be in the cache: the next ones begin with an empty one. */
const KILLS_OF_A_CACHE = 4;
const CLIENTS = 20;

/** The first is written by a thread, the others come through memory. */
const LAYERS = [randomLayer(9 * MIB, 71), randomLayer(2 * MIB, 72)];
const IMAGE = image({ layers: LAYERS });
const { digest: MANIFEST } = IMAGE.manifest.descriptor;
const PATHS = [
  "manifests/v1",
  `manifests/${MANIFEST}`,
  ...LAYERS.map(({ descriptor }) => `blobs/${descriptor.digest}`),
];
const WHOLE_BYTES = CLIENTS * LAYERS.reduce((sum, { descriptor }) => sum + descriptor.size, 0);

const directory = allTests(openTempDirectory);
const registry = allTests(startFaultRegistry);

beforeAll(async () => {
  seed(registry, "acme/web", { v1: IMAGE });
});

test(`a server that is killed ${KILLS} times while clients pull never gives a wrong byte`, async () => {
  const random = createRandom(7);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const cache = directory.resolve(`cache-${Math.floor(kill / KILLS_OF_A_CACHE)}`);
    const server = await startServer(cache);
    const killAt = random() * WHOLE_BYTES;
    let seen = 0;
    await pullByAll(server, (bytes) => {
      seen += bytes;
      if (seen >= killAt) server.kill("SIGKILL");
    });
    server.kill("SIGKILL");
    await server.finished;
    await expectRightFiles(cache);
  }
  await using server = await startServer(directory.resolve("cache-0"));
  expect(await pullByAll(server, () => {})).toBe(CLIENTS * PATHS.length);
});

async function startServer(cache: string): Promise<RunningProcess> {
  const upstream = `docker.io=http://${registry.host}`;
  return await startMirror([
    ...["serve", "--listen", "127.0.0.1:0", "--cache", cache, "--upstream", upstream],
  ]);
}

/** Pulls with many clients at once; returns how many answers came to their end. All of these were right. */
async function pullByAll(
  server: RunningProcess,
  onBytes: (bytes: number) => void,
): Promise<number> {
  const [, port] = await server.waitFor(/"port":(\d+)/);
  const base = `http://127.0.0.1:${port}/v2/acme/web`;
  const answers = Array.from({ length: CLIENTS }, async () => {
    let ended = 0;
    for (const path of PATHS) {
      const body = await read(`${base}/${path}?ns=docker.io`, onBytes).catch(() => undefined);
      if (body === undefined) return ended;
      const [, wanted = MANIFEST] = /(sha256:[0-9a-f]+)$/.exec(path) ?? [];
      expect(digestOf(body)).toBe(wanted);
      ended += 1;
    }
    return ended;
  });
  return (await Promise.all(answers)).reduce((sum, ended) => sum + ended, 0);
}

async function read(url: string, onBytes: (bytes: number) => void): Promise<Buffer> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    onBytes(chunk.length);
  }
  return Buffer.concat(chunks);
}

/** Whatever has a digest for its name has that digest. */
async function expectRightFiles(cache: string): Promise<void> {
  const blobs = `${cache}/content/blobs/sha256`;
  for (const name of await readdir(blobs).catch(() => [])) {
    expect(digestOf(await readFile(`${blobs}/${name}`))).toBe(`sha256:${name}`);
  }
}
