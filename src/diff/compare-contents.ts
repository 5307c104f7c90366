import { checkOptions } from "../check-options.ts";
import { compareTexts } from "../compare-texts.ts";
import { OptionInvalidError } from "../errors.ts";
import type { Lock } from "../lock/lock.ts";
import { readLock } from "../lock/lock-file.ts";
import type { Notice } from "../notice.ts";
import type { RepositoryReference } from "../oci/reference.ts";
import { isMissing } from "../store/errors.ts";
import type { OperationOptions } from "../store/store.ts";
import { walkGraph } from "../store/walk.ts";
import { referenceBelow, type TargetPlace } from "../target/target.ts";
import { type ChangedImage, compareSides, type Differences } from "./compare-sides.ts";
import type { ComparedImage, ComparedSide } from "./compared-side.ts";
import { lockSide, readBundleSide, readTargetSide } from "./read-side.ts";

/** What is compared: the files of a bundle, a lock, or what a registry has at a repository and below it. */
export type ComparedPlace =
  | { readonly kind: "bundle"; readonly path: string }
  /** With `lock`, this one, and the path only names it. */
  | { readonly kind: "lock"; readonly path: string; readonly lock?: Lock | undefined }
  | { readonly kind: "target"; readonly target: RepositoryReference };

export interface CompareOptions extends OperationOptions, Partial<Pick<TargetPlace, "openTarget">> {
  readonly left: ComparedPlace;
  readonly right: ComparedPlace;
  /** Paths of all repositories of a registry; for targets. */
  readonly listRepositories?:
    | ((registry: string, options?: OperationOptions) => AsyncIterable<string>)
    | undefined;
  /** Path of the modules below a target; default `modules`. */
  readonly modulesPathSuffix?: string | undefined;
  readonly onNotice?: ((notice: Notice) => void) | undefined;
}

export const DIFF_MEDIA_TYPE = "application/vnd.airgap-mirror.diff.v1+json";

export interface DiffReport {
  readonly schemaVersion: 1;
  readonly mediaType: typeof DIFF_MEDIA_TYPE;
  readonly left: DiffSide;
  readonly right: DiffSide;
  readonly isSame: boolean;
  readonly sameCount: number;
  readonly added: readonly ComparedImage[];
  readonly removed: readonly ComparedImage[];
  readonly changed: readonly ChangedImage[];
  /** The tags that came and went, by repository; tags that are digests are none. */
  readonly versions: readonly {
    readonly repository: string;
    readonly added: readonly string[];
    readonly removed: readonly string[];
  }[];
  /** Of the images in these lists, each once in its repository. */
  readonly bytes: {
    readonly added: number;
    readonly removed: number;
    readonly changed: { readonly from: number; readonly to: number };
  };
  readonly notices: readonly Notice[];
}

export interface DiffSide extends Pick<ComparedSide, "kind" | "name"> {
  /** Tags, and what has none. */
  readonly images: number;
}

/** What the right side has otherwise than the left: by tag where there is one, and else by digest. */
export async function compareContents(options: CompareOptions): Promise<DiffReport> {
  checkOptions(options, {
    left: "object",
    right: "object",
    openTarget: "function?",
    listRepositories: "function?",
    modulesPathSuffix: "text?",
    onNotice: "function?",
    signal: "signal?",
  });
  const notices: Notice[] = [];
  const onNotice = (notice: Notice) => {
    notices.push(notice);
    options.onNotice?.(notice);
  };
  const [left, right] = await readSides(options, onNotice);
  const { added, removed, changed, sameCount } = await measureAll(
    compareSides(left, right),
    options,
  );
  return {
    schemaVersion: 1,
    mediaType: DIFF_MEDIA_TYPE,
    left: summaryOf(left),
    right: summaryOf(right),
    isSame: added.length + removed.length + changed.length === 0,
    sameCount,
    added,
    removed,
    changed,
    versions: versionsOf(added, removed),
    bytes: {
      added: bytesOf(added),
      removed: bytesOf(removed),
      changed: {
        from: bytesOf(changed.map(({ from }) => from)),
        to: bytesOf(changed.map(({ to }) => to)),
      },
    },
    notices,
  };
}

