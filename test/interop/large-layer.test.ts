import { createHash } from "node:crypto";
import { open, readdir, readFile, writeFile } from "node:fs/promises";
import { expect } from "vitest";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { BLOCK_BYTES, paddingOf } from "../../src/tar/block.ts";
import { formatEntryHeader } from "../../src/tar/entry-header.ts";
import { createCertificate } from "../support/certificate.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";
import { freePort, startNginx } from "./support/nginx.ts";

const LAYER_BYTES = 2 * 1024 ** 3;
const MEMORY_KIB = 150 * 1024;

requireTool("nginx", "openssl", "curl").test(
  "P2: a layer of 2 GiB passes nginx and the server in little memory, and nginx writes no part of it",
  async () => {
    await using directory = await openTempDirectory();
    const layer = digestOfZeros(LAYER_BYTES);
    const archive = directory.resolve("large.tar");
    await writeSparseLayout(archive, layer);
    const { certificatePath, keyPath } = await createCertificate(directory.path);
    const port = await freePort();
    const host = "docker-registry.mirror.test";
    await using server = await startMirror([
      ...["serve", archive, "--listen", "127.0.0.1:0", "--trust-proxy", "127.0.0.1"],
      ...["--host", `${host}=docker.io`],
    ]);
    const [, address = ""] = await server.waitFor(/"url":"([^"]+)"/);
    const tree = directory.resolve("tree");
    const words = ["client-config", "nginx", "--mirror", address, "--domain", "mirror.test"];
    const configured = await runMirror([
      ...[...words, "--namespaces", "docker.io", "--port", String(port), "--out", tree],
      ...["--cert-file", certificatePath, "--key-file", keyPath],
    ]);
    expect(configured, configured.stderr).toMatchObject({ exitCode: 0 });
    const path = `${tree}/conf.d/mirror.conf`;
    const text = (await readFile(path, "utf8"))
      .replaceAll("listen 80;", `listen 127.0.0.1:${await freePort()};`)
      .replaceAll(/^ *listen \[::\].*$/gm, "");
    await writeFile(path, text);
    const run = directory.resolve("run");
    await using _nginx = await startNginx(run, `} include ${path}; server {`);

    const url = `https://${host}:${port}/v2/library/large/blobs/${layer}`;
    const curl = await runProcess("curl", [
      ...["--silent", "--show-error", "--insecure", "--output", "/dev/null"],
      ...["--resolve", `${host}:${port}:127.0.0.1`],
      ...["--write-out", "%{http_code} %{size_download}", url],
    ]);
    expect(curl.stdout, curl.stderr).toBe(`200 ${LAYER_BYTES}`);
    expect(await readdir(`${run}/proxy`)).toEqual([]);
    const nginx = Number(await readFile(`${run}/pid`, "utf8"));
    for (const pid of [server.pid, nginx]) expect(await peakOf(pid)).toBeLessThan(MEMORY_KIB);
  },
  300_000,
);

/** Most memory that a process has had, in KiB. */
async function peakOf(pid: number): Promise<number> {
  const [, peak] = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(peak);
}

function digestOfZeros(size: number): string {
  const hash = createHash("sha256");
  const zeros = Buffer.alloc(1024 * 1024);
  for (let done = 0; done < size; done += zeros.length) hash.update(zeros);
  return `sha256:${hash.digest("hex")}`;
}

/** An image layout in a tar whose one layer is a hole: the file takes a few blocks of the disk. */
async function writeSparseLayout(path: string, layer: string): Promise<void> {
  const blob = (mediaType: string, value: object) => {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    return { bytes, descriptor: { mediaType, digest, size: bytes.length } };
  };
  const config = blob(MEDIA_TYPE.imageConfig, {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [layer] },
  });
  const manifest = blob(MEDIA_TYPE.imageManifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.imageManifest,
    config: config.descriptor,
    layers: [{ mediaType: MEDIA_TYPE.imageLayer, digest: layer, size: LAYER_BYTES }],
  });
  const annotations = { "org.opencontainers.image.ref.name": "docker.io/library/large:1" };
  const index = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.imageIndex,
    manifests: [{ ...manifest.descriptor, annotations }],
  };
  const pathOf = (digest: string) => `blobs/${digest.replace(":", "/")}`;
  const entry = (name: string, bytes: Buffer) => [
    formatEntryHeader({ path: name, size: bytes.length }),
    bytes,
    Buffer.alloc(paddingOf(bytes.length)),
  ];
  const head = Buffer.concat([
    ...entry("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}')),
    ...entry("index.json", Buffer.from(JSON.stringify(index))),
    ...entry(pathOf(manifest.descriptor.digest), manifest.bytes),
    ...entry(pathOf(config.descriptor.digest), config.bytes),
    formatEntryHeader({ path: pathOf(layer), size: LAYER_BYTES }),
  ]);
  await using file = await open(path, "w");
  await file.writeFile(head);
  await file.truncate(head.length + LAYER_BYTES + paddingOf(LAYER_BYTES) + 2 * BLOCK_BYTES);
}
