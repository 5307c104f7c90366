import { join } from "node:path";
import { compareTexts } from "../../compare-texts.ts";
import type { ImageKind } from "../../contents/contents.ts";
import { parseCosignTag } from "../../oci/cosign-tag.ts";
import { coreOf, type Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { joinRepository, type RepositoryReference } from "../../oci/reference.ts";
import { MODULES, memberOf, placeModules } from "../../product/layouts.ts";
import { parseModulesPath } from "../../product/modules-path.ts";
import type { LayoutTable } from "../format/layout-table.ts";
import type { BundleReader } from "../read/bundle-reader.ts";
import { adoptUntagged } from "./adopt-untagged.ts";
import { nameUntagged, refuseClash } from "./bare-tags.ts";
import { readBundledTags } from "./bundle-images.ts";
import type { BundledReferrer, BundledTag, UnnamedManifest } from "./bundled-tags.ts";
import { readInstallerChannels } from "./installer-channels.ts";

/** One image of a bundle with all its tags, and where it lands. */
export interface RoutedImage {
  readonly layout: LayoutTable;
  readonly target: RepositoryReference;
  /** Repository path below the target. */
  readonly repository: string;
  readonly root: Descriptor;
  /** None of what clients find by its subject. */
  readonly tags: readonly string[];
  readonly kind: ImageKind;
  /** The manifest that it belongs to, in the same repository. */
  readonly subject?: Digest;
  /** Full references in the registries that it came from, as far as the layout says. */
  readonly sources: readonly string[];
  /** A tag of another program that says no repository, and so may be one that many images have. */
  readonly isBare?: true;
}

export interface Routes {
  readonly images: readonly RoutedImage[];
  /** Names of modules, packages and plugins, and the repository whose tags they become. */
  readonly discovery: readonly { readonly repository: RepositoryReference; readonly tag: string }[];
  /** What has no place, because its name says none. */
  readonly unnamed: readonly UnnamedManifest[];
  /** What another image of the same name takes the place of. */
  readonly repeated?: readonly BundledTag[] | undefined;
}

export interface RoutesOptions {
  readonly target: RepositoryReference;
  /** Path of the modules below the target; default `modules`. */
  readonly modulesPathSuffix?: string | undefined;
  /** Tag of the one image that has none, in a layout or an archive of another program. */
  readonly tag?: string | undefined;
}

/** Where each image of a bundle lands in a target: what a push does, a receipt lists and clients are told. */
export async function routesOf(
  bundle: BundleReader,
  { target, modulesPathSuffix, tag }: RoutesOptions,
): Promise<Routes> {
  const modulesPath = parseModulesPath(modulesPathSuffix);
  const bundlePath = pathOf(bundle);
  const adopted = await adoptUntagged(bundle, await readBundledTags(bundle), {
    hasTag: tag !== undefined,
  });
  const bundled = nameUntagged(adopted, { bundlePath, tag });
  const { tags, referrers, unnamed, repeated } = bundled;
  if (!bundle.manifest) {
    const bare = tags.map(({ repository, tag: name, root: { digest } }) => {
      return { repository, tag: name, digest };
    });
    refuseClash(bare, bundlePath);
  }
  const all = [...tags, ...(await readInstallerChannels(bundle, tags))];
  return {
    images: routeImages([...all, ...referrers], { target, modulesPath }),
    discovery: routeNames(all, { target, modulesPath }),
    unnamed,
    repeated,
  };
}

/** The one file that was named, or the directory. */
function pathOf({ listing: { directory, packages } }: BundleReader): string {
  const files = packages.flatMap((item) => (item.isDirectory ? [] : item.files));
  const [only, ...others] = files;
  return only && others.length === 0 ? join(directory, only.name) : directory;
}

interface Placing {
  readonly target: RepositoryReference;
  readonly modulesPath: string;
}

function routeImages(
  published: readonly (BundledTag | BundledReferrer)[],
  { target, modulesPath }: Placing,
): RoutedImage[] {
  const images = new Map<string, OpenImage>();
  // One object for each repository: who keeps something for it finds it by that
  const targets = new Map<string, RepositoryReference>();
  for (const one of published) {
    const path = placeModules(one.repository, modulesPath);
    const place = targets.get(path) ?? joinRepository(target, path);
    targets.set(path, place);
    const subject = subjectOf(one);
    const key = `${path}@${one.root.digest}`;
    const known = images.get(key);
    if (known) addName(known, one);
    const image = known ?? openImage(one, { target: place, repository: path });
    images.set(key, subject === undefined ? image : { ...image, subject });
  }
  return [...images.values()];
}

/** While its names are gathered. */
type OpenImage = RoutedImage & { readonly tags: string[]; readonly sources: string[] };

/** With the first of its names: most images have no other, and lists that grow take the room of seventeen. */
function openImage(
  one: BundledTag | BundledReferrer,
  place: Pick<RoutedImage, "target" | "repository">,
): OpenImage {
  const { layout, root, kind, source } = one;
  return {
    layout,
    ...place,
    // What else was written beside it has done its work
    root: coreOf(root),
    tags: "tag" in one ? [one.tag] : [],
    kind,
    sources: source === "" ? [] : [source],
    ...("isBare" in one ? { isBare: one.isBare } : {}),
  };
}

function addName({ tags, sources }: OpenImage, one: BundledTag | BundledReferrer): void {
  if ("tag" in one && !tags.includes(one.tag)) tags.push(one.tag);
  if (one.source !== "" && !sources.includes(one.source)) sources.push(one.source);
}

/** What cosign stores beside an image says by its tag what it belongs to. */
function subjectOf(published: BundledTag | BundledReferrer): Digest | undefined {
  return "tag" in published ? parseCosignTag(published.tag)?.subject : published.subject;
}

/** `modules:foo` and the like; images that were named one by one have no catalogue. */
function routeNames(tags: readonly BundledTag[], { target, modulesPath }: Placing) {
  const members = tags
    .filter(({ layout }) => layout.repository !== "")
    .flatMap(({ repository }) => memberOf(repository) ?? []);
  const unique = new Map(members.map((member) => [`${member.catalog}/${member.name}`, member]));
  return [...unique]
    .sort(([left], [right]) => compareTexts(left, right))
    .map(([, { catalog, name }]) => ({
      repository: joinRepository(target, catalog === MODULES.directory ? modulesPath : catalog),
      tag: name,
    }));
}
