#!/usr/bin/env node
/**
 * Runs the conformance suite of the OCI distribution specification (https://github.com/opencontainers/distribution-spec,
 * conformance) against everything that `serve` can serve from: a namespace that is pushed to, a bundle that was pulled from
 * it, and a cache of it. The suite is a Go program, which `go install` fetches: where there is no Go, nothing is run.
 *
 *   npm run conformance -- [--results DIR]
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildImage, buildIndex, buildLayer } from "../../dist/demo/image-builder.js";

const SUITE =
  "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111";
const MAIN = new URL("../../dist/mirror.js", import.meta.url).pathname;
/** What a registry may leave out, and what this one does not. */
const WRITABLE = {
  OCI_API_BLOBS_DIGEST_HEADER: "true",
  OCI_API_BLOBS_UPLOAD_CANCEL: "true",
  OCI_API_MANIFESTS_DIGEST_HEADER: "true",
};
/**
 * The digest header of manifests cannot be demanded here: of content that it has not pushed itself, the suite (ManifestHeadExists
 * and ManifestGetExists of its api.go) looks for the header in a response that it has made, not in the one that it got. That the
 * header is there is in test/serve/conformance.test.ts.
 */
const READ_ONLY = {
  OCI_API_BLOBS_DIGEST_HEADER: "true",
  OCI_API_PUSH: "false",
  OCI_API_BLOBS_DELETE: "false",
  OCI_API_MANIFESTS_DELETE: "false",
  OCI_API_TAGS_DELETE: "false",
};

const { values: flags } = parseArgs({ options: { results: { type: "string" } } });
const root = mkdtempSync(join(tmpdir(), "mirror-conformance-"));
const started = [];

if (spawnSync("go", ["version"]).status !== 0) {
  process.stdout.write("Skipping the conformance suite: go is not on PATH\n");
} else {
  try {
    await main();
  } finally {
    for (const child of started) child.kill("SIGKILL");
    rmSync(root, { recursive: true, force: true });
  }
}

async function main() {
  execFileSync("go", ["install", SUITE], { env: { ...process.env, GOBIN: root } });
  const writable = await serve("--writable", "local", "--cache", join(root, "pushed"));
  const content = await fill(`http://${writable}/v2/local/filled`);
  const bundle = join(root, "bundle");
  const images = content.tags.flatMap((tag) => [
    "--include-image",
    `${writable}/local/filled:${tag}`,
  ]);
  mirror("pull", bundle, "--insecure", "--no-cache", ...images);
  const cached = ["--upstream", `up.test=http://${writable}/local`, "--cache", join(root, "cache")];
  const readOnly = {
    ...READ_ONLY,
    OCI_RO_DATA_TAGS: content.tags.join(" "),
    OCI_RO_DATA_MANIFESTS: content.manifests.join(" "),
    OCI_RO_DATA_BLOBS: content.blobs.join(" "),
    OCI_RO_DATA_REFERRERS: content.subjects.join(" "),
  };
  test("a namespace to push to", writable, { repository: "local/conformance", ...WRITABLE });
  const bundled = `${writable.replace(":", "-")}/local/filled`;
  test("a bundle", await serve(bundle), { repository: bundled, ...readOnly });
  const upstream = { repository: "up.test/filled", ...readOnly };
  test("an upstream, cold", await serve(...cached), upstream);
  test("an upstream, warm", `127.0.0.1:${started.at(-1).port}`, upstream);
}

