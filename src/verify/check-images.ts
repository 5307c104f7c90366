import { BundleCorruptError } from "../bundle/errors.ts";
import { BUNDLE_MANIFEST_FILE, blobPath, entryPath } from "../bundle/format/format.ts";
import type { LayoutTable } from "../bundle/format/layout-table.ts";
import { isLeftOut } from "../bundle/images/bundle-graph.ts";
import { compareTags, keepLast, readLayoutTags } from "../bundle/images/bundle-images.ts";
import type {
  BundledReferrer,
  BundledTag,
  BundledTags,
  UnnamedManifest,
} from "../bundle/images/bundled-tags.ts";
import { findRepeated } from "../bundle/images/repeated-names.ts";
import type { BundleImage, BundleLayout, BundleManifest } from "../bundle/read/bundle-manifest.ts";
import type { BundleReader } from "../bundle/read/bundle-reader.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseManifest } from "../oci/manifest.ts";
import type { OperationOptions } from "../store/store.ts";
import { walkGraph } from "../store/walk.ts";
import { baseName, type Findings } from "./findings.ts";
import type { Problem } from "./report.ts";
import type { Survey } from "./survey.ts";

export interface CheckImagesOptions extends OperationOptions {
  readonly reader: BundleReader;
  readonly surveys: readonly Survey[];
  readonly manifest: BundleManifest | undefined;
  readonly findings: Findings;
}

/** A tag, or what has none, and what its image needs. */
interface PlannedImage {
  readonly repository: string;
  /** `repository:tag`, or `repository@digest` */
  readonly name: string;
  readonly root: Descriptor;
}

interface LayoutImages extends BundledTags {
  readonly images: readonly PlannedImage[];
  /** Whether `index.json` could be read. */
  readonly isRead: boolean;
}

export interface CheckedImages extends BundledTags {
  /** `repository@digest` */
  readonly roots: ReadonlySet<string>;
}

/** Checks that every image has all it needs and enters the images that suffer. */
export async function checkImages(options: CheckImagesOptions): Promise<CheckedImages> {
  const { surveys, manifest, findings, reader } = options;
  const tags: BundledTag[] = [];
  const referrers: BundledReferrer[] = [];
  const roots = new Set<string>();
  const unnamed: UnnamedManifest[] = [];
  const repeated: BundledTag[] = [];
  let isWhole = true;
  for (const survey of surveys) {
    for (const layout of layoutsOf(survey, manifest)) {
      const checker = new LayoutChecker(options, survey, layout.table);
      const found = await checker.readImages(layout.path, layout.claimed);
      tags.push(...found.tags);
      referrers.push(...found.referrers);
      unnamed.push(...found.unnamed);
      repeated.push(...(found.repeated ?? []));
      isWhole &&= found.isRead;
      for (const { repository, root } of found.images) roots.add(`${repository}@${root.digest}`);
      for (const images of groupByRoot(found.images)) await checker.check(images);
    }
  }
  // What an unreadable index.json lists is not known to differ
  const published = [...tags, ...referrers];
  const { differences } =
    manifest && isWhole ? compareTags(manifest, published) : { differences: [] };
  const path = `${reader.listing.directory}/${BUNDLE_MANIFEST_FILE}`;
  for (const { image, reason } of differences) {
    findings.blame(findings.add(new BundleCorruptError({ path, offset: 0 }, reason)), image);
  }
  return { roots, tags, referrers, unnamed, repeated };
}

interface KnownLayout {
  readonly path: string;
  readonly table: LayoutTable;
  readonly claimed?: BundleLayout | undefined;
}

/** Layouts that were found in a package, and those that it should have. */
function layoutsOf(survey: Survey, manifest: BundleManifest | undefined): KnownLayout[] {
  const claimed = manifest?.packages[survey.package]?.layouts ?? [];
  const paths = new Set([...survey.layouts, ...claimed].map(({ path }) => path));
  return [...paths].sort().map((path) => ({
    path,
    table: survey.layouts.find((layout) => layout.path === path) ?? {
      path,
      repository: path,
      package: survey.package,
      blobs: new Map(),
    },
    claimed: claimed.find((layout) => layout.path === path),
  }));
}

const NOTHING_PUBLISHED: BundledTags = { tags: [], referrers: [], unnamed: [] };

function namesOf({ repository, tags, digest }: BundleImage): readonly string[] {
  return tags.length > 0 ? tags.map((tag) => `${repository}:${tag}`) : [`${repository}@${digest}`];
}

/** The names of each root: what it needs is looked up once. */
function groupByRoot(images: readonly PlannedImage[]): PlannedImage[][] {
  const groups = new Map<string, PlannedImage[]>();
  for (const image of images) {
    const key = `${image.root.digest} ${image.root.mediaType} ${image.root.size}`;
    groups.set(key, [...(groups.get(key) ?? []), image]);
  }
  return [...groups.values()];
}

class LayoutChecker {
  readonly #options: CheckImagesOptions;
  readonly #survey: Survey;
  readonly #table: LayoutTable;

  constructor(options: CheckImagesOptions, survey: Survey, table: LayoutTable) {
    this.#options = options;
    this.#survey = survey;
    this.#table = table;
  }

