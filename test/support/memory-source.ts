import { Readable } from "node:stream";
import { MirrorError } from "../../src/errors.ts";
import { formatReference, type RepositoryReference } from "../../src/oci/reference.ts";
import { referrerOf } from "../../src/oci/referrer.ts";
import { bufferContent } from "../../src/server/memory-content.ts";
import type { RepositorySource, SourceRepository } from "../../src/store/store.ts";
import { type ImageOptions, image } from "./artifacts.ts";

type Artifact = ReturnType<typeof image>;

/** Repository path → tag → artifact; tags that start with `@` stand for artifacts without a tag. */
export type MemoryRepositories = Readonly<Record<string, Readonly<Record<string, Artifact>>>>;

export interface MemorySourceOptions {
  /** Requests that fail with this error: `tags acme/web`, `get acme/web:v1`. */
  readonly failures?: Readonly<Record<string, Error>>;
  /** Called with each request as it starts; the request waits for the answer. */
  readonly onRequest?: (request: string) => Promise<void> | void;
}

export interface MemorySource {
  readonly openSource: (reference: RepositoryReference) => SourceRepository;
  /** All that `registry.test` has. */
  readonly registry: RepositorySource;
  /** In the order in which they started: `tags <repository>`, `get <repository>:<reference>`, `blob <repository>`. */
  readonly requests: string[];
}

export class NotFoundError extends MirrorError {
  override readonly code = "REGISTRY_NOT_FOUND";
}

export class DeniedError extends MirrorError {
  override readonly code = "REGISTRY_DENIED";
}

/** Repositories of one registry in memory. The registry is `registry.test`; others have nothing. */
export function memorySource(
  repositories: MemoryRepositories,
  { failures = {}, onRequest }: MemorySourceOptions = {},
): MemorySource {
  const requests: string[] = [];
  const start = async (request: string) => {
    requests.push(request);
    await onRequest?.(request);
    if (failures[request]) throw failures[request];
  };
  const openSource = (reference: RepositoryReference): SourceRepository => {
    const { repository } = reference;
    const tagged = reference.registry === "registry.test" ? repositories[repository] : undefined;
    const all = Object.values(tagged ?? {}).flatMap(withChildren);
    const absent = (what: string) => new NotFoundError(`${formatReference(reference)}: ${what}`);
    const findManifest = (wanted: string) => {
      const byDigest = all.find(({ manifest }) => manifest.descriptor.digest === wanted);
      const found = tagged?.[wanted] ?? byDigest;
      if (found === undefined) throw absent(`no manifest ${wanted}`);
      return found.manifest;
    };
    /** Blobs and manifests by digest. */
    const contents = () =>
      new Map([
        ...all.map(({ manifest }) => {
          return [manifest.descriptor.digest, bufferContent(manifest.bytes)] as const;
        }),
        ...all
          .flatMap(({ blobs }) => blobs)
          .map(({ content, descriptor }) => [descriptor.digest, content] as const),
      ]);
    return {
      async *listTags() {
        await start(`tags ${repository}`);
        if (tagged === undefined) throw absent("no such repository");
        yield* Object.keys(tagged).filter((tag) => !tag.startsWith("@"));
      },
      async fetchManifest(wanted) {
        await start(`get ${repository}:${wanted}`);
        return findManifest(wanted);
      },
      async resolve(wanted) {
        await start(`resolve ${repository}:${wanted}`);
        return findManifest(wanted).descriptor;
      },
      async fetch({ digest, size }, { offset = 0, end = size } = {}) {
        await start(`blob ${repository}`);
        const found = contents().get(digest);
        if (found === undefined) throw absent(`no blob ${digest}`);
        return Readable.from(found.open(offset, end), { objectMode: false });
      },
      async stat(digest) {
        await start(`stat ${repository}`);
        const found = contents().get(digest);
        return found && { size: found.size };
      },
      async exists({ digest, size }) {
        await start(`exists ${repository}`);
        return contents().get(digest)?.size === size;
      },
      async referrers(subject, { artifactType } = {}) {
        await start(`referrers ${repository}`);
        return all
          .map(({ manifest }) => referrerOf(manifest.descriptor, manifest.bytes))
          .filter((referrer) => referrer?.subject === subject)
          .flatMap((referrer) => referrer?.descriptor ?? [])
          .filter((found) => artifactType === undefined || found.artifactType === artifactType);
      },
    };
  };
  const registry: RepositorySource = {
    async *listRepositories() {
      yield* Object.keys(repositories);
    },
    repository: (repository) => openSource({ registry: "registry.test", repository }),
  };
  return { openSource, registry, requests };
}

/** A release image: `version.json` and nothing else. */
export function releaseImage(version: string, fields: Readonly<Record<string, unknown>> = {}) {
  return image({
    layers: 0,
    files: { "version.json": JSON.stringify({ version, ...fields }) },
  });
}

/** An image that differs from all others with another name. */
export function namedImage(name: string, options: ImageOptions = {}): Artifact {
  return image({ name, ...options });
}

export interface ModuleOptions {
  readonly name: string;
  readonly versions: readonly string[];
  /** Channel → version. */
  readonly channels?: Readonly<Record<string, string>>;
  /** Default: a module. */
  readonly directory?: "modules" | "packages";
}

/** The repositories of a module below `acme/modules`: its versions, release images of all of them, and its channels. */
export function moduleRepositories({
  name,
  versions,
  channels = {},
  directory = "modules",
}: ModuleOptions): MemoryRepositories {
  const release = Object.fromEntries(
    [...versions.map((version) => [version, version] as const), ...Object.entries(channels)].map(
      ([tag, version]) => [tag, releaseImage(version)],
    ),
  );
  const path = `acme/${directory}/${name}`;
  return {
    [path]: Object.fromEntries(
      versions.map((version) => [version, namedImage(`${name} ${version}`)]),
    ),
    [`${path}/${directory === "modules" ? "release" : "version"}`]: release,
  };
}

function withChildren(artifact: Artifact): Artifact[] {
  return [artifact, ...artifact.children.flatMap(withChildren)];
}
