import { rmSync } from "node:fs";
import { join } from "node:path";
import { startRegistry } from "../support/docker-registry.mjs";
import { has, median, print, run } from "../support/programs.mjs";
import { startWire } from "../support/start-wire.mjs";
import { startMirror } from "./servers.mjs";

/** Where upstreams are: beyond 1 Gbit/s with 30 ms there and back. */
const LINE = [125_000_000, 15];

/**
 * A pull through a cache that is empty, one through the same cache when it is full, and one without a cache: time, and what
 * the upstream was asked for. The client is skopeo with all platforms of an index, so that every kind of request is there.
 */
export async function benchPullThrough({ root, rounds, noteRatio, image, storage }) {
  if (!has("skopeo")) return print("pull-through: needs skopeo on PATH (Debian package skopeo)");
  let asked = 0;
  const upstream = await startRegistry(root, "asked", {
    storageOf: storage,
    onRequest: () => {
      asked += 1;
    },
  });
  const line = await startWire(upstream.host, LINE);
  await benchTo(upstream.host, "");
  await benchTo(line.host, " over a line");
  await line.stop();
  await upstream.stop();

  async function benchTo(host, where) {
    const taken = new Map();
    const measure = async (label, server, path) => {
      asked = 0;
      const spent = server.processorSeconds();
      const before = performance.now();
      await pullAllPlatforms(root, `${server.host}/${path}`);
      const wall = (performance.now() - before) / 1000;
      const processor = server.processorSeconds() - spent;
      // The log of the upstream comes by a pipe
      await new Promise((resolve) => setTimeout(resolve, 200));
      const samples = taken.get(label) ?? [];
      const { peakKib } = server.memory();
      taken.set(label, [...samples, { wall, processor, asked, peakKib }]);
    };
    const path = image.repository;
    for (let round = 0; round < rounds; round++) {
      await measure(`direct${where}`, { ...upstream, host }, `${path}:many`);
      const cache = join(root, "cache");
      const spec = `docker.io=http://${host}`;
      const mirror = await startMirror(["--upstream", spec, "--cache", cache]);
      await measure(`mirror serve, cold${where}`, mirror, `docker.io/${path}:many`);
      await measure(`mirror serve, warm${where}`, mirror, `docker.io/${path}:many`);
      await mirror.stop();
      rmSync(cache, { recursive: true, force: true });
      const proxy = await startRegistry(root, "proxy", { proxyOf: host });
      await measure(`docker-registry as proxy, cold${where}`, proxy, `${path}:many`);
      await measure(`docker-registry as proxy, warm${where}`, proxy, `${path}:many`);
      await proxy.stop();
    }
    report(taken, noteRatio);
  }
}

async function pullAllPlatforms(root, image) {
  const out = join(root, "pulled");
  const flags = ["--all", "-q", "--src-tls-verify=false"];
  await run(root, "skopeo", ["copy", ...flags, `docker://${image}`, `dir:${out}`]);
  rmSync(out, { recursive: true, force: true });
}

function report(taken, noteRatio) {
  const medians = [...taken].map(([label, samples]) => {
    const of = (key) => median(samples.map((sample) => sample[key]));
    const [wall, processor, asked, peakKib] = ["wall", "processor", "asked", "peakKib"].map(of);
    return { label, wall, processor, asked, peakKib };
  });
  const [direct] = medians;
  for (const { label, wall, processor, asked, peakKib } of medians) {
    const ratio = wall / direct.wall;
    if (label.startsWith("mirror")) noteRatio(`pull-through / ${label}: wall`, ratio);
    const figures = `wall ${wall.toFixed(2)} s, processor ${processor.toFixed(2)} s, peak ${Math.round(peakKib / 1024)} MiB`;
    const requests = `${asked} requests upstream`;
    print(
      `pull-through: ${label.padEnd(43)} ${figures}, ${requests}   this / direct: wall ${ratio.toFixed(2)}`,
    );
  }
}
