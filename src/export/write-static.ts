import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { compareTexts } from "../compare-texts.ts";
import { mkdir } from "../io/file-system.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { isManifestType, MEDIA_TYPE } from "../oci/media-type.ts";
import { referrerOf } from "../oci/referrer.ts";
import type { ExportOptions, ExportReport } from "./export-options.ts";
import { FileTree } from "./file-tree.ts";
import { fillDirectory } from "./fresh-directory.ts";
import type { ExportPlan } from "./plan-export.ts";
import { planStatic, type StaticRepository, type StaticTree } from "./plan-static.ts";
import { readEntry } from "./read-entry.ts";
import { renderCaddy, renderNginxMain, renderNginxRegistry } from "./static-servers.ts";

/**
 * Writes a registry that any server of files gives away, with the configuration of two that need nothing else.
 *
 * ```
 * blobs/sha256:<hex>                    of all repositories
 * v2/<registry>/<repository>/blobs      a link to them
 * v2/…/manifests/<tag>, sha256:<hex>    manifests and indexes
 * v2/…/referrers/sha256:<hex>, tags/list
 * ```
 */
export async function writeStatic(
  plan: ExportPlan,
  { out, signal }: Pick<ExportOptions, "out" | "signal">,
): Promise<Pick<ExportReport, "bytes" | "isWritten">> {
  const tree = planStatic(plan.contents);
  return await fillDirectory(out, async (directory) => {
    const files = new FileTree(directory);
    const referrers = await writeContent(plan, { tree, files, signal });
    for (const repository of tree.repositories) await writeLists(repository, referrers, files);
    await files.write("nginx.conf", renderNginxMain());
    await files.write("nginx-registry.conf", renderNginxRegistry(tree));
    await files.write("Caddyfile", renderCaddy(tree));
    await mkdir(join(directory, "temp"), { recursive: true });
    return { bytes: files.bytes, isWritten: true };
  });
}

/** What refers to a manifest, by its digest. */
type Referrers = ReadonlyMap<Digest, readonly Descriptor[]>;

interface Writing {
  readonly tree: StaticTree;
  readonly files: FileTree;
  readonly signal: AbortSignal | undefined;
}

/** Every blob once, every manifest wherever it belongs. */
async function writeContent(
  plan: ExportPlan,
  { tree, files, signal }: Writing,
): Promise<Referrers> {
  const places = placesOf(tree);
  const referrers = new Map<Digest, Descriptor[]>();
  for (const entry of plan.entries) {
    signal?.throwIfAborted();
    const { content, size } = entry;
    if (content.kind !== "blob") continue;
    const { digest, mediaType } = content;
    const bytes = readEntry(entry, plan, signal);
    if (!isManifestType(mediaType)) {
      await files.write(`blobs/${digest}`, bytes);
      continue;
    }
    const manifest = await buffer(bytes);
    for (const path of places.get(digest) ?? []) await files.write(path, manifest);
    const referrer = referrerOf({ digest, mediaType, size }, manifest);
    if (referrer === undefined) continue;
    const { subject, descriptor } = referrer;
    referrers.set(subject, [...(referrers.get(subject) ?? []), descriptor]);
  }
  return referrers;
}

function placesOf({ repositories }: StaticTree): ReadonlyMap<Digest, readonly string[]> {
  const places = new Map<Digest, string[]>();
  const add = (digest: Digest, path: string) =>
    places.set(digest, [...(places.get(digest) ?? []), path]);
  for (const { path, manifests, tags } of repositories) {
    for (const { digest } of manifests) add(digest, `v2/${path}/manifests/${digest}`);
    for (const { tag, digest } of tags) add(digest, `v2/${path}/manifests/${tag}`);
  }
  return places;
}

async function writeLists(
  { path, manifests, tags }: StaticRepository,
  referrers: Referrers,
  files: FileTree,
): Promise<void> {
  await files.link(`v2/${path}/blobs`, "blobs");
  const list = { name: path, tags: tags.map(({ tag }) => tag) };
  await files.write(`v2/${path}/tags/list`, JSON.stringify(list));
  const own = new Set(manifests.map(({ digest }) => digest));
  // A subject need not be there itself
  for (const [subject, all] of referrers) {
    const found = all
      .filter(({ digest }) => own.has(digest))
      .sort((left, right) => compareTexts(left.digest, right.digest));
    if (found.length === 0) continue;
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.imageIndex, manifests: found };
    await files.write(`v2/${path}/referrers/${subject}`, JSON.stringify(index));
  }
}
