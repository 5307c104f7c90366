#!/usr/bin/env node
/**
 * Compares pull and push with the tools on PATH (crane, oras, skopeo), side by side in one run against Debian's
 * docker-registry on loopback. Prints medians and ratios: absolute times mean nothing on shared machines.
 *
 *   npm run bench -- [--size 1.8GB] [--rounds 3] [--only pull,push,memory] [--directory DIR]
 */
import { execFileSync, spawn } from "node:child_process";
import { createCipheriv, createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseByteSize } from "../../dist/index.js";

const { values: flags } = parseArgs({
  options: {
    size: { type: "string", default: "1.8GB" },
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "pull,push,memory" },
    directory: { type: "string" },
  },
});
const size = parseByteSize(flags.size, { defaultUnit: "GB", option: "size" });
const rounds = Number(flags.rounds);
const parts = new Set(flags.only.split(","));
const root = mkdtempSync(join(flags.directory ?? tmpdir(), "mirror-bench-"));
const MAIN = new URL("../../dist/mirror.js", import.meta.url).pathname;
const IMAGES = 8;
const REPOSITORY = "bench/app";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const AGENT = new Agent({ keepAlive: true });
const started = [];

try {
  await main();
} finally {
  for (const child of started) child.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
}

async function main() {
  if (!has("docker-registry"))
    throw new Error("the bench needs docker-registry on PATH (Debian package docker-registry)");
  const source = await startRegistry("source");
  const tags = await fill(source, size);
  const peers = ["crane", "oras", "skopeo"].filter(has);
  print(
    `${IMAGES} images, ${(size / 1e9).toFixed(2)} GB, ${rounds} rounds; beside: ${peers.join(", ") || "nothing on PATH"}`,
  );
  const made = join(root, "made");
  if (parts.has("pull")) await benchPull(source, tags, peers);
  if (parts.has("push")) await benchPush(source, tags, peers, made);
  if (parts.has("memory")) await benchMemory(source);
}

async function benchPull(source, tags, peers) {
  const references = tags.map((tag) => `${source.host}/bench/app:${tag}`);
  const include = references.flatMap((reference) => ["--include-image", reference]);
  const candidates = [
    ["mirror pull, one tar", (out) => mirror(["pull", out, ...include])],
    ["mirror pull, 500 MB chunks", (out) => mirror(["pull", out, "-c", "500MB", ...include])],
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
                "--plain-http",
                "--output",
                `${out}.tar`,
                `${source.host}/bench/app:${tags.join(",")}`,
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
              for (const [index, reference] of references.entries()) {
                await run("skopeo", [
                  "copy",
                  "-q",
                  "--src-tls-verify=false",
                  `docker://${reference}`,
                  `oci-archive:${out}/${index}.tar`,
                ]);
              }
            },
          ],
        ]
      : []),
  ];
  await compare("pull", candidates);
}

async function benchPush(source, tags, peers, made) {
  mkdirSync(made, { recursive: true });
  const references = tags.map((tag) => `${source.host}/bench/app:${tag}`);
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
      `${source.host}/bench/app:${tags.join(",")}`,
    ]);
    candidates.push([
      "oras restore, tar",
      (_, target) =>
        run("oras", ["restore", "--plain-http", "--input", tar, `${target.host}/oras`]),
    ]);
  }
  await compare("push", candidates, true);
}

/** Peak memory does not depend on the bytes of a blob, nor on the number of blobs. */
async function benchMemory(source) {
  if (!existsSync("/usr/bin/time"))
    return print("memory: skipped, /usr/bin/time is missing (Debian package time)");
  const cases = [
    ["one blob of 2 GB", "bench/large", 1, 1, 2_000_000_000],
    ["10,000 blobs of 1 KiB", "bench/small", 100, 100, 1024],
  ];
  for (const [label, repository, images, layers, bytes] of cases) {
    const tags = [];
    for (let image = 0; image < images; image++) {
      const blobs = await inParallel(layers, (layer) =>
        putBlob(source.host, repository, bytes, 1e6 + image * layers + layer),
      );
      tags.push(await putImage(source.host, repository, `v1.0.${image}`, blobs));
    }
    const out = join(root, "memory");
    const include = tags.flatMap((tag) => [
      "--include-image",
      `${source.host}/${repository}:${tag}`,
    ]);
    const pulled = await resident(["pull", out, ...include]);
    const target = await startRegistry("memory-target");
    const pushed = await resident([
      "push",
      out,
      `${target.host}/repo`,
      "--receipt",
      join(root, "memory.json"),
    ]);
    target.stop();
    rmSync(out, { recursive: true, force: true });
    print(
      `memory: ${label.padEnd(22)} pull ${(pulled / 1024).toFixed(0)} MiB, push ${(pushed / 1024).toFixed(0)} MiB resident at the peak`,
    );
  }
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
  const { stderr } = await run("/usr/bin/time", [
    "-v",
    process.execPath,
    MAIN,
    ...args,
    "--progress",
    "none",
  ]);
  return Number(/Maximum resident set size \(kbytes\): (\d+)/.exec(stderr)?.[1]);
}

