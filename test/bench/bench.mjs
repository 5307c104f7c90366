#!/usr/bin/env node
/**
 * Compares pull, push and verify with the tools on PATH (crane, oras, skopeo, sha256sum), side by side in one run against
 * Debian's docker-registry on loopback. Prints medians of wall time, of processor time (client, its main thread, registry), of
 * the peak of memory and of what the registry counted, and ratios: absolute times mean nothing on shared machines.
 *
 *   npm run bench -- [--size 1.8GB] [--rounds 3] [--case pull,push,verify,small-pull,…,serve,scale,images,tags,chunks,large]
 *                    [--directory DIR] [--record FILE] [--check FILE]
 *
 * `--only` is another word for `--case`. `wire` moves all of it over a line of 1 Gbit/s with 30 ms there and back, `wire-tls`
 * the same with TLS, `latency` small blobs over one with 50 ms; they run when they are named, as `scale` (20,000 and 100,000
 * blobs), `images` (7,500 and 30,000 of one layer), `tags` (10,000 in a repository), `chunks` (2,000 and 8,000) and `large` (20 GB, on the disk of DIR) do.
 * --record keeps the ratios of this run, beside those of other cases that the file has; --check compares with kept ones, as
 * with those in `ratios.json` beside this file, and fails where one is more than a fifth worse, or where there is none to compare with.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseByteSize } from "../../dist/index.js";
import { benchChunks, benchLarge, benchMany } from "./scale.mjs";
import { benchServe } from "./serve/bench-serve.mjs";
import { makeCertificate, startStored } from "./serve/servers.mjs";
import { putBlob, putImage } from "./support/content.mjs";
import { stopDaemons } from "./support/daemon.mjs";
import { startRegistry } from "./support/docker-registry.mjs";
import { has, MAIN, median, print, run as runIn, TIME } from "./support/programs.mjs";
import { Ratios } from "./support/ratios.mjs";
import { startWire } from "./support/start-wire.mjs";
import { benchTags } from "./tags.mjs";

const { values: flags } = parseArgs({
  options: {
    size: { type: "string", default: "1.8GB" },
    rounds: { type: "string", default: "3" },
    case: {
      type: "string",
      default: "pull,push,verify,small-pull,small-push,force,start,memory,serve",
    },
    only: { type: "string" },
    directory: { type: "string" },
    record: { type: "string" },
    check: { type: "string" },
  },
});
const size = parseByteSize(flags.size, { defaultUnit: "GB", option: "size" });
const rounds = Number(flags.rounds);
const parts = new Set((flags.only ?? flags.case).split(","));
const root = mkdtempSync(join(flags.directory ?? tmpdir(), "mirror-bench-"));
const IMAGES = 8;
const REPOSITORY = "bench/app";
/** Blobs of one KiB, in images of a hundred. */
const SMALL = { repository: "bench/tiny", images: 20, layers: 100, bytes: 1024 };
const ONE = { repository: "bench/one", images: 1, layers: 3, bytes: 100_000 };
/** Starts in one measurement: a single one is a few ticks of the system's clock. */
const STARTS = 10;
/** In place of a registry where none is needed. */
const IDLE = { processorSeconds: () => 0, counters: async () => ({ requests: 0, bytes: 0 }) };
/** Bytes per second, and milliseconds one way. */
const WIRES = {
  wire: [125_000_000, 15],
  "wire-tls": [125_000_000, 15],
  latency: [125_000_000, 25],
};
/** What moves the large blobs. */
const LONG_WIRES = ["wire", "wire-tls"];
const ratios = new Ratios();
const run = (command, args) => runIn(root, command, args);

try {
  await main();
} finally {
  stopDaemons();
  rmSync(root, { recursive: true, force: true });
}

async function main() {
  if (!has("docker-registry"))
    throw new Error("the bench needs docker-registry on PATH (Debian package docker-registry)");
  if (!existsSync(TIME)) throw new Error(`the bench needs ${TIME} (Debian package time)`);
  const source = await startRegistry(root, "source", { counts: true });
  const peers = ["crane", "oras", "skopeo"].filter(has);
  const beside = peers.join(", ") || "nothing on PATH";
  print(`${IMAGES} images, ${(size / 1e9).toFixed(2)} GB, ${rounds} rounds; beside: ${beside}`);
  await benchCases(source, peers);
  if (flags.record) ratios.record(flags.record);
  if (flags.check) ratios.check(flags.check);
}

