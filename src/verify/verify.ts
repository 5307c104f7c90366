import { readBundledGraph } from "../bundle/bundle-graph.ts";
import { type BundledTag, readBundledTags } from "../bundle/bundle-images.ts";
import { BundleReader } from "../bundle/bundle-reader.ts";
import { BundleContentMismatchError, BundleCorruptError } from "../bundle/errors.ts";
import { parseLayoutEntry } from "../bundle/format.ts";
import { type BundleListing, listBundle } from "../bundle/package-listing.ts";
import { MirrorError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { OperationOptions } from "../store/store.ts";
import { paddingOf } from "../tar/block.ts";
import type { ScannedEntry } from "../tar/scan.ts";
import { verifyChecksumFile } from "./checksum-file.ts";
import { type HashedFile, hashPackage, type Region } from "./hash-package.ts";
import type { Problem, VerifiedFile, VerifyReport } from "./report.ts";

export interface VerifyOptions extends OperationOptions {
  readonly bundlePath: string;
  readonly onEvent?: ((event: VerifyEvent) => void) | undefined;
}

export type VerifyEvent =
  | { readonly type: "opened"; readonly files: number; readonly bytes: number }
  /** `bytes` more bytes were read. */
  | { readonly type: "progress"; readonly bytes: number };

/**
 * Reads every byte of a bundle once and compares it with every digest that the bundle holds: of files, of blobs, of
 * manifests. Finds all problems, not the first one. Needs no registry and writes nothing.
 */
export async function verifyBundle(options: VerifyOptions): Promise<VerifyReport> {
  const listing = await listBundle(options.bundlePath);
  await using reader = new BundleReader(listing);
  const run = new VerifyRun(options, listing, reader);
  return await run.execute();
}

class VerifyRun {
  readonly #options: VerifyOptions;
  readonly #listing: BundleListing;
  readonly #reader: BundleReader;
  readonly #files = new Map<string, VerifiedFile>();
  readonly #problems: Problem[] = [];
  /** Blobs whose bytes are wrong or missing, and the problem that says so. */
  readonly #badBlobs = new Map<string, Problem>();

  constructor(options: VerifyOptions, listing: BundleListing, reader: BundleReader) {
    this.#options = options;
    this.#listing = listing;
    this.#reader = reader;
  }

  async execute(): Promise<VerifyReport> {
    const { packages, problems, directory } = this.#listing;
    const files = packages.flatMap((item) => item.files);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    this.#options.onEvent?.({ type: "opened", files: files.length, bytes });
    for (const { file, status, error } of problems) {
      this.#files.set(file, { name: file, size: 0, status });
      this.#report(error, { file });
    }
    const found = await Promise.all(packages.map(async (_, index) => this.#scan(index)));
    for (const index of packages.keys()) await this.#hash(index, found[index] ?? []);
    this.#problems.push(...(await verifyChecksumFile(directory, this.#listing.manifest)));
    const tags = found.includes(undefined) ? [] : await this.#checkImages();
    return {
      schemaVersion: 1,
      bundlePath: this.#options.bundlePath,
      complete: this.#problems.length === 0,
      files: [...this.#files.values()].sort((left, right) => (left.name < right.name ? -1 : 1)),
      problems: this.#problems,
      totals: {
        files: files.length,
        bytes,
        images: new Set(tags.map(({ repository, root }) => `${repository}@${root.digest}`)).size,
        blobs: new Set(this.#reader.layouts.flatMap(({ blobs }) => [...blobs.keys()])).size,
      },
    };
  }

  /** Entries of a package; undefined if its headers cannot be read. */
  async #scan(index: number): Promise<ScannedEntry[] | undefined> {
    const names = new Set(this.#listing.packages[index]?.files.map(({ name }) => name));
    if (
      this.#listing.problems.some(({ file, status }) => names.has(file) && status !== "surplus")
    ) {
      return undefined;
    }
    try {
      return await this.#reader.scanPackage(index);
    } catch (error) {
      this.#report(error, {});
      return undefined;
    }
  }

  async #hash(index: number, entries: readonly ScannedEntry[]): Promise<void> {
    const { files = [] } = this.#listing.packages[index] ?? {};
    const claimed = this.#listing.manifest?.packages[index]?.files;
    const { files: hashed, damaged } = await hashPackage({
      file: this.#reader.packageFile(index),
      sizes: files.map(({ name, size }) =>
        this.#files.get(name)?.status === "missing" ? 0 : size,
      ),
      regions: entries.flatMap(regionsOf),
      onProgress: (bytes) => this.#options.onEvent?.({ type: "progress", bytes }),
      signal: this.#options.signal,
    });
    for (const region of damaged) this.#reportRegion(index, region);
    for (const [position, { name, size }] of files.entries()) {
      if (this.#files.has(name)) continue;
      const result = hashed[position];
      const isRight =
        result?.size === size && (claimed?.[position]?.sha256 ?? result.sha256) === result.sha256;
      this.#files.set(name, { name, size, status: isRight ? "ok" : "corrupt" });
      if (!isRight) this.#reportFile({ name, index, position, result, entries });
    }
  }

  #reportRegion(index: number, { start, end, entry, digest }: Region): void {
    const location = this.#reader.locate({ package: index, offset: start });
    const error = digest
      ? new BundleContentMismatchError(location, digest, "its bytes do not have this digest")
      : new BundleCorruptError(location, `the padding behind "${entry}" is not zero`);
    const problem = this.#report(error, { entry, ...(digest ? { digest } : {}) });
    const last = this.#reader.locate({ package: index, offset: Math.max(end - 1, start) });
    for (const path of new Set([location.path, last.path])) {
      const name = baseName(path);
      const size =
        this.#listing.packages[index]?.files.find((file) => file.name === name)?.size ?? 0;
      if (!this.#files.has(name)) this.#files.set(name, { name, size, status: "corrupt" });
    }
    if (digest) this.#badBlobs.set(`${index}@${digest}`, problem);
  }

  /** The file as a whole is wrong, and no blob in it: what is left has no digest of its own. */
  #reportFile({ name, index, position, result, entries }: BadFile): void {
    if (result?.error !== undefined) {
      this.#report(result.error, { file: name, offset: result.size });
      return;
    }
    const { directory, packages } = this.#listing;
    const files = packages[index]?.files ?? [];
    const start = files.slice(0, position).reduce((sum, { size }) => sum + size, 0);
    const end = start + (files[position]?.size ?? 0);
    const suspects = entries.filter(
      ({ path, offset, size }) =>
        offset < end && offset + size > start && parseLayoutEntry(path)?.kind !== "blob",
    );
    const twin = this.#twinOf(result?.sha256);
    const reason = twin
      ? `it holds the bytes of "${twin}"`
      : `its sha256 is ${result?.sha256}, "bundle.json" says another; the damage is outside its blobs${
          suspects.length > 0
            ? `, in a header or in ${suspects.map(({ path }) => `"${path}"`).join(" or ")}`
            : ""
        }`;
    const error = new BundleCorruptError({ path: `${directory}/${name}`, offset: 0 }, reason);
    const [only] = suspects;
    this.#report(error, {
      file: name,
      ...(only && suspects.length === 1 ? { entry: only.path } : {}),
    });
  }

  /** Name of the file that should have these bytes. */
  #twinOf(sha256: string | undefined): string | undefined {
    const files = this.#listing.manifest?.packages.flatMap((item) => item.files);
    return files?.find((file) => file.sha256 === sha256)?.name;
  }

  /** Every planned image has all it needs; what is damaged is said with the images that need it. */
  async #checkImages(): Promise<readonly BundledTag[]> {
    try {
      const { tags } = await readBundledTags(this.#reader);
      const users = new Map<string, string[]>();
      for (const tag of tags) await this.#checkImage(tag, users);
      for (const [blob, problem] of this.#badBlobs) {
        const images = users.get(blob);
        if (images) Object.assign(problem, { images });
      }
      return tags;
    } catch (error) {
      this.#report(error, {});
      return [];
    }
  }

  async #checkImage(
    { layout, repository, tag, root }: BundledTag,
    users: Map<string, string[]>,
  ): Promise<void> {
    const name = `${repository}:${tag}`;
    const use = (digest: Digest) => {
      const key = `${layout.package}@${digest}`;
      users.set(key, [...(users.get(key) ?? []), name]);
    };
    use(root.digest);
    try {
      const { children, blobs } = await readBundledGraph(this.#reader, layout, root);
      for (const { digest } of [...children, ...blobs]) use(digest);
    } catch (error) {
      const isKnown = error instanceof BundleContentMismatchError && this.#badBlobs.size > 0;
      if (!isKnown) this.#report(error, { images: [name] });
    }
  }

  /** Enters an error into the report; what is no error of ours is a bug and thrown on. */
  #report(error: unknown, fields: Partial<Problem>): Problem {
    if (!(error instanceof MirrorError)) throw error;
    const location =
      "location" in error ? (error.location as { path: string; offset: number }) : undefined;
    const path = "path" in error ? String(error.path) : this.#options.bundlePath;
    const problem: Problem = {
      code: error.code,
      file: baseName(location?.path ?? path),
      ...(location ? { offset: location.offset } : {}),
      ...fields,
      message: error.message,
      ...(error.hint ? { hint: error.hint } : {}),
    };
    this.#problems.push(problem);
    return problem;
  }
}

interface BadFile {
  readonly name: string;
  readonly index: number;
  readonly position: number;
  readonly result: HashedFile | undefined;
  readonly entries: readonly ScannedEntry[];
}

/** A blob must have its digest, and what fills its last block must be zeros. */
function regionsOf({ path, offset, size }: ScannedEntry): Region[] {
  const name = parseLayoutEntry(path);
  const end = offset + size;
  const padding = paddingOf(size);
  return [
    ...(name?.kind === "blob" ? [{ start: offset, end, entry: path, digest: name.digest }] : []),
    ...(padding > 0 ? [{ start: end, end: end + padding, entry: path }] : []),
  ];
}

function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
