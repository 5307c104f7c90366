import { createCipheriv, createHash } from "node:crypto";
import { Agent, request } from "node:http";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const AGENT = new Agent({ keepAlive: true });

/** Pushes a blob of so many incompressible bytes, the same for each seed; returns digest and size. */
export async function putBlob(host, repository, length, seed) {
  const key = createHash("md5").update(String(seed)).digest();
  const cipher = createCipheriv("aes-128-ctr", key, Buffer.alloc(16));
  const zeros = Buffer.alloc(4 * 1024 * 1024);
  const chunks = [];
  for (let left = length; left > 0; left -= zeros.length) {
    chunks.push(cipher.update(zeros.subarray(0, Math.min(left, zeros.length))));
  }
  return putChunks(host, repository, chunks);
}

/** Pushes an image of blobs that are there; returns the tag. */
export async function putImage(host, repository, tag, layers) {
  await putManifest(host, repository, tag, await describeImage(host, repository, layers));
  return tag;
}

/** Pushes one image for each platform, given by its layers, and an index of them; returns the tag. */
export async function putIndex(host, repository, tag, platforms) {
  const manifests = [];
  for (const [architecture, layers] of Object.entries(platforms)) {
    const image = await describeImage(host, repository, layers, architecture);
    const descriptor = await putManifest(host, repository, undefined, image);
    manifests.push({ ...descriptor, platform: { os: "linux", architecture } });
  }
  await putManifest(host, repository, tag, { mediaType: INDEX, manifests });
  return tag;
}

export async function describeImage(host, repository, layers, architecture = "amd64") {
  const rootfs = { type: "layers", diff_ids: layers.map(({ digest }) => digest) };
  const config = Buffer.from(JSON.stringify({ architecture, os: "linux", config: {}, rootfs }));
  return {
    mediaType: MANIFEST,
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      ...(await putChunks(host, repository, [config])),
    },
    layers: layers.map((layer) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar",
      ...layer,
    })),
  };
}

export async function putManifest(host, repository, tag, document) {
  const { mediaType } = document;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...document }));
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const url = `http://${host}/v2/${repository}/manifests/${tag ?? digest}`;
  await send("PUT", url, [bytes], mediaType);
  return { mediaType, digest, size: bytes.length };
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