async function benchCases(source, peers) {
  const has = (...names) => names.some((name) => parts.has(name));
  if (has("start")) await benchStart(source, peers);
  const large = has("pull", "push", "verify", ...LONG_WIRES) && {
    repository: REPOSITORY,
    tags: await fill(source, size),
  };
  if (has("pull")) await benchPull(source, { ...large, name: "pull" }, peers);
  if (has("push")) await benchPush(source, { ...large, name: "push" }, peers);
  if (has("verify")) await benchVerify(source, large);
  for (const name of LONG_WIRES.filter((one) => has(one)))
    await benchWire(source, { ...large, name }, peers);
  const small = has("small-pull", "small-push", "force", "latency") && {
    repository: SMALL.repository,
    tags: await fillSmall(source, SMALL),
  };
  if (has("small-pull")) await benchPull(source, { ...small, name: "small-pull" }, peers);
  if (has("small-push")) await benchPush(source, { ...small, name: "small-push" }, peers);
  if (has("latency")) await benchWire(source, { ...small, name: "latency" }, peers);
  if (has("force")) await benchForce(source, small);
  if (has("memory")) await benchMemory(source);
  if (has("serve"))
    await benchServe({ root, size, rounds, noteRatio: (...one) => ratios.note(...one) });
  await benchManyOrLarge(has);
}

/** What there is much of, which peers are not asked to do. */
async function benchManyOrLarge(has) {
  const own = { root, print, mirror: (args) => run(process.execPath, [MAIN, ...args]) };
  for (const name of ["scale", "images"].filter((one) => has(one)))
    await benchMany({ ...own, name });
  if (has("tags")) await benchTags({ root, compare, mirror });
  if (has("chunks")) await benchChunks(own);
  if (has("large")) await benchLarge(own);
}

async function benchStart(source, peers) {
  await compare("start", [
    ["mirror --version", () => runAgain(process.execPath, [MAIN, "--version"])],
    ["node with nothing to do", () => runAgain(process.execPath, ["-e", "0"])],
  ]);
  const reference = `${source.host}/${ONE.repository}:${await fillSmall(source, ONE)}`;
  const crane = (out) => run("crane", ["pull", "--insecure", "--format=oci", reference, out]);
  await compare("one image", [
    ["mirror pull", (out) => mirror(["pull", out, "--include-image", reference])],
    ...(peers.includes("crane") ? [["crane pull --format=oci", crane]] : []),
    ["node with nothing to do", () => run(process.execPath, ["-e", "0"])],
  ]);
}

/** Again what is there and has not changed: every tag is asked for, and every byte hashed. */
async function benchForce(source, { repository, tags }) {
  const made = join(root, "made-force");
  const include = tags.flatMap((tag) => ["--include-image", `${source.host}/${repository}:${tag}`]);
  await mirror(["pull", made, ...include]);
  await compare("force", [
    ["mirror pull --force, unchanged", () => mirror(["pull", made, "--force", ...include])],
  ]);
}

async function runAgain(...command) {
  const words = command.flat().map((word) => `'${word}'`);
  const loop = `for _ in $(seq ${STARTS}); do ${words.join(" ")} >/dev/null; done`;
  return await run("sh", ["-c", loop]);
}

/** One large file and its blobs, beside a program that hashes the file alone. */
async function benchVerify(source, { repository, tags }) {
  const bundle = join(root, "verified");
  const include = tags.flatMap((tag) => ["--include-image", `${source.host}/${repository}:${tag}`]);
  await mirror(["pull", bundle, ...include]);
  await compare("verify", [
    ["mirror verify", () => mirror(["verify", bundle])],
    ["sha256sum -c", () => run("sh", ["-c", `cd '${bundle}' && sha256sum --quiet -c SHA256SUMS`])],
  ]);
  rmSync(bundle, { recursive: true, force: true });
}

async function benchPull(source, { name, repository, tags, tls, lineSeconds }, peers) {
  const references = tags.map((tag) => `${source.host}/${repository}:${tag}`);
  const include = references.flatMap((reference) => ["--include-image", reference]);
  const candidates = [
    ["mirror pull, one tar", (out) => mirror(["pull", out, ...include, ...trust(tls)])],
    [
      "mirror pull --no-checksums",
      (out) => mirror(["pull", out, "--no-checksums", ...include, ...trust(tls)]),
    ],
    [
      "mirror pull, 500 MB chunks",
      (out) => mirror(["pull", out, "-c", "500MB", ...include, ...trust(tls)]),
    ],
    ...(peers.includes("crane")
      ? [
          [
            "crane pull --format=oci",
            (out) => run("crane", ["pull", "--insecure", "--format=oci", ...references, out]),
          ],
        ]
      : []),
    ...(peers.includes("oras")
      ? [
          [
            "oras backup, tar",
            (out) =>
              run("oras", [
                "backup",
                orasScheme(tls),
                "--output",
                `${out}.tar`,
                `${source.host}/${repository}:${tags.join(",")}`,
              ]),
          ],
        ]
      : []),
    ...(peers.includes("skopeo")
      ? [
          [
            "skopeo copy, one oci-archive each",
            async (out) => {
              mkdirSync(out, { recursive: true });
              const used = { client: 0, main: 0, peakKib: 0 };
              for (const [index, reference] of references.entries()) {
                const { client, peakKib } = await run("skopeo", [
                  "copy",
                  "-q",
                  "--src-tls-verify=false",
                  `docker://${reference}`,
                  `oci-archive:${out}/${index}.tar`,
                ]);
                used.client += client;
                used.peakKib = Math.max(used.peakKib, peakKib);
              }
              return used;
            },
          ],
        ]
      : []),
  ];
  await compare(name, candidates, { source, lineSeconds });
}