/** Runs the candidates in turn, round by round, so that a slow phase of the machine hits all of them. */
async function compare(name, candidates, needsTarget = false) {
  const times = new Map(candidates.map(([label]) => [label, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [label, act] of candidates) {
      const out = join(root, `${name}-out`);
      const target = needsTarget ? await startRegistry(`${name}-target`) : undefined;
      execFileSync("sync");
      const before = performance.now();
      await act(out, target);
      times.get(label).push((performance.now() - before) / 1000);
      target?.stop();
      for (const path of [out, `${out}.tar`]) rmSync(path, { recursive: true, force: true });
    }
  }
  const [[, own]] = times;
  for (const [label, seconds] of times) {
    const ratio = label.startsWith("mirror")
      ? median(seconds) / median(own)
      : median(own) / median(seconds);
    const meaning = label.startsWith("mirror") ? "of the first" : "mirror / peer";
    print(
      `${name}: ${label.padEnd(34)} median ${median(seconds).toFixed(2)} s   ${ratio.toFixed(2)} ${meaning}   (${seconds.map((value) => value.toFixed(2)).join(" ")})`,
    );
  }
}

function median(values) {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)];
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

async function putImage(host, repository, tag, layers) {
  const rootfs = { type: "layers", diff_ids: layers.map(({ digest }) => digest) };
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", config: {}, rootfs }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        ...(await putChunks(host, repository, [config])),
      },
      layers: layers.map((layer) => ({
        mediaType: "application/vnd.oci.image.layer.v1.tar",
        ...layer,
      })),
    }),
  );
  await send("PUT", `http://${host}/v2/${repository}/manifests/${tag}`, [manifest], MANIFEST);
  return tag;
}

async function putBlob(host, repository, length, seed) {
  const key = createHash("md5").update(String(seed)).digest();
  const cipher = createCipheriv("aes-128-ctr", key, Buffer.alloc(16));
  const zeros = Buffer.alloc(4 * 1024 * 1024);
  const chunks = [];
  for (let left = length; left > 0; left -= zeros.length) {
    chunks.push(cipher.update(zeros.subarray(0, Math.min(left, zeros.length))));
  }
  return putChunks(host, repository, chunks);
}

async function putChunks(host, repository, chunks) {
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  const digest = `sha256:${hash.digest("hex")}`;
  const session = await send("POST", `http://${host}/v2/${repository}/blobs/uploads/`, []);
  await send(
    "PUT",
    `${session.headers.location}&digest=${digest}`,
    chunks,
    "application/octet-stream",
  );
  return { digest, size: chunks.reduce((sum, { length }) => sum + length, 0) };
}

function send(method, url, chunks, type) {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const headers = { "content-length": length, ...(type ? { "content-type": type } : {}) };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: AGENT }, (response) => {
      response.resume();
      response.on("end", () =>
        response.statusCode < 300
          ? resolve(response)
          : reject(new Error(`${method} ${url}: ${response.statusCode}`)),
      );
    });
    outgoing.on("error", reject);
    for (const chunk of chunks) outgoing.write(chunk);
    outgoing.end();
  });
}

async function startRegistry(name) {
  const storage = join(root, name);
  rmSync(storage, { recursive: true, force: true });
  mkdirSync(storage, { recursive: true });
  const config = join(root, `${name}.yml`);
  writeFileSync(
    config,
    `version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: "${storage}"}}\nhttp: {addr: "127.0.0.1:0", secret: bench}\n`,
  );
  const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  const host = await new Promise((resolve, reject) => {
    const read = (chunk) => {
      const port = /listening on 127\.0\.0\.1:(\d+)/.exec(String(chunk))?.[1];
      if (port) resolve(`127.0.0.1:${port}`);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("exit", () => reject(new Error("docker-registry did not start")));
  });
  return {
    host,
    storage,
    stop: () => {
      child.kill("SIGKILL");
      rmSync(storage, { recursive: true, force: true });
    },
  };
}

function mirror(args) {
  return run(process.execPath, [MAIN, ...args, "--progress", "none"]);
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("error", reject);
    child.on("exit", (code) =>
      code === 0
        ? resolve({ stderr })
        : reject(new Error(`${command} ${args[0]}: exit ${code}\n${stderr}`)),
    );
  });
}

function has(command) {
  return (process.env.PATH ?? "").split(":").some((directory) => {
    try {
      return statSync(join(directory, command)).isFile();
    } catch {
      return false;
    }
  });
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
