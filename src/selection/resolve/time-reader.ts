import { formatReference, type RepositoryReference } from "../../oci/reference.ts";
import { ContentMissingError } from "../../store/errors.ts";
import type { Manifest, OperationOptions, SourceRepository } from "../../store/store.ts";
import { LABEL_SOURCES, readLabels } from "../../tags/label-sources.ts";
import { RepositoryRecords } from "../../tags/repository-records.ts";
import { RepositoryTags } from "../../tags/repository-tags.ts";

export interface TimeReaderOptions extends OperationOptions {
  readonly openSource: (reference: RepositoryReference) => SourceRepository;
  readonly findManifest: (
    repository: RepositoryReference,
    reference: string,
  ) => Promise<Manifest | undefined>;
  /** Sends a request when its turn comes. */
  readonly request: <Value>(reference: string, send: () => Promise<Value>) => Promise<Value>;
  /** Where what is known of tags is kept for later runs; default: nowhere. */
  readonly tagsDirectory?: string | undefined;
  /** Time of the day in milliseconds. */
  readonly now: () => number;
}

export interface Creation {
  /** RFC 3339; missing: nothing of the image says. */
  readonly created?: string | undefined;
}

/** What it took to know the times of a repository. */
export interface TimeReads {
  /** `registry/repository` */
  readonly repository: string;
  readonly tags: number;
  readonly requests: number;
}

interface OpenRepository {
  readonly name: string;
  readonly records: RepositoryRecords;
  readonly tags: RepositoryTags;
  readonly asked: Set<string>;
  requests: number;
}

/** A plan and the pull behind it do not ask for the same times twice; what is older may have moved. */
const BELIEVED_MS = 5 * 60_000;

/** When the images of tags were made, with no more requests than that takes, and these are counted. */
export class TimeReader {
  readonly #options: TimeReaderOptions;
  readonly #repositories = new Map<string, Promise<OpenRepository>>();

  constructor(options: TimeReaderOptions) {
    this.#options = options;
  }

  /** Undefined: there is no such tag. */
  async read(repository: RepositoryReference, tag: string): Promise<Creation | undefined> {
    const key = formatReference(repository);
    const opening = this.#repositories.get(key) ?? this.#open(repository);
    this.#repositories.set(key, opening);
    const { asked, tags } = await opening;
    asked.add(tag);
    const seen = await tags.look(tag);
    return seen && { created: readLabels(seen.details.labels, LABEL_SOURCES).created };
  }

  /** Lets go of the files that it holds; what it has asked for, sorted by repository as it was opened. */
  async end(): Promise<readonly TimeReads[]> {
    const repositories = await Promise.all(this.#repositories.values());
    for (const { records } of repositories) await records[Symbol.asyncDispose]();
    return repositories.map(({ name, asked, requests }) => ({
      repository: name,
      tags: asked.size,
      requests,
    }));
  }

  async #open(repository: RepositoryReference): Promise<OpenRepository> {
    const { now, signal, tagsDirectory } = this.#options;
    const records = await RepositoryRecords.open(tagsDirectory, repository);
    const opened = {
      name: formatReference(repository),
      records,
      asked: new Set<string>(),
      requests: 0,
    };
    const source = this.#countedSource(repository, opened);
    const tags = new RepositoryTags({
      repository,
      source,
      records,
      now,
      maximumAgeMs: BELIEVED_MS,
      isWhole: false,
      signal,
    });
    return Object.assign(opened, { tags });
  }

  #countedSource(
    repository: RepositoryReference,
    counter: { requests: number },
  ): Pick<SourceRepository, "fetch" | "fetchManifest" | "resolve"> {
    const { findManifest, openSource, request } = this.#options;
    const source = openSource(repository);
    const count = <Value>(reference: string, send: () => Promise<Value>): Promise<Value> => {
      counter.requests += 1;
      return request(reference, send);
    };
    return {
      fetch: (target, given) =>
        count(formatReference(repository), () => source.fetch(target, given)),
      resolve: (tag, given) =>
        count(formatReference({ ...repository, tag }), () => source.resolve(tag, given)),
      fetchManifest: async (reference) => {
        counter.requests += 1;
        const manifest = await findManifest(repository, reference);
        if (manifest !== undefined) return manifest;
        throw new ContentMissingError(
          formatReference(repository),
          `the repository does not have "${reference}"`,
        );
      },
    };
  }
}
