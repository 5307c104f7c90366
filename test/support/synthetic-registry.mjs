#!/usr/bin/env node
/**
 * A registry that makes its content when it is asked for it, so that any number of blobs, and blobs of any size, cost
 * neither disk nor memory; of what is pushed it keeps digests, sizes and manifests. A process of its own:
 *
 *   node synthetic-registry.mjs [--images N --layers N --bytes N] [--zeros BYTES [--pause BYTES]]
 *
 * `many:v1.0.<n>` are images with layers of their own; `zeros:v1` has a layer of zero bytes and a small one behind it; who
 * asks for all of the zeros gets no more than `--pause` bytes until the connection is closed. `/counts` tells the requests
 * by method and kind and the processor time. Prints its address.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const number = { type: "string", default: "0" };
const { values: flags } = parseArgs({
  options: { images: number, layers: number, bytes: number, zeros: number, pause: number },
});
const [images, layers, bytes, zeros, pause] = ["images", "layers", "bytes", "zeros", "pause"].map(
  (name) => Number(flags[name]),
);
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const ZEROS = Buffer.alloc(1024 * 1024);

/** Digest → a number, of which the content is made, or the content. */
const blobs = new Map();
/** `repository/reference` → bytes. */
const manifests = new Map();
/** `repository/digest` of what was pushed, or the path of an open upload → bytes so far. */
const pushed = new Map();
const counts = {};
let uploads = 0;

for (let image = 0; image < images; image++) {
  const indices = Array.from({ length: layers }, (_, layer) => image * layers + layer);
  addImage("many", `v1.0.${image}`, indices.map(addLayer));
}
if (zeros > 0) {
  const digest = digestOfZeros();
  blobs.set(digest, "zeros");
  const behind = Buffer.from("behind the zeros");
  blobs.set(digestOf(behind), behind);
  addImage("zeros", "v1", [
    { mediaType: LAYER, digest, size: zeros },
    { mediaType: LAYER, digest: digestOf(behind), size: behind.length },
  ]);
}

function addLayer(index) {
  const digest = digestOf(layerOf(index));
  blobs.set(digest, index);
  return { mediaType: LAYER, digest, size: bytes };
}

function layerOf(index) {
  return Buffer.alloc(bytes, createHash("sha256").update(`layer ${index}`).digest());
}

function addImage(repository, tag, descriptors) {
  const rootfs = { type: "layers", diff_ids: descriptors.map(({ digest }) => digest) };
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", author: tag, rootfs }),
  );
  const digest = digestOf(config);
  blobs.set(digest, config);
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: CONFIG, digest, size: config.length },
    layers: descriptors,
  };
  addManifest(repository, tag, Buffer.from(JSON.stringify(manifest)));
}

function addManifest(repository, reference, body) {
  const digest = digestOf(body);
  manifests.set(`${repository}/${reference}`, body);
  manifests.set(`${repository}/${digest}`, body);
  return digest;
}