  /** What `index.json` lists; if it cannot be read, what `bundle.json` says that it lists. */
  async readImages(path: string, claimed: BundleLayout | undefined): Promise<LayoutImages> {
    const index = entryPath(path, "index.json");
    const planned = (claimed?.images ?? []).flatMap((image) =>
      namesOf(image).map((name) => {
        return { repository: image.repository, name, root: this.#rootOf(image) };
      }),
    );
    const cause = this.#causesOf(index, this.#table.index !== undefined);
    if (cause.length > 0) {
      for (const { name } of planned) this.#blame(cause, name);
      return { images: planned, ...NOTHING_PUBLISHED, isRead: false };
    }
    try {
      const found = await readLayoutTags(this.#options.reader, this.#table);
      const { referrers, tags, unnamed } = found;
      const isForeign = this.#options.manifest === undefined;
      const kept = isForeign ? keepLast(tags) : tags;
      const { clash, repeated } = findRepeated(isForeign ? tags : [], kept);
      if (clash) this.#options.findings.add(clash, { entry: index, file: this.#indexFile() });
      const named = kept.map(({ repository, tag, root }) => {
        return { repository, name: `${repository}:${tag}`, root };
      });
      const belonging = referrers.map(({ repository, root }) => {
        return { repository, name: `${repository}@${root.digest}`, root };
      });
      // What has no place in a registry is content of the bundle like the rest
      const { repository } = this.#table;
      const others = unnamed.map(({ digest, descriptor }) => {
        return { repository, name: `${repository}:${digest}`, root: descriptor };
      });
      return { ...found, repeated, images: [...named, ...belonging, ...others], isRead: true };
    } catch (error) {
      const problem = this.#options.findings.add(error, { entry: index });
      for (const { name } of planned) this.#blame([problem], name);
      return { images: planned, ...NOTHING_PUBLISHED, isRead: false };
    }
  }

  #rootOf({ digest, mediaType }: Pick<Descriptor, "digest" | "mediaType">): Descriptor {
    return { digest, mediaType, size: this.#table.blobs.get(digest)?.size ?? 0 };
  }

  /** Everything below one root; all its names suffer from what is wrong. */
  async check(images: readonly PlannedImage[]): Promise<void> {
    const [image] = images;
    if (image === undefined) return;
    const suffer = (causes: readonly Problem[]) => {
      for (const { name } of images) this.#blame(causes, name);
    };
    const { findings, signal } = this.#options;
    try {
      const { blobs } = await walkGraph(image.root, {
        subject: `image ${image.name}`,
        read: (descriptor) => this.#readManifest(descriptor, suffer),
        signal,
      });
      const needed = blobs.filter((blob) => !isLeftOut(this.#options.reader, this.#table, blob));
      for (const blob of needed) suffer(this.#need(blob));
    } catch (error) {
      suffer([findings.add(error, this.#whereIs(image.root))]);
    }
  }

  /** Why the blob cannot be used; empty if it can. */
  #need({ digest, size }: Descriptor): readonly Problem[] {
    const path = blobPath(this.#table.path, digest);
    const place = this.#table.blobs.get(digest);
    const causes = this.#causesOf(path, place !== undefined);
    if (causes.length > 0 || place?.size === size) return causes;
    const { reader, findings } = this.#options;
    const at = place ?? this.#table.index;
    const location = reader.locate(at ?? { package: this.#survey.package, offset: 0 });
    const reason = place
      ? `blob ${digest} has ${place.size} bytes, its descriptor says ${size}`
      : `layout "${this.#table.path}" lacks blob ${digest}`;
    const hint = place ? undefined : reader.hintOfAbsent();
    const error = new BundleCorruptError(location, reason, hint === undefined ? {} : { hint });
    const problem = findings.add(error, { entry: path, digest });
    findings.spoil({ package: this.#survey.package, path }, problem);
    return [problem];
  }

  #indexFile(): string {
    const { index, package: number } = this.#table;
    return baseName(this.#options.reader.locate(index ?? { package: number, offset: 0 }).path);
  }

  #causesOf(path: string, isFound: boolean): readonly Problem[] {
    const { findings } = this.#options;
    const spoiler = findings.spoilerOf({ package: this.#survey.package, path });
    if (spoiler) return [spoiler];
    return isFound ? [] : findings.holesOf(this.#survey.package);
  }

  #blame(causes: readonly Problem[], image: string): void {
    for (const cause of causes) this.#options.findings.blame(cause, image);
  }

  async #readManifest(
    descriptor: Descriptor,
    suffer: (causes: readonly Problem[]) => void,
  ): Promise<Buffer | undefined> {
    const { digest } = descriptor;
    const { reader, findings } = this.#options;
    const causes = this.#need(descriptor);
    if (causes.length > 0) {
      suffer(causes);
      return undefined;
    }
    try {
      const bytes = await reader.readDocument(this.#table, digest);
      // Read here as well, so that the finding names the manifest and not only its image
      parseManifest(bytes, descriptor.mediaType, digest);
      return bytes;
    } catch (error) {
      const problem = findings.add(error, this.#whereIs(descriptor));
      const path = blobPath(this.#table.path, digest);
      findings.spoil({ package: this.#survey.package, path }, problem);
      suffer([problem]);
      return undefined;
    }
  }

  #whereIs({ digest }: Descriptor): Partial<Problem> {
    const place = this.#table.blobs.get(digest);
    const { path, offset } = this.#options.reader.locate(
      place ?? { package: this.#survey.package, offset: 0 },
    );
    const entry = blobPath(this.#table.path, digest);
    return { file: baseName(path), offset, entry, digest };
  }
}
