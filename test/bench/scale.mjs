/**
 * What does not grow: memory and the time of a blob with the number of blobs, memory with the bytes of one. Against a registry
 * that makes its content when it is asked for, in a process of its own.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "./support/daemon.mjs";

const REGISTRY = new URL("../support/synthetic-registry.mjs", import.meta.url).pathname;
/** Blobs of an image beside its layers: its manifest and its config. */
const DOCUMENTS = 2;
/** Few and many images, and the most memory in MiB that any step may take. */
const MANY = {
  scale: [
    { images: 200, layers: 98, boundMib: 160 },
    { images: 1000, layers: 98, boundMib: 256 },
  ],
  images: [
    { images: 7500, layers: 1, boundMib: 256 },
    { images: 30_000, layers: 1, boundMib: 256 },
  ],
};
/** How much longer a blob may take among many than among few. */
const GROWTH = 1.25;
/** One blob, in files of so many parts of it. */
const CHUNKS = { bytes: 200_000_000, counts: [500, 2000, 8000], boundMib: 256 };
const LARGE = { bytes: 20_000_000_000, boundMib: 160 };

/** Many blobs: every command, its peak of memory, and its time for one blob. `mirror` runs it with words. */
export async function benchMany({ name: row, root, mirror, print }) {
  const perBlob = new Map();
  for (const { images, layers, boundMib } of MANY[row]) {
    const blobs = images * (layers + DOCUMENTS);
    const registry = await startRegistry("--images", images, "--layers", layers, "--bytes", 64);
    const list = join(root, "list");
    const tags = Array.from({ length: images }, (_, tag) => `${registry.host}/many:v1.0.${tag}`);
    writeFileSync(list, tags.join("\n"));
    const steps = stepsOf({ root, source: ["--images-from", list], host: registry.host });
    for (const [name, words] of steps) {
      const [before, { client, peakKib }] = [await registry.requests(), await mirror(words)];
      const requests = ((await registry.requests()) - before) / blobs;
      const ms = (client * 1000) / blobs;
      const growth = perBlob.has(name) ? ms / perBlob.get(name) : 1;
      perBlob.set(name, ms);
      const figures = `processor ${client.toFixed(2)} s (${ms.toFixed(2)} ms a blob), ${requests.toFixed(2)} requests a blob`;
      print(
        `${row}: ${images} images, ${blobs} blobs, ${name.padEnd(18)} ${figures}, ${peakOf(peakKib, boundMib, print)}`,
      );
      if (growth > GROWTH) fail(print, `${name}: a blob takes ${growth.toFixed(2)} times as long`);
    }
    await registry.stop();
    rmSync(join(root, "scale"), { recursive: true, force: true });
  }
}

/** One blob that is larger than all that 32 bits can count; takes its bytes of the disk. */
export async function benchLarge({ root, mirror, print }) {
  const registry = await startRegistry("--zeros", LARGE.bytes);
  const source = ["--include-image", `${registry.host}/zeros:v1`];
  for (const [name, words] of stepsOf({ root, source, host: registry.host })) {
    const { client, peakKib } = await mirror(words);
    const rate = LARGE.bytes / client / 1e6;
    const figures = `processor ${client.toFixed(2)} s (${rate.toFixed(0)} MB a second of it)`;
    print(`large: 20 GB, ${name.padEnd(18)} ${figures}, ${peakOf(peakKib, LARGE.boundMib, print)}`);
  }
  await registry.stop();
  rmSync(join(root, "scale"), { recursive: true, force: true });
}

/** The same bytes in few chunks and in many: each more costs a file, and no more. */
export async function benchChunks({ root, mirror, print }) {
  const registry = await startRegistry("--zeros", CHUNKS.bytes);
  const source = ["--include-image", `${registry.host}/zeros:v1`];
  const perFile = new Map();
  for (const count of CHUNKS.counts) {
    const chunks = ["-c", `${CHUNKS.bytes / count}B`];
    for (const [name, words] of stepsOf({ root, source, host: registry.host, chunks })) {
      const { client, peakKib } = await mirror(words);
      const figures = `processor ${client.toFixed(2)} s, ${peakOf(peakKib, CHUNKS.boundMib, print)}`;
      print(`chunks: ${count} of ${CHUNKS.bytes / 1e6} MB, ${name.padEnd(18)} ${figures}`);
      const growth = client / count / (perFile.get(name) ?? client / count);
      perFile.set(name, client / count);
      if (growth > GROWTH) fail(print, `${name}: a chunk takes ${growth.toFixed(2)} times as long`);
    }
    rmSync(join(root, "scale"), { recursive: true, force: true });
  }
  await registry.stop();
}

function stepsOf({ root, source, host, chunks = [] }) {
  const bundle = join(root, "scale");
  const quiet = ["--progress", "none"];
  const pull = ["pull", bundle, ...source, ...chunks, ...quiet];
  const push = [
    "push",
    bundle,
    `${host}/target`,
    ...quiet,
    "--receipt",
    join(root, "scale-receipt.json"),
  ];
  return [
    ["plan", ["plan", bundle, ...source, ...quiet]],
    ["pull", pull],
    ["pull --force", [...pull, "--force"]],
    ["inspect", ["inspect", bundle]],
    ["verify", ["verify", bundle, ...quiet]],
    ["push", push],
    ["push again", push],
  ];
}

function peakOf(peakKib, boundMib, print) {
  const peak = Math.round(peakKib / 1024);
  if (peak > boundMib) fail(print, `${peak} MiB are more than ${boundMib}`);
  return `peak ${peak} MiB`;
}

function fail(print, reason) {
  print(`WORSE ${reason}`);
  process.exitCode = 1;
}

async function startRegistry(...words) {
  const script = [REGISTRY, ...words.map(String)];
  const daemon = await startDaemon(process.execPath, script, { ready: /listening on (\S+)/ });
  const [, host] = daemon.found;
  return {
    host,
    requests: async () => {
      const { counts } = await (await fetch(`http://${host}/counts`)).json();
      const { "GET counts": _, ...others } = counts;
      return Object.values(others).reduce((sum, count) => sum + count, 0);
    },
    stop: daemon.stop,
  };
}