function digestOf(content) {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function digestOfZeros() {
  const hash = createHash("sha256");
  for (let left = zeros; left > 0; left -= ZEROS.length) hash.update(ZEROS.subarray(0, left));
  return `sha256:${hash.digest("hex")}`;
}

const ROUTES = [
  ["manifest", /^\/v2\/(.+)\/manifests\/([^/]+)$/, answerManifest],
  ["upload", /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/, answerUpload],
  ["blob", /^\/v2\/(.+)\/blobs\/([^/]+)$/, answerBlob],
  ["tags", /^\/v2\/(.+)\/tags\/list$/, answerTags],
  ["referrers", /^\/v2\/(.+)\/referrers\/[^/]+$/, answerReferrers],
  ["base", /^\/v2\/$/, ({ answer }) => answer(200)],
  ["counts", /^\/counts$/, answerCounts],
];

const server = createServer(async (request, response) => {
  const { method } = request;
  const { pathname, searchParams } = new URL(request.url, "http://registry");
  const answer = (status, headers = {}, body = undefined) => {
    response.writeHead(status, { "content-length": body?.length ?? 0, ...headers });
    response.end(method === "HEAD" ? undefined : body);
  };
  const [kind, pattern, act] = ROUTES.find(([, path]) => path.test(pathname)) ?? [];
  if (act === undefined) return answer(404);
  counts[`${method} ${kind}`] = (counts[`${method} ${kind}`] ?? 0) + 1;
  const [, repository, reference] = pattern.exec(pathname);
  act({ request, response, answer, repository, reference, pathname, searchParams });
});

async function answerManifest({ request, answer, repository, reference }) {
  if (request.method === "PUT") {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const digest = addManifest(repository, reference, Buffer.concat(chunks));
    return answer(201, {
      "docker-content-digest": digest,
      location: `/v2/${repository}/manifests/${digest}`,
    });
  }
  const body = manifests.get(`${repository}/${reference}`);
  if (body === undefined) return answer(404, {}, errorOf("MANIFEST_UNKNOWN"));
  answer(200, { "content-type": MANIFEST, "docker-content-digest": digestOf(body) }, body);
}

async function answerUpload({ request, answer, repository, pathname, searchParams }) {
  let size = pushed.get(pathname) ?? 0;
  for await (const chunk of request) size += chunk.length;
  const digest = searchParams.get("digest");
  if (digest) {
    pushed.delete(pathname);
    pushed.set(`${repository}/${digest}`, size);
    const location = `/v2/${repository}/blobs/${digest}`;
    return answer(201, { location, "docker-content-digest": digest });
  }
  const location = request.method === "POST" ? `${pathname}${++uploads}` : pathname;
  if (request.method === "PATCH") pushed.set(pathname, size);
  answer(202, { location, range: `0-${Math.max(size - 1, 0)}` });
}

function answerBlob({ request, response, answer, repository, reference }) {
  const size = pushed.get(`${repository}/${reference}`);
  if (size !== undefined) return answer(200, { "content-length": size });
  const isSource = repository === "many" || repository === "zeros";
  const known = isSource ? blobs.get(reference) : undefined;
  if (known === undefined) return answer(404, {}, errorOf("BLOB_UNKNOWN"));
  if (known === "zeros") return sendZeros(request, response);
  answer(200, {}, typeof known === "number" ? layerOf(known) : known);
}

function answerTags({ answer, repository }) {
  const start = `${repository}/`;
  const tags = [...manifests.keys()]
    .filter((name) => name.startsWith(start) && !name.includes(":"))
    .map((name) => name.slice(start.length));
  if (tags.length === 0) return answer(404, {}, errorOf("NAME_UNKNOWN"));
  answer(200, { "content-type": "application/json" }, Buffer.from(JSON.stringify({ tags })));
}

function answerReferrers({ answer }) {
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const index = { schemaVersion: 2, mediaType, manifests: [] };
  answer(200, { "content-type": mediaType }, Buffer.from(JSON.stringify(index)));
}

function answerCounts({ answer }) {
  const { user, system } = process.cpuUsage();
  answer(200, {}, Buffer.from(JSON.stringify({ counts, seconds: (user + system) / 1e6 })));
}

function sendZeros(request, response) {
  const [, first, end] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const [start, last] = [Number(first ?? 0), Number(end || zeros - 1)];
  let left = last + 1 - start;
  const range = { "content-range": `bytes ${start}-${last}/${zeros}` };
  response.writeHead(first === undefined ? 200 : 206, {
    "content-length": left,
    ...(first === undefined ? {} : range),
  });
  if (request.method === "HEAD") return response.end();
  const rest = first === undefined && pause > 0 ? zeros - pause : 0;
  const send = () => {
    while (left > rest) {
      const part = ZEROS.subarray(0, left);
      left -= part.length;
      if (!response.write(part)) return response.once("drain", send);
    }
    if (rest === 0) response.end();
  };
  send();
}

function errorOf(code) {
  return Buffer.from(JSON.stringify({ errors: [{ code, message: code }] }));
}

server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`listening on 127.0.0.1:${server.address().port}\n`);
});
