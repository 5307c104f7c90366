import { formatCanonicalJson } from "../bundle/format/canonical-json.ts";
import { writeFileAtomically } from "../io/atomic-write.ts";
import { readNamedText } from "../io/read-file.ts";
import type { Notice } from "../notice.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { ContentInvalidError } from "../oci/errors.ts";
import { isRepositoryName, isTag } from "../oci/reference.ts";
import { parseStrictJson } from "../oci/strict-json.ts";
import { PruneListInvalidError } from "./errors.ts";

export const PRUNE_LIST_MEDIA_TYPE = "application/vnd.airgap-mirror.prune-list.v1+json";

/** What would be deleted in a target: to be read by somebody before it is (docs/prune.md). */
export interface PruneList {
  readonly schemaVersion: 1;
  readonly mediaType: typeof PRUNE_LIST_MEDIA_TYPE;
  /** `registry/repository` */
  readonly target: string;
  /** What it was made for. */
  readonly keeps: readonly string[];
  /** Path of the modules below the target. */
  readonly modulesPath: string;
  readonly deletes: readonly PruneEntry[];
  readonly totals: PruneTotals;
  readonly notices: readonly Notice[];
}

export interface PruneEntry {
  /** Path below the target; empty for the target itself. */
  readonly repository: string;
  readonly digest: Digest;
  readonly kind: PruneKind;
  /** All that point at it: they go with it. */
  readonly tags: readonly string[];
}

export type PruneKind = "image" | "index" | "child" | "referrer" | "referrers-index";

export interface PruneTotals {
  readonly repositories: number;
  readonly manifests: number;
  readonly tags: number;
  /** Of content that nothing else below the target needs: what the registry's collector can free. */
  readonly bytes: number;
}

export async function writePruneList(path: string, list: PruneList): Promise<void> {
  await writeFileAtomically(path, formatCanonicalJson(list));
}

/** Reads a list. Whoever reads it over may take entries out. */
export async function readPruneList(path: string): Promise<PruneList> {
  const invalid = (reason: string, options?: ErrorOptions) =>
    new PruneListInvalidError(path, reason, options);
  let value: unknown;
  try {
    value = parseStrictJson(Buffer.from(await readNamedText(path)), `"${path}"`);
  } catch (cause) {
    if (cause instanceof ContentInvalidError) throw invalid(cause.reason, { cause });
    throw cause;
  }
  if (!isRecord(value) || value["mediaType"] !== PRUNE_LIST_MEDIA_TYPE) {
    throw invalid("it is no list of what to prune");
  }
  if (value["schemaVersion"] !== 1) {
    throw invalid(`its version is ${String(value["schemaVersion"])}, this program reads version 1`);
  }
  const { target, modulesPath, deletes } = value;
  if (typeof target !== "string" || typeof modulesPath !== "string" || !Array.isArray(deletes)) {
    throw invalid("target, modulesPath or deletes is not what the format requires");
  }
  const unsound = deletes.findIndex((entry) => !isEntry(entry));
  if (unsound >= 0) throw invalid(`deletes[${unsound}] is not what the format requires`);
  return value as unknown as PruneList;
}

const KINDS: Readonly<Record<PruneKind, true>> = {
  image: true,
  index: true,
  child: true,
  referrer: true,
  "referrers-index": true,
};

function isEntry(value: unknown): value is PruneEntry {
  if (!isRecord(value)) return false;
  const { repository, digest, kind, tags } = value;
  return (
    typeof repository === "string" &&
    (repository === "" || isRepositoryName(repository)) &&
    typeof digest === "string" &&
    isDigest(digest) &&
    Object.hasOwn(KINDS, String(kind)) &&
    Array.isArray(tags) &&
    tags.every((tag) => typeof tag === "string" && isTag(tag))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
