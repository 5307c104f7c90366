import { randomBytes } from "node:crypto";
import type { Descriptor } from "../../oci/descriptor.ts";
import { digestOf } from "../../oci/digest.ts";
import { MEDIA_TYPE } from "../../oci/media-type.ts";
import { isRepositoryName } from "../../oci/reference.ts";
import { repositoryScope } from "../auth/scope.ts";
import { existsBlob, type RepositoryContext } from "../content/blobs.ts";
import { RegistryResponseError } from "../errors.ts";
import { mountBlob } from "../upload/mount.ts";
import { cancelUpload, commitUrlOf, startUpload } from "../upload/upload-start.ts";
import type { Leftovers } from "./leftovers.ts";
import type { Check } from "./report.ts";

export interface CheckMountOptions {
  /** A blob that the repository has. */
  readonly blob: Descriptor | undefined;
  readonly leftovers: Leftovers;
  readonly signal: AbortSignal | undefined;
}

/** A neighbor of the repository that is only there for the probe. */
const PROBE_SUFFIX = "-mirror-doctor";
const PROBE_BYTES = 32;
const CLEAN_UP_LIMIT_MS = 5_000;

/**
 * Whether blobs are linked between repositories. Bytes that nobody else can have are uploaded to a neighbor, mounted from
 * there, and deleted at both places; only what was uploaded here is ever deleted. A registry that does not delete blobs
 * would keep them: there a blob that the repository has is mounted onto itself, which changes nothing.
 */
export async function checkMount(
  context: RepositoryContext,
  options: CheckMountOptions,
): Promise<Check> {
  const bytes = randomBytes(PROBE_BYTES);
  const digest = digestOf(bytes);
  const probe = { mediaType: MEDIA_TYPE.octetStream, digest, size: bytes.length };
  const neighbor = { ...context, repository: `${context.repository}${PROBE_SUFFIX}` };
  if (!isRepositoryName(neighbor.repository) || !(await deletesBlobs(context, probe, options))) {
    return await mountOntoItself(context, options, "the registry does not delete blobs");
  }
  const { leftovers, signal } = options;
  try {
    await upload(neighbor, { bytes, probe, signal });
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof RegistryResponseError)) throw error;
    const reason = `"${neighbor.repository}" cannot be written (${error.status})`;
    return await mountOntoItself(context, options, reason);
  }
  leftovers.neighbor = neighbor.repository;
  try {
    return await mount(context, probe, { from: neighbor.repository, signal });
  } finally {
    for (const place of [context, neighbor]) {
      if (!(await isGone(place, probe))) leftovers.blobs.push(`${place.repository}@${digest}`);
    }
  }
}

interface MountOptions {
  readonly from: string;
  readonly signal: AbortSignal | undefined;
}

async function mount(
  context: RepositoryContext,
  blob: Descriptor,
  { from, signal }: MountOptions,
): Promise<Check> {
  const name = "mount";
  const result = await mountBlob(context, blob, { from, signal });
  if (result === "mounted") {
    if (await existsBlob(context, blob, { signal })) {
      return { name, status: "ok", detail: "blobs are linked between repositories" };
    }
    const detail = "the registry says that it links blobs, and does not";
    const hint = "Ask the maker of the registry: a push would be refused for missing blobs";
    return { name, status: "failed", detail, code: "REGISTRY_REFUSED", hint };
  }
  if (result) await cancelUpload(context, result.location);
  const detail = "not done: blobs are sent once for each repository";
  return { name, status: "limited", detail };
}

async function mountOntoItself(
  context: RepositoryContext,
  { blob, signal }: CheckMountOptions,
  reason: string,
): Promise<Check> {
  if (!blob) {
    const detail = `not tried: ${reason}, and the repository has no blob`;
    return { name: "mount", status: "skipped", detail };
  }
  const check = await mount(context, blob, { from: context.repository, signal });
  return { ...check, detail: `${check.detail} (tried within the repository: ${reason})` };
}

/** Asks to delete what is not there: who says that it is unknown would have done it. */
async function deletesBlobs(
  context: RepositoryContext,
  probe: Descriptor,
  { signal }: CheckMountOptions,
): Promise<boolean> {
  try {
    await deleteBlob(context, probe, signal);
    return true;
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof RegistryResponseError)) throw error;
    const codes = error.serverErrors.map(({ code }) => code);
    return codes.includes("BLOB_UNKNOWN") || codes.includes("NAME_UNKNOWN");
  }
}

async function deleteBlob(
  { host, repository }: RepositoryContext,
  { digest }: Descriptor,
  signal: AbortSignal | undefined,
): Promise<void> {
  const response = await host.sendOnce({
    method: "DELETE",
    target: `/v2/${repository}/blobs/${digest}`,
    scopes: [repositoryScope(repository, "pull", "push", "delete")],
    accepts: [200, 202, 204],
    signal,
  });
  await response.discard();
}

interface Upload {
  readonly bytes: Buffer;
  readonly probe: Descriptor;
  readonly signal: AbortSignal | undefined;
}

async function upload(context: RepositoryContext, { bytes, probe, signal }: Upload): Promise<void> {
  const { location } = await startUpload(context, { signal });
  try {
    const response = await context.host.sendOnce({
      method: "PUT",
      target: commitUrlOf(location, probe.digest),
      headers: { "content-type": "application/octet-stream" },
      body: bytes,
      scopes: [repositoryScope(context.repository, "pull", "push")],
      accepts: [200, 201, 204],
      signal,
    });
    await response.discard();
  } catch (error) {
    await cancelUpload(context, location);
    throw error;
  }
}

/** Deletes the probe and looks whether that was done. Not stopped by the user: then above all it has to be. */
async function isGone(context: RepositoryContext, probe: Descriptor): Promise<boolean> {
  const signal = AbortSignal.timeout(CLEAN_UP_LIMIT_MS);
  try {
    if (!(await existsBlob(context, probe, { signal }))) return true;
    await deleteBlob(context, probe, signal);
    return !(await existsBlob(context, probe, { signal }));
  } catch {
    return false;
  }
}