/** Pull and push at the other end of a line. */
async function benchWire(source, { name, ...content }, peers) {
  const [rate, delay] = WIRES[name];
  const lineSeconds = name === "latency" ? undefined : size / rate;
  if (lineSeconds) print(`${name}: the bytes alone take ${lineSeconds.toFixed(2)} s of the line`);
  const tls = name === "wire-tls" ? makeCertificate(root) : undefined;
  const far = tls ? await startStored(root, source.storage, { tls }) : source;
  const line = await startWire(far.host, WIRES[name]);
  const pulled = { ...content, name: `${name}-pull`, tls, lineSeconds };
  await benchPull({ ...source, host: line.host }, pulled, peers);
  await line.stop();
  if (tls) await far.stop();
  print(`${name}: ${(rate / 1e6).toFixed(0)} MB/s, ${2 * delay} ms there and back`);
  await benchPush(
    source,
    { ...content, name: `${name}-push`, wire: name, tls, lineSeconds },
    peers,
  );
}

/** crane takes any certificate with `--insecure`. */
function trust(tls) {
  return tls ? ["--ca-file", tls.cert] : [];
}

function orasScheme(tls) {
  return tls ? "--insecure" : "--plain-http";
}

async function benchPush(source, { wire, name, repository, tags, tls, lineSeconds }, peers) {
  const made = join(root, `made-${name}`);
  mkdirSync(made, { recursive: true });
  const references = tags.map((tag) => `${source.host}/${repository}:${tag}`);
  await mirror([
    "pull",
    join(made, "bundle"),
    ...references.flatMap((reference) => ["--include-image", reference]),
  ]);
  const candidates = [
    [
      "mirror push",
      (_, target) =>
        mirror([
          "push",
          join(made, "bundle"),
          `${target.host}/repo`,
          "--receipt",
          join(made, "receipt.json"),
          ...trust(tls),
        ]),
    ],
  ];
  if (peers.includes("crane")) {
    await run("crane", ["pull", "--insecure", "--format=oci", ...references, join(made, "crane")]);
    candidates.push([
      "crane push --index",
      (_, target) =>
        run("crane", [
          "push",
          "--insecure",
          "--index",
          join(made, "crane"),
          `${target.host}/crane:all`,
        ]),
    ]);
  }
  if (peers.includes("oras")) {
    const tar = join(made, "oras.tar");
    await run("oras", [
      "backup",
      "--plain-http",
      "--output",
      tar,
      `${source.host}/${repository}:${tags.join(",")}`,
    ]);
    candidates.push([
      "oras restore, tar",
      (_, target) =>
        run("oras", ["restore", orasScheme(tls), "--input", tar, `${target.host}/oras`]),
    ]);
  }
  await compare(name, candidates, { needsTarget: true, wire, tls, lineSeconds });
}

/** Peak memory does not depend on the bytes of a blob, nor on the number of blobs. */
async function benchMemory(source) {
  const cases = [
    ["one blob of 2 GB", "bench/large", 1, 1, 2_000_000_000],
    ["10,000 blobs of 1 KiB", "bench/small", 100, 100, 1024],
  ];
  for (const [label, repository, images, layers, bytes] of cases) {
    const tags = await fillSmall(source, { repository, images, layers, bytes });
    const out = join(root, "memory");
    const include = tags.flatMap((tag) => [
      "--include-image",
      `${source.host}/${repository}:${tag}`,
    ]);
    const pulled = await resident(["pull", out, ...include]);
    const target = await startRegistry(root, "memory-target");
    const pushed = await resident([
      "push",
      out,
      `${target.host}/repo`,
      "--receipt",
      join(root, "memory.json"),
    ]);
    await target.stop();
    rmSync(out, { recursive: true, force: true });
    print(
      `memory: ${label.padEnd(22)} pull ${(pulled / 1024).toFixed(0)} MiB, push ${(pushed / 1024).toFixed(0)} MiB resident at the peak`,
    );
  }
}

