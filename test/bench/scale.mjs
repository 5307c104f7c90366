/**
 * What does not grow: memory and the time of a blob with the number of blobs, memory with the bytes of one. Against a registry
 * that makes its content when it is asked for, in a process of its own.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "./support/daemon.mjs";

const REGISTRY = new URL("../support/synthetic-registry.mjs", import.meta.url).pathname;
/** Blobs of an image: its manifest, its config and layers. */
const LAYERS = 98;
/** Images of a hundred blobs, and the most memory in MiB that any step may take. */
const MANY = [
  { images: 200, boundMib: 160 },
  { images: 1000, boundMib: 256 },
];
/** How much longer one of 100,000 blobs may take than one of 20,000. */
const GROWTH = 1.25;
const LARGE = { bytes: 20_000_000_000, boundMib: 160 };

/** Many blobs: every command, its peak of memory, and its time for one blob. `mirror` runs it with words. */
export async function benchMany({ root, mirror, print }) {
  const perBlob = new Map();
  for (const { images, boundMib } of MANY) {
    const blobs = images * (LAYERS + 2);
    const registry = await startRegistry("--images", images, "--layers", LAYERS, "--bytes", 64);
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
        `scale: ${blobs} blobs, ${name.padEnd(18)} ${figures}, ${peakOf(peakKib, boundMib, print)}`,
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

function stepsOf({ root, source, host }) {
  const bundle = join(root, "scale");
  const quiet = ["--progress", "none"];
  const pull = ["pull", bundle, ...source, ...quiet];
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
