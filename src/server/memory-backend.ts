import { createHash, randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import type { Descriptor } from "../oci/descriptor.ts";
import { createDigestHash, type Digest, isDigest } from "../oci/digest.ts";
import { referrerOf } from "../oci/referrer.ts";
import type { Manifest } from "../store/store.ts";
import type { BackendUpload, RegistryBackend, RegistryWriter } from "./backend.ts";
import {
  bufferContent,
  type HeldManifest,
  type RegistryContent,
  type Upload,
} from "./memory-content.ts";

/** A registry's content in memory, to read from and to write to. */
export function createMemoryBackend(content: RegistryContent): RegistryBackend & RegistryWriter {
  return { ...createMemoryReader(content), ...createMemoryWriter(content) };
}

function createMemoryReader({ repositories }: RegistryContent): RegistryBackend {
  const findManifest = (repository: string, digest: Digest): Manifest | undefined => {
    const found = repositories.get(repository)?.manifests.get(digest);
    if (found === undefined) return undefined;
    const { bytes, mediaType } = found;
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  };
  // Read once: every image of a pull asks for what belongs to it
  const read = new WeakMap<HeldManifest, ReturnType<typeof referrerOf>>();
  const readReferrer = (digest: Digest, held: HeldManifest) => {
    if (!read.has(held)) {
      const { bytes, mediaType } = held;
      read.set(held, referrerOf({ mediaType, digest, size: bytes.length }, bytes));
    }
    return read.get(held);
  };
  return {
    hasRepository: async (repository) => repositories.has(repository),
    statBlob: async (repository, digest) => repositories.get(repository)?.blobs.get(digest),
    async openBlob(repository, digest, { start, end }) {
      const blob = repositories.get(repository)?.blobs.get(digest);
      if (blob === undefined) throw new Error(`blob ${digest} is gone from "${repository}"`);
      return blob.open(start, end);
    },
    async readManifest(repository, reference) {
      if (isDigest(reference)) return findManifest(repository, reference);
      const digest = repositories.get(repository)?.tags.get(reference);
      return digest === undefined ? undefined : findManifest(repository, digest);
    },
    listTags: async (repository) => repositories.get(repository)?.tags.keys(),
    listRepositories: async () => repositories.keys(),
    async listReferrers(repository, subject) {
      const found: Descriptor[] = [];
      for (const [digest, held] of repositories.get(repository)?.manifests ?? []) {
        const referrer = readReferrer(digest, held);
        if (referrer?.subject === subject) found.push(referrer.descriptor);
      }
      return found;
    },
  };
}

function createMemoryWriter(content: RegistryContent): RegistryWriter {
  const { repositories, uploads } = content;
  return {
    async writeManifest(repository, { bytes, descriptor: { digest, mediaType } }, tag) {
      const { manifests, tags } = content.repository(repository);
      manifests.set(digest, { mediaType, bytes });
      if (tag !== undefined) tags.set(tag, digest);
    },
    async deleteManifest(repository, digest) {
      const { manifests, tags } = content.repository(repository);
      for (const [tag, tagged] of tags) {
        if (tagged === digest) tags.delete(tag);
      }
      manifests.delete(digest);
    },
    async deleteTag(repository, tag) {
      content.repository(repository).tags.delete(tag);
    },
    async deleteBlob(repository, digest) {
      content.repository(repository).blobs.delete(digest);
    },
    async linkBlob(repository, digest, from) {
      const blob = repositories.get(from)?.blobs.get(digest);
      if (blob === undefined) return false;
      content.repository(repository).blobs.set(digest, blob);
      return true;
    },
    async startUpload(repository) {
      const id = randomUUID();
      const sha256 = createHash("sha256");
      uploads.set(id, { repository, parts: [], sha256, size: 0, isWriting: false });
      return id;
    },
    async findUpload(repository, id) {
      const upload = uploads.get(id);
      return upload?.repository === repository ? openUpload(content, id, upload) : undefined;
    },
  };
}

function openUpload(content: RegistryContent, id: string, upload: Upload): BackendUpload {
  return {
    get size() {
      return upload.size;
    },
    get isWriting() {
      return upload.isWriting;
    },
    append: (body) => append(upload, body),
    async commit(digest) {
      content.uploads.delete(id);
      if (digestOfUpload(upload, digest) !== digest) return false;
      const bytes = Buffer.concat(upload.parts, upload.size);
      content.repository(upload.repository).blobs.set(digest, bufferContent(bytes));
      return true;
    },
    async cancel() {
      content.uploads.delete(id);
    },
  };
}

async function append(upload: Upload, body: Readable): Promise<void> {
  upload.isWriting = true;
  try {
    for await (const part of body as AsyncIterable<Buffer>) {
      upload.parts.push(part);
      upload.sha256.update(part);
      upload.size += part.length;
    }
  } finally {
    upload.isWriting = false;
  }
}

function digestOfUpload(upload: Upload, wanted: Digest): Digest {
  if (wanted.startsWith("sha256:")) return `sha256:${upload.sha256.digest("hex")}`;
  const hash = createDigestHash(wanted);
  for (const part of upload.parts) hash.update(part);
  return `${wanted.slice(0, wanted.indexOf(":"))}:${hash.digest("hex")}`;
}
