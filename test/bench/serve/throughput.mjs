import { spawn } from "node:child_process";
import { once } from "node:events";
import { findProgram, median, print } from "../support/programs.mjs";
import { makeCertificate, startMirror, startNginx, startStored } from "./servers.mjs";

/** Every blob of an image once, on one connection and on four, with and without TLS. */
export async function benchThroughput({ root, rounds, noteRatio, bundles, image, storage, size }) {
  for (const tls of [undefined, makeCertificate(root)]) {
    const servers = [
      ["mirror serve, one tar", () => startMirror([bundles.whole], { tls })],
      ["mirror serve, chunks of 100 MB", () => startMirror([bundles.chunked], { tls })],
      ["mirror serve, chunks, first pull", () => startMirror([bundles.chunked], { tls }), true],
      ["docker-registry", () => startStored(root, storage, { tls })],
      ...(findProgram("nginx")
        ? [["nginx, sendfile", () => startNginx(root, storage, { tls })]]
        : []),
    ];
    for (const clients of [1, 4]) {
      const name = `serve${tls ? ", TLS" : ""}, ${clients === 1 ? "1 client" : `${clients} clients`}`;
      const wanted = { image, clients, scheme: tls ? "https" : "http" };
      const results = await measure(servers, { rounds, wanted });
      report(name, results, { noteRatio, bytes: size * clients });
    }
  }
}

/** In turn, so that a slow phase of the machine hits all of them; servers stay, but where the first pull is meant. */
async function measure(servers, { rounds, wanted }) {
  const started = new Map();
  const taken = new Map(servers.map(([label]) => [label, []]));
  for (const [label, start, isFirst] of servers) {
    if (isFirst) continue;
    started.set(label, await start());
    await pullAll(started.get(label), wanted);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [label, start, isFirst] of servers) {
      const server = isFirst ? await start() : started.get(label);
      taken.get(label).push(await pullAll(server, wanted));
      if (isFirst) await server.stop();
    }
  }
  for (const server of started.values()) await server.stop();
  return taken;
}

/** What it takes until all clients have all of it, and of the server. */
async function pullAll(server, { clients, image, scheme }) {
  // Bundles have it under the name of the registry that it came from
  const [registry] = image.name.split("/");
  const urls = image.layers.map(({ digest }) => {
    return `${scheme}://${server.host}/v2/${image.repository}/blobs/${digest}?ns=${registry}`;
  });
  const sinks = urls.flatMap((url) => ["-o", "/dev/null", url]);
  const [before, spent] = [performance.now(), server.processorSeconds()];
  await Promise.all(Array.from({ length: clients }, () => runCurl(["-sSfk", ...sinks])));
  return {
    wall: (performance.now() - before) / 1000,
    processor: server.processorSeconds() - spent,
    peakKib: server.memory().peakKib,
  };
}

async function runCurl(args) {
  const child = spawn("curl", args, { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`curl ${args.join(" ")}: exit ${code}`);
}

function report(name, taken, { bytes, noteRatio }) {
  const medians = [...taken].map(([label, samples]) => {
    const of = (key) => median(samples.map((sample) => sample[key]));
    return { label, wall: of("wall"), processor: of("processor"), peakKib: of("peakKib") };
  });
  const own = medians.find(({ label }) => label.includes("chunks of"));
  for (const { label, wall, processor, peakKib } of medians) {
    const isPeer = !label.startsWith("mirror");
    const ratio = own.wall / wall;
    if (isPeer) noteRatio(`${name} / ${label}: wall`, ratio);
    const rate = `${(bytes / wall / 1e6).toFixed(0)} MB/s`.padStart(9);
    const figures = `${rate}, processor ${processor.toFixed(2)} s, peak ${Math.round(peakKib / 1024)} MiB`;
    const beside = isPeer ? `   chunks / this: wall ${ratio.toFixed(2)}` : "";
    print(`${name}: ${label.padEnd(33)} ${figures}${beside}`);
  }
}
