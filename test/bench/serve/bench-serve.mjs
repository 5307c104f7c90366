import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { putBlob, putImage, putIndex } from "../support/content.mjs";
import { startRegistry } from "../support/docker-registry.mjs";
import { MAIN, run } from "../support/programs.mjs";
import { benchClients } from "./clients.mjs";
import { benchPullThrough } from "./pull-through.mjs";
import { benchServerStart } from "./server-start.mjs";
import { benchThroughput } from "./throughput.mjs";

const REPOSITORY = "bench/served";

/**
 * How `serve` gives away what lies in a bundle, beside docker-registry and nginx with the same blobs, and what it costs to
 * pull through it. Client is curl, which hashes nothing: what is measured is the server.
 */
export async function benchServe({ root, size, rounds, noteRatio }) {
  const directory = join(root, "serve");
  mkdirSync(directory, { recursive: true });
  await benchServerStart({ root: directory, rounds });
  const storage = join(directory, "storage");
  const upstream = await startRegistry(directory, "upstream", { storageOf: storage });
  const layers = [];
  for (let layer = 0; layer < 4; layer++) {
    const [host, unit] = [upstream.host, Math.floor(size / 4)];
    layers.push(await putBlob(host, REPOSITORY, unit, `serve-${layer}`));
  }
  await putImage(upstream.host, REPOSITORY, "v1", layers);
  const own = await putBlob(upstream.host, REPOSITORY, 1_000_000, "arm64");
  await putIndex(upstream.host, REPOSITORY, "many", { amd64: [layers[0]], arm64: [own] });
  const image = { name: `${upstream.host}/${REPOSITORY}:v1`, repository: REPOSITORY, layers };
  const bundles = { whole: join(directory, "whole"), chunked: join(directory, "chunked") };
  await pull(directory, bundles.whole, image.name);
  await pull(directory, bundles.chunked, image.name, "-c", "100MB");
  const given = { root: directory, rounds, noteRatio, bundles, image, storage, size };
  await upstream.stop();
  await benchPullThrough(given);
  await benchThroughput(given);
  await benchClients(given);
}

async function pull(root, out, image, ...flags) {
  const args = ["pull", out, "--include-image", image, "--no-cache", "--progress", "none"];
  await run(root, process.execPath, [MAIN, ...args, ...flags]);
}