/** What has a list of its own is read first: a registry need not list its repositories. */
async function readSides(
  options: CompareOptions,
  onNotice: (notice: Notice) => void,
): Promise<[ComparedSide, ComparedSide]> {
  const { left, right } = options;
  const read = (place: ComparedPlace, other: readonly ComparedImage[]) =>
    readSide(place, { ...options, other, onNotice });
  if (left.kind === "target" && right.kind !== "target") {
    const second = await read(right, []);
    return [await read(left, second.images), second];
  }
  const first = await read(left, []);
  return [first, await read(right, first.images)];
}

interface ReadSideOptions extends CompareOptions {
  readonly other: readonly ComparedImage[];
  readonly onNotice: (notice: Notice) => void;
}

async function readSide(place: ComparedPlace, options: ReadSideOptions): Promise<ComparedSide> {
  if (place.kind === "bundle") return await readBundleSide(place.path, options);
  if (place.kind === "lock") {
    return lockSide(place.lock ?? (await readLock(place.path)), place.path, options);
  }
  return await readTargetSide(openPlace(place.target, options), options);
}

function openPlace(target: RepositoryReference, options: CompareOptions): TargetPlace {
  const { openTarget, listRepositories } = options;
  if (openTarget === undefined || listRepositories === undefined) {
    throw new OptionInvalidError("openTarget", "it is missing: a target is compared");
  }
  return {
    target,
    openTarget,
    listRepositories: (given) => listRepositories(target.registry, given),
  };
}

/** What a target has is measured only where it differs. */
async function measureAll(
  differences: Differences,
  { left, right, openTarget, signal }: CompareOptions,
): Promise<Differences> {
  const measure = async (image: ComparedImage, place: ComparedPlace): Promise<ComparedImage> => {
    if (place.kind !== "target" || openTarget === undefined) return image;
    const { repository, digest } = image;
    const store = openTarget(referenceBelow(place.target, repository));
    const root = await store.fetchManifest(digest, { signal });
    const { manifests, blobs } = await walkGraph(root.descriptor, {
      subject: `image "${repository}@${digest}"`,
      read: async (child) =>
        child.digest === digest
          ? root.bytes
          : (await store.fetchManifest(child.digest, { signal }).catch(orMissing))?.bytes,
      signal,
    });
    const all = [...manifests.map(({ descriptor }) => descriptor), ...blobs];
    return { ...image, size: all.reduce((sum, { size }) => sum + size, 0) };
  };
  const added: ComparedImage[] = [];
  const removed: ComparedImage[] = [];
  const changed: ChangedImage[] = [];
  for (const image of differences.added) added.push(await measure(image, right));
  for (const image of differences.removed) removed.push(await measure(image, left));
  for (const { from, to, ...names } of differences.changed) {
    changed.push({ ...names, from: await measure(from, left), to: await measure(to, right) });
  }
  return { ...differences, added, removed, changed };
}

function versionsOf(
  added: readonly ComparedImage[],
  removed: readonly ComparedImage[],
): DiffReport["versions"] {
  const repositories = new Set([...added, ...removed].map(({ repository }) => repository));
  const tagsOf = (images: readonly ComparedImage[], repository: string) =>
    images.flatMap((image) => {
      const isNamed = image.tag !== undefined && !/^[0-9a-f]{64}$/.test(image.tag);
      return image.repository === repository && isNamed ? [image.tag ?? ""] : [];
    });
  return [...repositories]
    .sort(compareTexts)
    .map((repository) => ({
      repository,
      added: tagsOf(added, repository),
      removed: tagsOf(removed, repository),
    }))
    .filter((one) => one.added.length + one.removed.length > 0);
}

/** An index may be there without all of its images: what is there counts. */
function orMissing(error: unknown): undefined {
  if (isMissing(error)) return undefined;
  throw error;
}

function bytesOf(images: readonly ComparedImage[]): number {
  const distinct = new Map(
    images.map(({ repository, digest, size = 0 }) => [`${repository}@${digest}`, size]),
  );
  return [...distinct.values()].reduce((sum, size) => sum + size, 0);
}

function summaryOf({ kind, name, images }: ComparedSide): DiffSide {
  return { kind, name, images: images.length };
}
