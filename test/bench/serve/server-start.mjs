import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { buildImage, buildLayer } from "../../../dist/demo/image-builder.js";
import { storeArtifact } from "../../../dist/demo/store-artifact.js";
import { openEmbeddedRegistry } from "../../../dist/server/embedded-registry.js";
import { MAIN, median, print } from "../support/programs.mjs";
import { startMirror } from "./servers.mjs";

const IMAGES = 10_000;
const REPOSITORIES = 500;

/** From the start of the program to the port: with one bundle of ten thousand images that share three layers of four. */
export async function benchServerStart({ root, rounds }) {
  const bundle = join(root, "many");
  const registry = await openEmbeddedRegistry();
  await pullMany(registry, bundle);
  await registry.close();
  const taken = [];
  let peakKib = 0;
  for (let round = 0; round < rounds; round++) {
    const before = performance.now();
    const server = await startMirror([bundle]);
    taken.push((performance.now() - before) / 1000);
    peakKib = server.memory().peakKib;
    await server.stop();
  }
  const wall = median(taken).toFixed(2);
  print(`serve, start: ${IMAGES} images: wall ${wall} s, peak ${Math.round(peakKib / 1024)} MiB`);
}

async function pullMany(registry, bundle) {
  const base = [1, 2, 3].map((layer) => buildLayer({ base: `base ${layer}` }));
  const names = [];
  for (let image = 0; image < IMAGES; image++) {
    const repository = `bench/app-${image % REPOSITORIES}`;
    const tag = `v1.${Math.floor(image / REPOSITORIES)}.0`;
    const built = buildImage({ layers: [...base, buildLayer({ own: `own ${image}` })] });
    storeArtifact(registry.content.repository(repository), built, [tag]);
    names.push(`${registry.host}/${repository}:${tag}`);
  }
  const args = ["pull", bundle, "--images-from", "-", "--no-cache", "--progress", "none"];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["pipe", "ignore", "inherit"] });
  child.stdin.end(names.join("\n"));
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`mirror pull of ${IMAGES} images: exit ${code}`);
}
