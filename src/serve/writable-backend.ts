import type { PullStore } from "../cache/served/pull-store.ts";
import type { PushSession } from "../cache/served/push-sessions.ts";
import type { PushedRepositories } from "../cache/served/pushed-repositories.ts";
import type { Digest } from "../oci/digest.ts";
import { MEDIA_TYPE } from "../oci/media-type.ts";
import type { BackendUpload, RegistryBackend, RegistryWriter } from "../server/backend.ts";

/** Serves what clients push to it, and takes it. */
export function createWritableBackend(
  store: PullStore,
  pushed: PushedRepositories,
): RegistryBackend & RegistryWriter {
  return { ...createReader(store, pushed), ...createWriter(pushed) };
}

function createReader(store: PullStore, pushed: PushedRepositories): RegistryBackend {
  return {
    hasRepository: (repository) => pushed.has(repository),
    async statBlob(repository, digest) {
      const size = await pushed.sizeOf(repository, digest);
      return size === undefined ? undefined : { size, cache: "pushed" };
    },
    async openBlob(repository, digest, range) {
      // Gone since it was looked for: what is opened then says so
      const size = (await pushed.sizeOf(repository, digest)) ?? 0;
      const target = { mediaType: MEDIA_TYPE.octetStream, digest, size };
      return await store.open(target, range, () => Promise.reject(pushed.lost(repository, digest)));
    },
    async readManifest(repository, reference) {
      const found = await pushed.readManifest(repository, reference);
      return found && { ...found, cache: "pushed" };
    },
    async listTags(repository) {
      return (await pushed.has(repository)) ? await pushed.tags.list(repository) : undefined;
    },
    listRepositories: () => pushed.list(),
    listReferrers: (repository, digest) => pushed.referrers(repository, digest),
  };
}

function createWriter(pushed: PushedRepositories): RegistryWriter {
  return {
    writeManifest: (repository, manifest, tag) => pushed.writeManifest(repository, manifest, tag),
    deleteManifest: (repository, digest) => pushed.deleteManifest(repository, digest),
    deleteTag: (repository, tag) => pushed.deleteTag(repository, tag),
    deleteBlob: (repository, digest) => pushed.deleteBlob(repository, digest),
    linkBlob: (repository, digest, from) => pushed.linkBlob(repository, digest, from),
    startUpload: async (repository) => (await pushed.sessions.start(repository)).id,
    async findUpload(repository, id) {
      const session = await pushed.sessions.find(repository, id);
      return session && toUpload(pushed, repository, session);
    },
  };
}

function toUpload(
  pushed: PushedRepositories,
  repository: string,
  session: PushSession,
): BackendUpload {
  return {
    get size() {
      return session.size;
    },
    get isWriting() {
      return session.isWriting;
    },
    append: (body) => session.append(body),
    commit: (digest: Digest) => pushed.commit(repository, session, digest),
    cancel: () => pushed.sessions.end(session),
  };
}
