import { type PackagePlan, planPackage } from "../bundle/format/bundle-plan.ts";
import type { ImageContents } from "../contents/contents.ts";
import { type Failure, toFailure } from "../failure.ts";
import type { Notice } from "../notice.ts";
import { type Digest, parseDigest } from "../oci/digest.ts";
import type { ReadableStore } from "../store/store.ts";
import type { ChosenImages } from "./choose-images.ts";
import type { ExportForm, PlanExportOptions } from "./export-options.ts";
import { exportedName } from "./exported-image.ts";
import { isForRuntimes } from "./for-runtimes.ts";
import { readImages } from "./read-images.ts";

type Entry = NonNullable<ReturnType<PackagePlan["entries"]["at"]>>;

/** Every entry of an export, in its order, and where the bytes of each are. */
export interface ExportPlan {
  readonly form: ExportForm;
  readonly entries: readonly Entry[];
  /** What the entries are of; an image of several tags is there for each of them. */
  readonly contents: readonly ImageContents[];
  readonly notices: readonly Notice[];
  /** Images that could not be read, and are not exported. */
  readonly failures: readonly Failure[];
  /** Of the first of them. */
  readonly error?: Error;
  readonly stores: ReadonlyMap<Digest, ReadableStore>;
  /** Indexes that no bundle has, because parts of them are left out. */
  readonly rewritten: ReadonlyMap<Digest, string>;
}

/** Reads manifests, no layers. The same images always give the same plan, and the same plan the same bytes. */
export async function planExport(
  chosen: ChosenImages,
  options: PlanExportOptions,
): Promise<ExportPlan> {
  const { contents, failed, notices, stores } = await readImages(chosen, options);
  const [first] = failed;
  const { kept, others } = ofOneSystem(contents, options);
  return {
    ...layOut(kept, options.form),
    notices: [...notices, ...others.map(ofAnotherSystem), ...noticesOfLayers(kept, options)],
    failures: failed.map(({ error, name }) => toFailure(error, name)),
    ...(first ? { error: first.error } : {}),
    stores,
  };
}

/** The same export of some of its images. */
export function keepImages(
  plan: ExportPlan,
  isKept: (image: ImageContents) => boolean,
): ExportPlan {
  return { ...plan, ...layOut(plan.contents.filter(isKept), plan.form) };
}

/** The same export without some images; what no other image has is not in it either. */
export function withoutImages(
  plan: ExportPlan,
  reasons: ReadonlyMap<ImageContents, Error>,
): ExportPlan {
  const [first] = reasons.values();
  const failures = [...reasons].map(([image, error]) => toFailure(error, exportedName(image)));
  const error = plan.error ?? first;
  return {
    ...keepImages(plan, (image) => !reasons.has(image)),
    failures: [...plan.failures, ...failures],
    ...(error ? { error } : {}),
  };
}

/** Whoever loads an archive with images of Linux and of Windows refuses all of it, or ends in the midst. */
function ofOneSystem(contents: readonly ImageContents[], { form }: PlanExportOptions) {
  const isWindows = ({ archive }: ImageContents) => archive?.os === "windows";
  const isMixed = contents.some((image) => image.archive && !isWindows(image));
  if (!isForRuntimes(form) || !isMixed) return { kept: contents, others: [] };
  return {
    kept: contents.filter((image) => !isWindows(image)),
    others: contents.filter(isWindows),
  };
}

function ofAnotherSystem(image: ImageContents): Notice {
  const message = `"${exportedName(image)}" is left out: it is for Windows, and others are for Linux`;
  return { code: "NOT_RUNNABLE", message };
}

/** Layers are copied as they are: an older Docker ends in the midst of an archive that has such a one. */
function noticesOfLayers(
  images: readonly ImageContents[],
  { form }: PlanExportOptions,
): readonly Notice[] {
  if (form !== "docker-archive") return [];
  const found = images.filter(({ layers }) =>
    layers.some((layer) => /zstd$/.test(layer.mediaType)),
  );
  const [first] = found;
  if (first === undefined) return [];
  const others = found.length > 1 ? ` and ${found.length - 1} more` : "";
  const message = `"${exportedName(first)}"${others} have layers that are compressed with zstd: Docker before 23 loads nothing of the archive`;
  return [{ code: "LAYERS_ZSTD", message }];
}

function layOut(
  contents: readonly ImageContents[],
  form: ExportForm,
): Pick<ExportPlan, "form" | "entries" | "contents" | "rewritten"> {
  const indexes = contents.flatMap(({ rewritten }) => rewritten ?? []);
  return {
    form,
    entries: entriesOf(contents, form),
    contents,
    rewritten: new Map(indexes.map(({ digest, text }) => [digest, text])),
  };
}

/** The entries of `images.tar`; `manifest.json` is what Docker and podman read, the index what the others read. */
function entriesOf(contents: readonly ImageContents[], form: ExportForm): readonly Entry[] {
  const isLoaded = isForRuntimes(form);
  const images = contents.map((image) => (isLoaded ? image : { ...image, archive: undefined }));
  const { entries } = planPackage({
    name: "images",
    kind: "images",
    layouts: [{ path: "", images: nameDigests(mergeTags(images), form) }],
  });
  if (form !== "docker-archive") return [...entries];
  const loaded = new Set(
    images.flatMap(({ archive }) => (archive ? [archive.config, ...archive.layers] : [])),
  );
  return [...entries].filter(({ path, content }) =>
    content.kind === "blob" ? loaded.has(content.digest) : path === "manifest.json",
  );
}

/**
 * kubelet asks for `name:tag@digest` by name and digest alone, which a pull has in containerd and an import has not: whoever
 * pins images would ask the Internet for what is there. An index without all of its platforms has another digest than the one
 * that is pinned.
 */
function nameDigests(images: readonly ImageContents[], form: ExportForm): readonly ImageContents[] {
  if (form !== "k3s") return images;
  return images.map((image) => {
    const { root, rewritten = [], tags } = image;
    const { encoded } = parseDigest(root.digest);
    const isCut = rewritten.some(({ digest }) => digest === root.digest);
    return isCut || tags.length === 0 || tags.includes(encoded)
      ? image
      : { ...image, tags: [...tags, encoded].sort() };
  });
}

/** One image of several tags is one entry of `manifest.json`. */
function mergeTags(images: readonly ImageContents[]): readonly ImageContents[] {
  const merged = new Map<string, ImageContents>();
  for (const image of images) {
    const key = `${image.repository}\0${image.root.digest}\0${image.sourceDigest ?? ""}`;
    const known = merged.get(key);
    merged.set(key, known ? { ...known, tags: [...known.tags, ...image.tags].sort() } : image);
  }
  return [...merged.values()];
}