async function fillSmall({ host }, { repository, images, layers, bytes }) {
  const tags = [];
  for (let image = 0; image < images; image++) {
    const blobs = await inParallel(layers, (layer) =>
      putBlob(host, repository, bytes, 1e6 + image * layers + layer),
    );
    tags.push(await putImage(host, repository, `v1.0.${image}`, blobs));
  }
  return tags;
}

async function inParallel(count, act) {
  const results = [];
  for (let start = 0; start < count; start += 8) {
    const indices = Array.from({ length: Math.min(8, count - start) }, (_, index) => start + index);
    results.push(...(await Promise.all(indices.map(act))));
  }
  return results;
}

async function resident(args) {
  return (await run(process.execPath, [MAIN, ...args, "--progress", "none"])).peakKib;
}

/** Runs the candidates in turn, round by round, so that a slow phase of the machine hits all of them. */
async function compare(
  name,
  candidates,
  { needsTarget = false, source, wire, tls, lineSeconds } = {},
) {
  const taken = new Map(candidates.map(([label]) => [label, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [label, act] of candidates) {
      const out = join(root, `${name}-out`);
      const target = needsTarget ? await startTarget(`${name}-target`, { wire, tls }) : undefined;
      execFileSync("sync");
      taken.get(label).push(await measure(() => act(out, target), target ?? source));
      await target?.stop();
      for (const path of [out, `${out}.tar`]) rmSync(path, { recursive: true, force: true });
    }
  }
  const medians = new Map(
    [...taken].map(([label, samples]) => [
      label,
      Object.fromEntries(
        ["wall", "client", "main", "registry", "peakKib", "requests", "bytes"].map((key) => [
          key,
          median(samples.map((sample) => sample[key])),
        ]),
      ),
    ]),
  );
  const [[first, own]] = medians;
  for (const [label, used] of medians) {
    const share = lineSeconds ? `, ${(lineSeconds / used.wall).toFixed(3)} of the line` : "";
    const ratio = ratioText(name, own, { label, first, ...used });
    print(`${name}: ${label.padEnd(34)} ${figuresOf(label, used)}${share}${ratio}`);
  }
}

function figuresOf(label, { wall, client, main, registry, peakKib, requests, bytes }) {
  const mainText = label.startsWith("mirror") ? ` (main thread ${main.toFixed(2)})` : "";
  const traffic = requests > 0 ? `, ${requests} requests, ${(bytes / 1e6).toFixed(1)} MB` : "";
  return `wall ${wall.toFixed(2)} s, processor ${client.toFixed(2)}${mainText} + ${registry.toFixed(2)} s, peak ${Math.round(peakKib / 1024)} MiB${traffic}`;
}

/** An empty registry, with a line before it if one is named. */
async function startTarget(name, { wire, tls }) {
  const registry = await startRegistry(root, name, { counts: true, tls });
  if (wire === undefined) return registry;
  const line = await startWire(registry.host, WIRES[wire]);
  const stop = async () => {
    await line.stop();
    await registry.stop();
  };
  return { ...registry, host: line.host, stop };
}

/** What doing something takes, of the client and of the registry that it talks to. */
async function measure(act, registry = IDLE) {
  const counted = await registry.counters();
  const [before, spent] = [performance.now(), registry.processorSeconds()];
  const used = await act();
  const wall = (performance.now() - before) / 1000;
  const registrySeconds = registry.processorSeconds() - spent;
  const { requests, bytes } = await registry.counters();
  return {
    wall,
    ...used,
    registry: registrySeconds,
    requests: requests - counted.requests,
    bytes: bytes - counted.bytes,
  };
}

/** How mirror stands beside a peer. */
function ratioText(name, own, { label, first, ...peer }) {
  if (label === first || label.startsWith("mirror")) return "";
  const processor = (own.client + own.registry) / (peer.client + peer.registry);
  ratios.note(`${name} / ${label}: wall`, own.wall / peer.wall);
  ratios.note(`${name} / ${label}: processor`, processor);
  return `   mirror / this: wall ${(own.wall / peer.wall).toFixed(2)}, processor ${processor.toFixed(2)}`;
}

/** Images that share three base layers, with three layers of their own; incompressible bytes. */
async function fill({ host }, total) {
  const shared = 3;
  const own = 3;
  const unit = Math.floor(total / (shared + own * IMAGES));
  const base = [];
  for (let index = 0; index < shared; index++)
    base.push(await putBlob(host, REPOSITORY, unit, index));
  const tags = [];
  for (let image = 0; image < IMAGES; image++) {
    const layers = [...base];
    for (let index = 0; index < own; index++) {
      layers.push(await putBlob(host, REPOSITORY, unit, 100 + image * own + index));
    }
    tags.push(await putImage(host, REPOSITORY, `v1.0.${image}`, layers));
  }
  return tags;
}

function mirror(args) {
  return run(process.execPath, [MAIN, ...args, "--progress", "none"]);
}