function test(name, registry, { repository, ...settings }) {
  const results = join(flags.results ?? root, name.replaceAll(/\W+/g, "-"));
  const { stdout } = spawnSync(join(root, "conformance"), {
    encoding: "utf8",
    env: {
      PATH: process.env.PATH,
      OCI_REGISTRY: registry,
      OCI_TLS: "disabled",
      OCI_REPO1: `${repository}${settings.OCI_API_PUSH ? "" : "/one"}`,
      OCI_REPO2: `${repository}/two`,
      OCI_RESULTS_DIR: results,
      ...settings,
    },
  });
  // Not its status: without pushes it fails in the report that it writes at last
  const [, result, summary = ""] = /OCI Conformance Result: (\w+)\n((?: .*\n)+)/.exec(stdout) ?? [];
  const isPassed = result === "Pass";
  if (!isPassed) process.exitCode = 1;
  const counts = [...summary.matchAll(/^ +(\w+)\.+: +(\d+)$/gm)];
  const told = counts.map(([, kind, count]) => `${count} ${kind.toLowerCase()}`).join(", ");
  process.stdout.write(`${name}: ${isPassed ? "passed" : "FAILED"} (${told})\n`);
  if (!isPassed) process.stdout.write(stdout);
}

/** Starts a server and returns its address. */
async function serve(...args) {
  const child = spawn(process.execPath, [MAIN, "serve", ...args, "--listen", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  let text = "";
  for await (const chunk of child.stdout) {
    text += chunk;
    child.port = /"port":(\d+)/.exec(text)?.[1];
    if (child.port) return `127.0.0.1:${child.port}`;
  }
  throw new Error(`mirror serve ${args.join(" ")} does not start`);
}

function mirror(...args) {
  execFileSync(process.execPath, [MAIN, ...args], { stdio: ["ignore", "ignore", "inherit"] });
}

/** Pushes images of all kinds; returns what is there by now. */
async function fill(base) {
  const amd64 = buildImage({
    layers: [buildLayer({ "a.txt": "a\n" })],
    platform: { os: "linux", architecture: "amd64" },
  });
  const arm64 = buildImage({
    layers: [buildLayer({ "b.txt": "b\n" })],
    platform: { os: "linux", architecture: "arm64" },
  });
  const index = buildIndex({ children: [amd64, arm64] });
  const tagged = { v1: amd64, v2: arm64, latest: index, signed: signatureOf(amd64) };
  const all = [amd64, arm64, index, tagged.signed];
  for (const { blobs } of all) for (const blob of blobs) await putBlob(base, blob);
  for (const built of all) await putManifest(base, built, built.manifest.descriptor.digest);
  for (const [tag, built] of Object.entries(tagged)) await putManifest(base, built, tag);
  const blobs = all.flatMap((built) => built.blobs.map(({ descriptor }) => descriptor.digest));
  return {
    tags: Object.keys(tagged).sort(),
    manifests: all.map(({ manifest }) => manifest.descriptor.digest),
    blobs: [...new Set(blobs)],
    subjects: [amd64.manifest.descriptor.digest],
  };
}

/** An artifact that refers to an image. */
function signatureOf({ blobs, manifest }) {
  const { annotations, platform, ...subject } = manifest.descriptor;
  const [layer] = blobs;
  const document = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    artifactType: "application/vnd.example.signature",
    config: layer.descriptor,
    layers: [layer.descriptor],
    subject,
    annotations: { "org.example": "yes" },
  };
  const bytes = Buffer.from(JSON.stringify(document));
  return { blobs: [], manifest: { bytes, descriptor: describe(document.mediaType, bytes) } };
}

function describe(mediaType, bytes) {
  const hash = createHash("sha256").update(bytes).digest("hex");
  return { mediaType, digest: `sha256:${hash}`, size: bytes.length };
}

async function putBlob(base, { content, descriptor }) {
  const body = Buffer.concat(await content.open(0, descriptor.size).toArray());
  await send(`${base}/blobs/uploads/?digest=${descriptor.digest}`, { method: "POST", body });
}

async function putManifest(base, { manifest }, reference) {
  const headers = { "content-type": manifest.descriptor.mediaType };
  await send(`${base}/manifests/${reference}`, { method: "PUT", headers, body: manifest.bytes });
}

async function send(url, init) {
  const response = await fetch(url, init);
  if (!response.ok)
    throw new Error(`${init.method} ${url}: ${response.status} ${await response.text()}`);
}
