import { formatCanonicalJson } from "../bundle/format/canonical-json.ts";
import { parsePackageFile } from "../bundle/format/format.ts";
import { isBundleLayout, isBundleTotals, isPackageKind } from "../bundle/read/bundle-manifest.ts";
import type { MadeContent } from "../contents/contents.ts";
import { isDigest } from "../oci/digest.ts";
import { ContentInvalidError } from "../oci/errors.ts";
import { parseStrictJson } from "../oci/strict-json.ts";
import { LockInvalidError, LockVersionError } from "./errors.ts";
import { checksumOf, LOCK_MEDIA_TYPE, type Lock, type LockedPackage } from "./lock.ts";

/** JSON with sorted keys: equal locks have equal bytes. */
export function formatLock(lock: Lock): string {
  return formatCanonicalJson(lock);
}

/** Throws `LOCK_INVALID` for what is no lock or was edited, `LOCK_VERSION_UNSUPPORTED` for one of a newer program. */
export function parseLock(bytes: Buffer, path: string): Lock {
  return toLock(parseJson(bytes, path), path);
}

/** Refuses a value that is no lock; `name` is for messages. */
export function toLock(value: unknown, name: string): Lock {
  const invalid = (reason: string) => new LockInvalidError(name, reason, { hint: HINT });
  if (!isRecord(value)) throw invalid("it is not an object");
  const { schemaVersion, mediaType, checksum, ...content } = value;
  if (mediaType !== LOCK_MEDIA_TYPE) {
    if (!String(mediaType).includes("airgap-mirror.lock.")) throw invalid(`it is ${kindOf(value)}`);
    throw new LockVersionError(name, mediaType);
  }
  if (schemaVersion !== 1) throw new LockVersionError(name, schemaVersion);
  const fault = findFault(content);
  if (fault !== undefined) throw invalid(fault);
  if (checksum !== checksumOf({ ...content, schemaVersion, mediaType })) {
    throw invalid("it was edited after it was made: its content does not have its check sum");
  }
  return value as unknown as Lock;
}

const HINT = "Make it again with the same selection; what a lock pins is changed by no edit";

/** What else was named by mistake. */
function kindOf({ mediaType }: Record<string, unknown>): string {
  const [, kind] = /^application\/vnd\.airgap-mirror\.([a-z-]+)\./.exec(String(mediaType)) ?? [];
  if (kind === "plan") return "a plan, which pins nothing";
  return kind === undefined ? "no lock" : `a document of another kind (${kind})`;
}

function parseJson(bytes: Buffer, path: string): unknown {
  try {
    return parseStrictJson(bytes, `"${path}"`);
  } catch (cause) {
    const reason = cause instanceof ContentInvalidError ? cause.reason : "it cannot be read";
    throw new LockInvalidError(path, reason, { hint: HINT, cause });
  }
}

function findFault(content: Record<string, unknown>): string | undefined {
  const { source, selection, packages, extraFiles = [], totals, made = [] } = content;
  if (source !== undefined && typeof source !== "string") return "source is not a string";
  if (!isSelection(selection)) return "selection is not what the format requires";
  if (!Array.isArray(packages)) return "packages is not an array";
  const unsound = packages.findIndex((item) => !isLockedPackage(item));
  if (unsound >= 0) return `packages[${unsound}] is not what the format requires`;
  if (!Array.isArray(extraFiles) || !extraFiles.every(isExtraFile)) {
    return "extraFiles is not what the format requires";
  }
  if (!Array.isArray(made) || !made.every(isMade)) return "made is not what the format requires";
  return isBundleTotals(totals) ? undefined : "totals is not what the format requires";
}

function isSelection(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { source, platforms = [] } = value;
  return (
    (source === undefined || (isRecord(source) && hasTexts(source, ["registry", "repository"]))) &&
    Array.isArray(platforms) &&
    platforms.every((one) => isRecord(one) && hasTexts(one, ["os", "architecture"]))
  );
}

function isLockedPackage(value: unknown): value is LockedPackage {
  if (!isRecord(value)) return false;
  const { name, kind, layouts } = value;
  return (
    typeof name === "string" &&
    parsePackageFile(`${name}.tar`)?.packageName === name &&
    isPackageKind(kind) &&
    Array.isArray(layouts) &&
    layouts.every(
      (layout) =>
        isBundleLayout(layout) &&
        layout.images.every(
          ({ sourceDigest, source, omitted = [] }) =>
            (sourceDigest === undefined || isDigest(sourceDigest)) &&
            source !== "" &&
            Array.isArray(omitted) &&
            omitted.every((one) => isDigest(String(one?.digest))),
        ),
    )
  );
}

/** Fields of each kind of content that is in no registry. */
const MADE_FIELDS: Readonly<Record<MadeContent["kind"], readonly string[]>> = {
  text: ["text"],
  web: ["address", "namedBy"],
  file: ["path"],
};

function isMade(value: unknown): boolean {
  if (!isRecord(value) || !isDigest(String(value["digest"]))) return false;
  const { kind } = value;
  return kind === "text" || kind === "web" || kind === "file"
    ? hasTexts(value, MADE_FIELDS[kind])
    : false;
}

function isExtraFile(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { name, text } = value;
  return /^[a-z0-9][a-z0-9_-]{0,63}\.yaml$/.test(String(name)) && typeof text === "string";
}

function hasTexts(value: Record<string, unknown>, keys: readonly string[]): boolean {
  return keys.every((key) => typeof value[key] === "string");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
