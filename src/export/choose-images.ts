import type { BundleStore, PublishedImage } from "../bundle/bundle-store.ts";
import { compareTexts } from "../compare-texts.ts";
import { isDigest } from "../oci/digest.ts";
import { formatReference, type RepositoryReference } from "../oci/reference.ts";
import type { SourceRepository } from "../store/store.ts";
import { ExportConflictError, ExportUnmatchedError } from "./errors.ts";
import { fitsPattern } from "./name-pattern.ts";

/** An image of a bundle under the name that a runtime will know it by. */
export interface ChosenImage extends Pick<PublishedImage, "tag" | "root"> {
  readonly name: string;
  readonly origin: RepositoryReference;
  readonly store: SourceRepository;
}

/** Where what names no registry belongs to, as podman says of images that were made on the machine itself. */
const NO_REGISTRY = "localhost";

/** The images whose names fit, sorted by name. A name that means two images is refused: only one could be kept. */
export function chooseImages(
  stores: readonly BundleStore[],
  patterns: readonly string[],
): readonly ChosenImage[] {
  const all = stores.flatMap((store) => store.images.map((image) => nameImage(image, store)));
  const unmet = patterns.find((pattern) => !all.some((image) => fits(image, pattern)));
  if (unmet !== undefined) {
    throw new ExportUnmatchedError(`no image of the bundle fits "${unmet}"`, {
      hint: `Write it as "${all[0]?.name ?? "docker.io/library/web:1.0"}", with * for any text`,
    });
  }
  const chosen = new Map<string, ChosenImage>();
  for (const image of all) {
    if (patterns.length > 0 && !patterns.some((pattern) => fits(image, pattern))) continue;
    const known = chosen.get(image.name);
    if (known && known.root.digest !== image.root.digest) refuseTwins(known, image);
    chosen.set(image.name, known ?? image);
  }
  return [...chosen.values()].sort((left, right) => compareTexts(left.name, right.name));
}

function nameImage(image: PublishedImage, store: BundleStore): ChosenImage {
  const { tag, root, repository } = image;
  const origin = image.source ?? {
    registry: NO_REGISTRY,
    repository: repository === "" ? "image" : repository,
  };
  // The bare hex of a digest stands for the digest
  const named = isDigest(`sha256:${tag}`) ? { digest: root.digest } : { tag };
  const name = formatReference({ ...origin, ...named });
  return { name, origin, tag, root, store: store.repository(repository) };
}

/** Users write Docker Hub's images as they know them, too. */
function fits({ name }: ChosenImage, pattern: string): boolean {
  const short = [
    name,
    name.replace(/^docker\.io\//, ""),
    name.replace(/^docker\.io\/library\//, ""),
  ];
  return short.some((text) => fitsPattern(pattern, text));
}

function refuseTwins(one: ChosenImage, other: ChosenImage): never {
  const reason = `it is ${one.root.digest} in one bundle and ${other.root.digest} in another`;
  throw new ExportConflictError(one.name, reason, { hint: "Export the bundles one by one" });
}
